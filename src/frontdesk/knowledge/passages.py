"""Sections of a file, cut into passages: small enough for a prompt, never across a heading, and named so that an id
means the same text for as long as the text stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from msgspec import Struct

from frontdesk.core.letters import fold, words
from frontdesk.core.prompt import Passage

CHARACTERS_MAX = 1_200
"""Of a passage's text. A prompt holds a handful of them, and a customer's question is rarely answered by more."""

PASSAGES_MAX = 20_000
"""Of one file."""

TITLE_CHARACTERS_MAX = 300
PLACE_CHARACTERS_MAX = 400
"""Of an id before its number: what an index of PostgreSQL's takes, in any script. Longer ones end in a digest."""

PATH_SIGN = " › "
_SLUG_WORDS_MAX = 8
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？।])[\"'”’)\]]*\s+")


class Block(Struct, frozen=True, kw_only=True):
    """A paragraph, a list or a table, as lines. `header`: lines that every piece of a table repeats."""

    text: str
    header: str = ""


class Section(Struct, frozen=True, kw_only=True):
    """What stands below one heading and above the next. `path`: the headings above it, the outermost first."""

    path: tuple[str, ...]
    blocks: tuple[Block, ...]


class Unreadable(Exception):
    """A file that cannot be used: what is wrong and the cure, without the file's name and without a full stop."""


def cut(name: str, sections: Sequence[Section]) -> list[Passage]:
    """The passages of a file. Their ids are `name#heading-path`, with `.2`, `.3` … for what follows below the same
    headings; the title is the heading path, or the file's name where there is none. Raises Unreadable."""
    found: list[Passage] = []
    seen: Counter[str] = Counter()
    for section in sections:
        place = f"{name}#{'/'.join(filter(None, map(_slug, section.path)))}".removesuffix("#")
        place = _bounded(place)
        title = (PATH_SIGN.join(section.path) or _title(name))[:TITLE_CHARACTERS_MAX]
        for text in _packed(section.blocks):
            seen[place] += 1
            number = seen[place]
            found.append(Passage(id=place if number == 1 else f"{place}.{number}", title=title, text=text))
        if len(found) > PASSAGES_MAX:
            raise Unreadable(f"it has more than {PASSAGES_MAX} passages; divide it into several files")
    return found


def _bounded(place: str) -> str:
    if len(place) <= PLACE_CHARACTERS_MAX:
        return place
    end = blake2b(place.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{place[: PLACE_CHARACTERS_MAX - len(end) - 1]}-{end}"


def _slug(heading: str) -> str:
    return "-".join(words(fold(heading))[:_SLUG_WORDS_MAX])


def _title(name: str) -> str:
    stem = name.rpartition("/")[2].rpartition(".")[0] or name
    return stem.replace("-", " ").replace("_", " ")


def _packed(blocks: Sequence[Block]) -> Iterator[str]:
    """Blocks put together as long as they fit; one that is too long is cut by itself."""
    waiting = ""
    for piece in (piece for block in blocks for piece in _pieces(block)):
        together = f"{waiting}\n\n{piece}" if waiting else piece
        if len(together) <= CHARACTERS_MAX:
            waiting = together
            continue
        if waiting:
            yield waiting
        waiting = piece
    if waiting:
        yield waiting


def _pieces(block: Block) -> Iterator[str]:
    text = block.text.strip("\n")
    if not text.strip():
        return
    if len(text) <= CHARACTERS_MAX:
        yield text
        return
    header = block.header if 0 < len(block.header) < CHARACTERS_MAX // 2 else ""
    body = text.removeprefix(header).strip("\n") if header else text
    room = CHARACTERS_MAX - (len(header) + 1 if header else 0)
    for piece in _divided(body, room):
        yield f"{header}\n{piece}" if header else piece


def _divided(text: str, room: int) -> Iterator[str]:
    """Whole lines if they fit, else whole sentences, else whole words, else characters."""
    waiting = ""
    for unit, joint in _units(text, room):
        if waiting and len(waiting) + len(joint) + len(unit) > room:
            yield waiting
            waiting = unit
        else:
            waiting = f"{waiting}{joint}{unit}" if waiting else unit
    if waiting:
        yield waiting


def _units(text: str, room: int) -> Iterator[tuple[str, str]]:
    """What must not be cut, each with what joins it to the one before."""
    lines = text.split("\n")
    for line in lines if _is_rows(lines) else [" ".join(text.split())]:
        joint = "\n"
        for sentence in [line] if len(line) <= room else _SENTENCE_END.split(line):
            for part in _short(sentence.rstrip(), room):
                yield part, joint
                joint = " "


def _is_rows(lines: Sequence[str]) -> bool:
    """Whether the lines mean something: rows of a table, items of a list, code; and not a paragraph that is wrapped."""
    marked = sum(bool(re.match(r"\s*([-*+|>]|\d+[.)])|\s{4}|```", line)) for line in lines)
    return marked * 2 >= len(lines)


def _short(sentence: str, room: int) -> Iterator[str]:
    while len(sentence) > room:
        end = sentence.rfind(" ", room // 2, room)
        end = room if end < 0 else end
        yield sentence[:end].rstrip()
        sentence = sentence[end:].lstrip()
    if sentence:
        yield sentence
