"""What starts flows: phrases, buttons, advertisements, a first contact, and meanings."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Keyword(Struct, frozen=True, kw_only=True):
    """A phrase of folded words that starts a flow; `language` is the one it is written in ("": any)."""

    words: tuple[str, ...]
    flow: str
    language: str = ""


class Intent(Struct, frozen=True, kw_only=True):
    """A sentence that the language model recognises."""

    sentence: str
    flow: str


class Triggers(Struct, frozen=True, kw_only=True):
    """What starts flows, indexed so that a message costs the same with a thousand flows. `ads`: by source id, "*" for
    any."""

    keywords: Mapping[str, tuple[Keyword, ...]] = {}
    buttons: Mapping[str, str] = {}
    ads: Mapping[str, str] = {}
    first_contact: str = ""
    intents: tuple[Intent, ...] = ()
