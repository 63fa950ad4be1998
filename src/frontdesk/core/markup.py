"""From the Markdown that models write to the marks that WhatsApp shows, in pieces that it accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r"```[^\n`]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_LINE_RULES = (
    (re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE), r"**\1**"),
    (
        re.compile(
            r"^[ \t]{0,3}(?:-[ \t]*){3,}$|^[ \t]{0,3}(?:\*[ \t]*){3,}$|^[ \t]{0,3}(?:_[ \t]*){3,}$", re.MULTILINE
        ),
        "",
    ),
    (re.compile(r"^([ \t]*)[*+][ \t]+", re.MULTILINE), r"\1- "),
    (re.compile(r"^(?=[^\n]*\|)[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$\n?", re.MULTILINE), ""),
)
_TABLE_ROW = re.compile(r"^[ \t]*\|(.+)\|[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\((\S{1,2000}?)(?:[ \t]+\"[^\"\n]*\")?\)")
_BOLD_ITALIC = re.compile(r"\*\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*\*")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|(?<!\w)__(?=\S)(.+?)(?<=\S)__(?!\w)")
_ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![\w*])")
_STRIKE = re.compile(r"~~(?=\S)(.{1,500}?)(?<=\S)~~")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？।])[\"')\]»”’*_~]*\s+")
_TRAILING = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_BOLD_MARK = "\ufdd0"
_KEEP = "\ufdd1"
_KEPT = re.compile(f"{_KEEP}(\\d+){_KEEP}")


def to_whatsapp(markdown: str) -> str:
    """Markdown as WhatsApp's marks: `*bold*`, `_italic_`, `~struck~`, code as it is; links written out.

    Anything that is no Markdown passes unchanged, but for trailing blanks and runs of empty lines.
    """
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f"{_KEEP}{len(kept) - 1}{_KEEP}"

    text = markdown.replace(_BOLD_MARK, "").replace(_KEEP, "").replace("\r\n", "\n")
    text = _FENCE.sub(lambda found: keep(f"```{found[1].rstrip()}```"), text)
    text = _INLINE_CODE.sub(lambda found: keep(found[0]), text)
    for pattern, replacement in _LINE_RULES:
        text = pattern.sub(replacement, text)
    text = _TABLE_ROW.sub(lambda found: " – ".join(cell.strip() for cell in found[1].split("|")), text)
    text = _LINK.sub(lambda found: keep(_written_out(found[1], found[2])), text)
    text = _BOLD_ITALIC.sub(rf"{_BOLD_MARK}_\1_{_BOLD_MARK}", text)
    text = _BOLD.sub(lambda found: f"{_BOLD_MARK}{found[1] or found[2]}{_BOLD_MARK}", text)
    text = _ITALIC.sub(r"_\1_", text)
    text = _STRIKE.sub(r"~\1~", text).replace(_BOLD_MARK, "*")
    while _KEEP in text:
        text = _KEPT.sub(lambda found: kept[int(found[1])], text)
    return re.sub(r"\n{3,}", "\n\n", _TRAILING.sub("", text)).strip()


def _written_out(label: str, url: str) -> str:
    return url if not label or label == url else f"{label} ({url})"


def split(text: str, limit: int) -> tuple[str, ...]:
    """Pieces of at most `limit` UTF-16 units each (vendors do not say how they count; this is the strictest way),
    cut between paragraphs where that fits, else between sentences, else words, else anywhere."""
    pieces: list[str] = []
    rest = text.strip()
    while length(rest) > limit:
        cut = _cut_at(rest, limit)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(piece for piece in (*pieces, rest) if piece)


def length(text: str) -> int:
    """UTF-16 units: 2 for what lies outside the basic plane, such as most emoji."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def _cut_at(text: str, limit: int) -> int:
    fits = _prefix(text, limit)
    window = text[: fits + 1]  # a blank may follow what fits; it is not sent
    enough = fits // 2
    for cuts in (_ends(r"\n\s*\n", window), _ends(_SENTENCE_END, window), _ends(r"\n", window), _ends(r"\s+", window)):
        cut = max(cuts, default=0)
        if cut > enough:
            return cut
    return max(_ends(r"\s+", window), default=0) or fits


def _prefix(text: str, limit: int) -> int:
    units = 0
    for index, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > limit:
            return index
    return len(text)


def _ends(pattern: str | re.Pattern[str], text: str) -> Iterator[int]:
    return (found.end() for found in re.finditer(pattern, text) if found.end())
