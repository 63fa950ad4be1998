"""What a channel can do, declared by its provider. Flows are checked against it when they are read, and questions lay
their options out by it; what a channel cannot do then degrades or is refused with a sentence, and is no surprise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from msgspec import Struct

from frontdesk.core.event import Address, AddressKind
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
    Reaction,
    Template,
    Text,
)

Sendable = Literal[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contact_cards",
    "buttons",
    "list_menu",
    "link_button",
    "location_request",
    "contact_info_request",
    "form",
    "template",
    "reaction",
]
"""The kinds of message that may be sent; files by what they are."""

EVERYTHING: frozenset[Sendable] = frozenset(get_args(Sendable))

EVERYBODY: frozenset[AddressKind] = frozenset(get_args(AddressKind))

_KINDS: dict[type[Struct], Sendable] = {
    Text: "text",
    Location: "location",
    ContactCards: "contact_cards",
    Buttons: "buttons",
    ListMenu: "list_menu",
    LinkButton: "link_button",
    LocationRequest: "location_request",
    ContactInfoRequest: "contact_info_request",
    Form: "form",
    Template: "template",
    Reaction: "reaction",
}


class Capabilities(Struct, frozen=True, kw_only=True):
    """`sends`: the kinds of message that the channel takes. Typing dots, read marks and quoting just stay out where a
    channel lacks them. `keeps_files`: files may be named by the id that they have at the vendor, besides by a link.
    `reaches`: the kinds of address that can be written to."""

    sends: frozenset[Sendable] = EVERYTHING
    shows_typing: bool = True
    marks_read: bool = True
    quotes: bool = True
    keeps_files: bool = True
    reaches: frozenset[AddressKind] = EVERYBODY

    @property
    def shows_buttons(self) -> bool:
        """Whether options can be tapped; where they cannot, they are numbered and written."""
        return {"buttons", "list_menu"} <= self.sends

    def obstacle(self, content: Content, to: Sequence[Address], *, is_home: bool = False) -> str:
        """Why a message that was decided for another channel cannot go by this one, as half a sentence; "" where it
        can. A file that has only an id is where it was left (at home, as a rule), and nowhere else."""
        kind = content.kind if isinstance(content, Media) else _KINDS.get(type(content))
        if kind is None or kind not in self.sends:
            return f"no message of kind {kind or type(content).__name__} can be sent by it"
        if any(media.link is None for media in _files(content)) and not (is_home and self.keeps_files):
            return "the file has no public address, only an id at the other vendor"
        if not any(address.kind in self.reaches for address in to):
            return f"the contact has no address of kind {' or '.join(sorted(self.reaches))}"
        return ""


def _files(content: Content) -> list[Media]:
    match content:
        case Media():
            return [content]
        case Template():
            found = (parameter.media for part in content.parts for parameter in part.parameters)
            return [media for media in found if media]
        case _:
            return []
