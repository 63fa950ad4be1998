"""What a channel can do, declared by its provider. Flows are checked against it when they are read, and questions lay
their options out by it; what a channel cannot do then degrades or is refused with a sentence, and is no surprise."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

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


class Capabilities(Struct, frozen=True, kw_only=True):
    """`sends`: the kinds of message that the channel takes. Typing dots, read marks and quoting just stay out where a
    channel lacks them. `keeps_files`: files may be named by the id that they have at the vendor, besides by a link."""

    sends: frozenset[Sendable] = EVERYTHING
    shows_typing: bool = True
    marks_read: bool = True
    quotes: bool = True
    keeps_files: bool = True

    @property
    def shows_buttons(self) -> bool:
        """Whether options can be tapped; where they cannot, they are numbered and written."""
        return {"buttons", "list_menu"} <= self.sends
