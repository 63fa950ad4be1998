"""What a `say` step says, as content that a channel can send."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

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

if TYPE_CHECKING:
    from frontdesk.core.running import Runner


def content_of(said: Said, runner: Runner) -> Content | None:
    """The content, in the contact's language; None for a template of a category that the contact has refused."""
    values = runner.values
    match said:
        case TextSaid():
            return Text(body=runner.words(said.words), shows_preview=said.shows_preview)
        case MediaSaid():
            return Media(
                kind=said.kind,
                link=said.link.render(values),
                caption=runner.words(said.caption) if said.caption else None,
                filename=said.filename.render(values) if said.filename else None,
            )
        case TemplateSaid():
            if said.category in runner.plan.state.refused_consents:
                return None
            return _template(said, runner)
        case LocationSaid():
            return Location(
                latitude=said.latitude,
                longitude=said.longitude,
                name=runner.words(said.name) if said.name else None,
                address=runner.words(said.address) if said.address else None,
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
                body=runner.words(said.words), label=runner.words(said.label), url=said.url.render(values)
            )
        case _ as unreachable:
            assert_never(unreachable)


def _template(said: TemplateSaid, runner: Runner) -> Template:
    # WhatsApp refuses a template with five blanks in a row in a parameter, and contacts choose their names themselves.
    parameters = tuple(TemplateParameter(text=" ".join(one.render(runner.values).split())) for one in said.parameters)
    parts = (TemplatePart(part="body", parameters=parameters),) if parameters else ()
    return Template(name=said.name, language=said.language or runner.languages[0], parts=parts)
