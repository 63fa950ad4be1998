"""Our contents as lines and options. Nothing is lost on the way: headers, footers, labels and links are lines."""

from __future__ import annotations

from frontdesk.core.message import (
    Buttons,
    ContactCards,
    Content,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Section,
    Template,
    TemplateParameter,
    Text,
)
from frontdesk.ports import PermanentFailure
from frontdesk_plugins.console.wire import Option

HOW_TO_SHARE = "(asks for your place: write /at LATITUDE LONGITUDE)"


def render(content: Content) -> tuple[str, tuple[Option, ...]]:
    """The text and what can be tapped below it. Raises PermanentFailure for what a terminal cannot show."""
    match content:
        case Buttons():
            options = tuple(Option(id=button.id, title=button.title) for button in content.buttons)
            return _paragraphs(content.header, content.body, content.footer), options
        case ListMenu():
            options = tuple(option for section in content.sections for option in _rows(section))
            return _paragraphs(content.header, content.body, content.footer), options
        case Template():
            return _template(content)
        case _:
            return _text(content), ()


def _text(content: Content) -> str:
    match content:
        case Text():
            return content.body
        case LinkButton():
            link = f"{content.label}: {content.url}"
            return _paragraphs(content.header, content.body, link, content.footer)
        case LocationRequest():
            return _paragraphs(content.body, HOW_TO_SHARE)
        case Media():
            return _paragraphs(content.caption, _file(content))
        case Location():
            place = f"{content.latitude}, {content.longitude}"
            return ", ".join(filter(None, (content.name, content.address, place)))
        case ContactCards():
            return "\n".join(
                ", ".join(filter(None, (card.formatted_name, *card.phones, *card.emails))) for card in content.cards
            )
        case _:
            kind = type(content).__name__
            raise PermanentFailure(f"a terminal cannot show a message of kind {kind}", code="unsupported_content")


def _paragraphs(*parts: str | None) -> str:
    return "\n\n".join(filter(None, parts))


def _rows(section: Section) -> list[Option]:
    """A section's title goes before the descriptions of its rows."""
    return [
        Option(id=row.id, title=row.title, description=", ".join(filter(None, (section.title, row.description))))
        for row in section.rows
    ]


def _file(media: Media) -> str:
    if not media.link:
        raise PermanentFailure("a terminal shows files by their address only", code="media_missing")
    return f"({' '.join(filter(None, (media.kind, media.filename)))}) {media.link}"


def _template(template: Template) -> tuple[str, tuple[Option, ...]]:
    """Its words are the vendor's; what is known here are its name and the values that go into it."""
    values = (value for part in template.parts if part.part != "button" for value in part.parameters)
    lines = [f"(template {template.name}, {template.language})", *map(_value, values)]
    buttons = (value for part in template.parts if part.part == "button" for value in part.parameters)
    payloads = (value.payload for value in buttons if value.payload)
    return "\n".join(lines), tuple(Option(id=payload, title=payload) for payload in payloads)


def _value(value: TemplateParameter) -> str:
    return _file(value.media) if value.media else value.text or ""
