"""What starts a flow: found by index, so that a message costs the same with a thousand flows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from frontdesk.core.event import Referral
from frontdesk.core.flow import Book, Interrupt, Rules
from frontdesk.core.letters import fold, words
from frontdesk.core.trigger import Keyword

HEARD_CHARACTERS_MAX = 400
"""Longer messages are questions or stories, not the name of a flow."""


def heard(text: str) -> tuple[str, ...]:
    """The folded words of a message, as far as phrases are looked for in it."""
    return words(fold(text)) if len(text) <= HEARD_CHARACTERS_MAX else ()


def keyword(book: Book, spoken: Sequence[str]) -> Keyword | None:
    """The longest phrase of a flow that a short message holds as whole words; the first one of equals."""
    if not spoken or len(spoken) > book.rules.keyword_words_max:
        return None
    found = [
        candidate
        for place, word in enumerate(spoken)
        for candidate in book.triggers.keywords.get(word, ())
        if tuple(spoken[place : place + len(candidate.words)]) == candidate.words
    ]
    return max(found, key=lambda one: len(one.words), default=None)


def interrupt(rules: Rules, spoken: tuple[str, ...]) -> Interrupt | None:
    """The interrupt that the whole message is."""
    if not spoken:
        return None
    return next((one for one in rules.interrupts if is_phrase(spoken, one.phrases)), None)


def is_phrase(spoken: tuple[str, ...], phrases: Iterable[tuple[str, ...]]) -> bool:
    """Whether the message is one of the phrases, and nothing else."""
    return spoken in phrases


def advertised(book: Book, referral: Referral | None) -> str:
    """The flow for the advertisement that the contact came from."""
    if referral is None:
        return ""
    return book.triggers.ads.get(referral.source_id) or book.triggers.ads.get("*", "")
