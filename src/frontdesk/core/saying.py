"""What a `say` step says, as content that a channel can send."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

from frontdesk.core.flow import CardSaid, LinkSaid, LocationSaid, MediaSaid, Said, TemplateSaid, TextSaid
from frontdesk.core.message import (
    ContactCard,
    ContactCards,
    Content,
    LinkButton,
    Location,
    Media,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
)
from frontdesk.core.value import Value

NOTHING = "–"
"""Stands for a parameter that would be empty, where the author has given no `default(…)`."""


def content_of(
    said: Said, values: Mapping[str, Value], languages: Sequence[str], refused: Collection[str]
) -> Content | None:
    """The content, in the first of the contact's `languages` that it is written in; None for a template of a category
    that the contact has `refused`."""
    match said:
        case TextSaid():
            return Text(body=said.words.render(languages, values), shows_preview=said.shows_preview)
        case MediaSaid():
            return Media(
                kind=said.kind,
                link=said.link.render(values),
                caption=said.caption.render(languages, values) if said.caption else None,
                filename=said.filename.render(values) if said.filename else None,
            )
        case TemplateSaid():
            if said.category in refused:
                return None
            return _template(said, values, languages)
        case LocationSaid():
            return Location(
                latitude=said.latitude,
                longitude=said.longitude,
                name=said.name.render(languages, values) if said.name else None,
                address=said.address.render(languages, values) if said.address else None,
            )
        case CardSaid():
            card = ContactCard(
                formatted_name=said.name,
                first_name=said.name,
                phones=said.phones,
                emails=said.emails,
                organisation=said.organisation or None,
            )
            return ContactCards(cards=(card,))
        case LinkSaid():
            return LinkButton(
                body=said.words.render(languages, values),
                label=said.label.render(languages, values),
                url=said.url.render(values),
            )
        case _ as unreachable:
            assert_never(unreachable)


def _template(said: TemplateSaid, values: Mapping[str, Value], languages: Sequence[str]) -> Template:
    # WhatsApp refuses a template with five blanks in a row in a parameter, or with nothing in it, and contacts choose
    # their names themselves.
    texts = (" ".join(one.render(values).split()) or NOTHING for one in said.parameters)
    parameters = tuple(TemplateParameter(text=text) for text in texts)
    parts = (TemplatePart(part="body", parameters=parameters),) if parameters else ()
    return Template(name=said.name, language=said.language or languages[0], parts=parts)
