"""What people type, made fit to be compared (`fold`) and fit to stand in our own texts (`clean`)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

KEPT_CHARACTERS_MAX = 400
"""Titles and short messages, folded, are kept at hand; of the 65,536 characters that a contact may write, none."""

# Letters of the scripts in which a mark is an accent. Elsewhere (Devanagari, Thai, Arabic …) marks are vowels.
_ACCENTED = (
    "A-Za-z\u00aa-\u02af\u0370-\u052f\u1c80-\u1c8f\u1d00-\u1dbf\u1e00-\u1fff"
    "\u2c60-\u2c7f\ua640-\ua69f\ua720-\ua7ff\uab30-\uab6f"
)
_ACCENTS = re.compile(
    f"(?<=[{_ACCENTED}])[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+")

_ASCII_WORD = re.compile(r"[a-zA-Z0-9]+")
_BREAKS = re.compile("[ ]*[\t-\r\x1c-\x1f\x85\u2028\u2029][\t-\r\x1c-\x1f\x85\u2028\u2029 ]*")
# Lone surrogates cannot be sent, non-characters are marks of our own (`core.markup`). Embeddings, overrides and
# isolates turn what stands around a value; nobody types them, so even balanced ones go. Tag characters carry hidden
# text, except in the flags of England, Scotland and Wales.
_DROPPED = re.compile(
    "(\U0001f3f4[\U000e0030-\U000e007a]{1,8}\U000e007f)"
    "|[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
# What Python calls printable although nothing is seen.
_SEEMS_PRINTABLE = re.compile("[\u034f\u115f\u1160\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
_REPEATED_SELECTORS = re.compile("(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+")
# The (non-)joiner forms letters from Arabic to the Indic scripts, also at the end of a word (an old Malayalam chillu);
# a joiner makes one emoji of several. Between other letters they only hide.
_SYMBOLS = "\u2190-\u2bff\U0001f000-\U0001faff"
_JOINERS = re.compile(
    f"((?<=[\u0600-\u1cff])[\u200c\u200d]|(?<=[{_SYMBOLS}\ufe0f])\u200d(?=[{_SYMBOLS}]))|[\u200c\u200d]"
)


def fold(text: str) -> str:
    """The text without what people leave out when they type: capitals, accents, invisible marks.

    Only marks on Latin, Greek and Cyrillic letters are accents; folding the vowel signs of Hindi would make one word
    of many. For comparing two folded texts; not to be shown.
    """
    if text.isascii():
        return text.lower()
    return _kept_fold(text) if len(text) <= KEPT_CHARACTERS_MAX else _fold(text)


def _fold(text: str) -> str:
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Together again, or one Korean syllable would be found inside another.
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", _INVISIBLE.sub("", apart)))


_kept_fold = lru_cache(maxsize=1_024)(_fold)


def words(text: str) -> tuple[str, ...]:
    """The words of a folded text, without what stands between them. Vowel signs (Hindi, Thai, Arabic …) belong to
    their word."""
    if text.isascii():
        return tuple(_ASCII_WORD.findall(text))
    return tuple("".join([one if unicodedata.category(one)[0] in "LNM" else " " for one in text]).split())


def clean(text: str) -> str:
    """The text without what is not seen but does something: controls, direction overrides, zero-width marks, hidden
    tags. Line breaks and tabs become one blank (no vendor takes them in a button or a template). Emoji stay."""
    if text.isprintable() and (text.isascii() or not _SEEMS_PRINTABLE.search(text)):
        return text
    text = _REPEATED_SELECTORS.sub("", _DROPPED.sub(r"\1", _BREAKS.sub(" ", text)))
    return _JOINERS.sub(r"\1", text)


def clean_lines(text: str) -> str:
    """The same of a text whose lines are meant: its line breaks stay, and tabs become blanks."""
    return "\n".join(map(clean, text.split("\n")))
