"""Meta's limits, checked before a message leaves: one sentence that names the limit beats a code an hour later.

Characters are counted as code points; how Meta counts them is nowhere written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from frontdesk.core.message import (
    Buttons,
    ContactCards,
    ContactInfoRequest,
    Content,
    Form,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Template,
    Text,
)
from frontdesk.ports import OutgoingMessage, PermanentFailure

REFERENCE_MAX = 512
TEXT_MAX = 4096
BODY_MAX = CAPTION_MAX = 1024
HEADER_MAX = FOOTER_MAX = 60
LABEL_MAX = 20
FORM_LABEL_MAX = 30
BUTTONS_MAX = 3
BUTTON_ID_MAX = 256
ROWS_MAX = SECTIONS_MAX = 10
ROW_ID_MAX = 200
ROW_TITLE_MAX = 24
ROW_DESCRIPTION_MAX = 72


def check_limits(message: OutgoingMessage) -> None:
    """Raises PermanentFailure with a sentence."""
    _check_length("the reference", message.reference, REFERENCE_MAX, 0)
    _check_content(message.content)


def _check_content(content: Content) -> None:
    match content:
        case Text():
            _check_length("the text", content.body, TEXT_MAX)
        case Media():
            _check_media(content)
        case Location():
            if not (-90 <= content.latitude <= 90 and -180 <= content.longitude <= 180):
                _refuse("the location is not on earth")
        case ContactCards():
            if not content.cards or not all(card.formatted_name.strip() for card in content.cards):
                _refuse("contact cards need a name each")
        case Template():
            _check_template(content)
        case Buttons() | ListMenu() | LinkButton() | LocationRequest() | ContactInfoRequest() | Form():
            _check_interactive(content)
        case _:
            pass


def _check_media(media: Media) -> None:
    if not media.media_id and not media.link:
        _refuse("the file has neither an id at Meta nor a link", code="media_missing")
    if not media.media_id and media.link:
        _check_link(media.link)
    _check_length("the caption", media.caption or "", CAPTION_MAX, 0)


def _check_link(link: str) -> None:
    if not link.startswith(("https://", "http://")):
        _refuse("a link has to begin with https://")


def _check_interactive(
    content: Buttons | ListMenu | LinkButton | LocationRequest | ContactInfoRequest | Form,
) -> None:
    _check_length("the text", content.body, BODY_MAX)
    _check_length("the header", getattr(content, "header", None) or "", HEADER_MAX, 0)
    _check_length("the footer", getattr(content, "footer", None) or "", FOOTER_MAX, 0)
    match content:
        case Buttons():
            _check_buttons(content)
        case ListMenu():
            _check_list(content)
        case LinkButton():
            _check_length("the button's title", content.label, LABEL_MAX)
            _check_link(content.url)
        case Form():
            _check_length("the button's title", content.label, FORM_LABEL_MAX)
        case _:
            pass


def _check_buttons(content: Buttons) -> None:
    _check_count("buttons", content.buttons, BUTTONS_MAX)
    for button in content.buttons:
        _check_length("a button's title", button.title, LABEL_MAX)
        _check_length("a button's id", button.id, BUTTON_ID_MAX)
    _check_unique("button ids", (button.id for button in content.buttons))
    _check_unique("button titles", (button.title for button in content.buttons))


def _check_list(content: ListMenu) -> None:
    rows = [row for section in content.sections for row in section.rows]
    _check_length("the button's title", content.button, LABEL_MAX)
    _check_count("sections", content.sections, SECTIONS_MAX)
    _check_count("rows", rows, ROWS_MAX)
    for section in content.sections:
        _check_length("a section's title", section.title or "", ROW_TITLE_MAX, int(len(content.sections) > 1))
        _check_count("rows in a section", section.rows, ROWS_MAX)
    for row in rows:
        _check_length("a row's title", row.title, ROW_TITLE_MAX)
        _check_length("a row's description", row.description or "", ROW_DESCRIPTION_MAX, 0)
        _check_length("a row's id", row.id, ROW_ID_MAX)
    _check_unique("row ids", (row.id for row in rows))


def _check_template(template: Template) -> None:
    for part in template.parts:
        for parameter in part.parameters:
            if parameter.media is not None:
                _check_media(parameter.media)
            elif parameter.payload is None and not (parameter.text or "").strip():
                _refuse(f"template {template.name} has an empty value in its {part.part}")


def _check_length(what: str, text: str, longest: int, shortest: int = 1) -> None:
    if len(text) > longest:
        _refuse(f"{what} has {len(text)} characters; WhatsApp takes {longest}")
    if shortest and not text.strip():
        _refuse(f"{what} is empty")


def _check_count(what: str, things: Sequence[object], most: int) -> None:
    if not 1 <= len(things) <= most:
        _refuse(f"there are {len(things)} {what}; WhatsApp takes 1 to {most}")


def _check_unique(what: str, values: Iterable[str]) -> None:
    found = list(values)
    if len(set(found)) < len(found):
        _refuse(f"{what} have to differ from one another")


def _refuse(reason: str, code: str = "over_limit") -> None:
    raise PermanentFailure(reason, code=code)
