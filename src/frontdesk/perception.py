"""What the service asks of those who make out files: to write down what a voice message says, or a picture shows."""

from __future__ import annotations

from typing import Protocol, Self

from msgspec import Struct

from frontdesk.core.event import Sense, Usage

WORDS_CHARACTERS_MAX = 4_000


class ContactFile(Struct, frozen=True, kw_only=True):
    """A file of a contact's, whole. Its bytes are anybody's, and so is what it says its type is."""

    body: bytes
    mime_type: str
    sense: Sense


class MadeOut(Struct, frozen=True, kw_only=True):
    """What was made out: `words`, "" where there is nothing. `model`: the one that did it."""

    words: str
    model: str = ""
    usage: Usage | None = None


class Perception(Protocol):
    """Makes out files of one kind."""

    async def perceive(self, file: ContactFile, *, within_seconds: float) -> MadeOut:
        """What the file says or shows, as data: at most `WORDS_CHARACTERS_MAX` characters. The caller stops waiting
        after `within_seconds`, and may ask again. Raises the three failures."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...
