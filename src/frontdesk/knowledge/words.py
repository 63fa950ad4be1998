"""The words of passages and of questions: the same for every search, so that what is found does not hang on whose
tokenizer is asked.

No stemmer: one for English spoils German and knows no Hindi. Words are folded (capitals, accents), and a question's
word also stands for what begins like it, for endings change at the end in all of these languages. How much of a word
is its beginning was measured on `config/knowledge/eval.yaml`; see `begins`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from msgspec import Struct

from frontdesk.core.letters import fold, words

WORDS_MAX = 40
"""Words of a question that are searched for; the rest of a long message adds nothing but time."""

TERM_CHARACTERS_MAX = 60
"""Of a word that is kept; what is longer is no word."""

QUERY_CHARACTERS_MAX = 4_000
"""Of a message that are looked at; nobody asks for longer."""

_STOPS = frozenset(
    fold(word)
    for line in (files(__package__) / "stop_words.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)
"""So common that a match on them alone says nothing."""


class Asked(Struct, frozen=True, kw_only=True):
    """A word of a question. `beginning`: what its relatives begin with, or "" where it stands for itself only."""

    word: str
    beginning: str


def terms(text: str) -> list[str]:
    """The words of a text, in its order, as they are indexed. They hold letters, marks and digits only."""
    return [word[:TERM_CHARACTERS_MAX] for word in words(fold(text))]


def asked(query: str) -> Sequence[Asked]:
    """What a question is searched for: each of its telling words once, in its order."""
    found = dict.fromkeys(word for word in terms(query[:QUERY_CHARACTERS_MAX]) if word not in _STOPS)
    return [Asked(word=word, beginning=begins(word)) for word in list(found)[:WORDS_MAX]]


def begins(word: str) -> str:
    """What a word's relatives begin with: "deliver" for "delivery" and "delivering"."""
    if word[0].isdigit() or len(word) < 3:
        return ""
    if len(word) <= 5:
        return word[: max(3, len(word) - 1)]
    return word[: max(5, len(word) - 3)]
