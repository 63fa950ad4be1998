"""Which of the business's languages a contact writes, told by the script: what can be known without guessing.

Two languages of one script (English and Spanish) are told apart by the phrases that start a flow in one of them, and
by asking the contact; see `docs/flows.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

LETTERS_MAX = 200

# First and last code point of a script's letters, and the languages that are written in it.
_SCRIPTS: tuple[tuple[int, int, str], ...] = (
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "ru uk bg sr mk be kk ky mn tg"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he yi"),
    (0x0600, 0x06FF, "ar fa ur ps sd ckb"),
    (0x0750, 0x077F, "ar fa ur ps sd ckb"),
    (0x0900, 0x097F, "hi mr ne sa kok bho mai"),
    (0x0980, 0x09FF, "bn as"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1200, 0x137F, "am ti"),
    (0x1780, 0x17FF, "km"),
    (0x3040, 0x30FF, "ja"),
    (0x4E00, 0x9FFF, "zh ja"),
    (0xAC00, 0xD7AF, "ko"),
)


def detect(text: str, languages: Sequence[str]) -> str:
    """The first of `languages` that is written in the script of most letters of the text; "" where that tells
    nothing, as with Latin letters."""
    if text.isascii():
        return ""
    counts: dict[str, int] = {}
    letters = 0
    for letter in text[:LETTERS_MAX]:
        if letter.isalpha():
            letters += 1
            written = _languages_of(ord(letter))
            counts[written] = counts.get(written, 0) + 1
    if "zh ja" in counts and "ja" in counts:
        counts["ja"] += counts.pop("zh ja")
    written, count = max(counts.items(), key=lambda one: one[1], default=("", 0))
    if count * 2 <= letters:
        return ""
    return next((language for language in languages if language.split("_")[0] in written.split()), "")


def _languages_of(letter: int) -> str:
    return next((languages for first, last, languages in _SCRIPTS if first <= letter <= last), "")
