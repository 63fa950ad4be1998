"""YAML as far as flows need it: mappings with text keys, lists, and plain values, each with its place.

PyYAML's parser gives the events, and nothing more of it is used. Its resolver would read `no` as false, `1:30` as 90
and `012` as 10; here a scalar without quotes is true, false, nothing (null, ~, or empty), a decimal number of at most
15 digits, or text. Whatever lets a small file become large or means something else than it shows (anchors, aliases,
merge keys, tags, duplicate keys, several documents) is refused with a sentence, and size and depth are bounded before
anything else looks at the tree.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml
from msgspec import Struct

from frontdesk.flows.finding import START, Place

BYTES_MAX = 256 * 1024
DEPTH_MAX = 20
NODES_MAX = 20_000

_PLAIN = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ESCAPES = {"x": 4, "u": 6, "U": 10}


class YamlError(ValueError):
    """The file cannot be used: a sentence with the cure, and the place."""

    def __init__(self, sentence: str, place: Place) -> None:
        super().__init__(f"{place.line}:{place.column}: {sentence}")
        self.sentence = sentence
        self.place = place


class Written(str):
    """A text of the file. It is that text; and it knows where it stands."""

    __slots__ = ("_begin", "_file", "_style")
    _file: _File
    _begin: int
    _style: str

    @property
    def place(self) -> Place:
        """Where it begins, with its quotes."""
        return self._file.place(self._begin)

    def place_of(self, at: int) -> Place:
        """Where the character after the first `at` ones stands in the file, whatever quotes, folds and escapes do."""
        return self._file.place(_source_index(self._file.text, self, at))


class Plain(Struct, frozen=True):
    """Any other value without parts."""

    value: bool | int | float | None
    place: Place


class Listed(Struct, frozen=True):
    """A list."""

    items: list[Node]
    place: Place


class Mapped(Struct, frozen=True):
    """A mapping, in the order of the file."""

    entries: dict[Written, Node]
    place: Place


Node: TypeAlias = Written | Plain | Listed | Mapped


class _File:
    """The text, and where its lines begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, index: int) -> Place:
        line = bisect_right(self.lines, index)
        return Place(line, index - self.lines[line - 1] + 1)


def read_yaml(text: str) -> Node:
    """The tree of a file of at most 256 kB, 20 levels and 20,000 values. Raises YamlError, and nothing else."""
    if len(text) > BYTES_MAX or len(text.encode(errors="replace")) > BYTES_MAX:
        raise YamlError(f"The file is larger than {BYTES_MAX // 1024} kB; divide it into several flows.", START)
    file = _File(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    control = _CONTROL.search(file.text)
    if control:
        raise YamlError(_unseen(control[0]), file.place(control.start()))
    try:
        return _Reader(file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(_explained(error), file.place(min(mark.index, len(file.text))) if mark else START) from None
    except (yaml.YAMLError, RecursionError, MemoryError):
        raise YamlError("The file is no YAML that can be read; check its indentation and quotes.", START) from None


def _unseen(character: str) -> str:
    return f"Here is a character that cannot be seen (U+{ord(character):04X}); take it out."


def _explained(error: yaml.MarkedYAMLError) -> str:
    problem = (error.problem or "it is not YAML").replace("'", "")[:120]
    cure = "check the indentation, and put texts with : # { [ or quotes in them between quotes"
    return f"From here the file cannot be read ({problem}); {cure}."


class _Reader:
    """From the parser's events to nodes, counting."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self.events: Iterator[Any] = iter(yaml.parse(file.text, Loader=_LOADER))
        self.nodes = 0

    def document(self) -> Node:
        self.next()  # the stream begins
        event = self.next()
        if isinstance(event, yaml.StreamEndEvent):
            return Plain(None, START)
        if event.version or event.tags:
            raise self.error(event, "Lines that begin with % are not read; take them out.")
        node = self.node(self.next(), 1)
        self.next()  # the document ends
        event = self.next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self.error(event, "A second document begins here; put it into a file of its own.")
        return node

    def next(self) -> Any:
        return next(self.events)

    def node(self, event: Any, depth: int) -> Node:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise self.error(event, f"The file has more than {NODES_MAX} values; divide it into several flows.")
        if depth > DEPTH_MAX:
            raise self.error(event, f"The file is nested deeper than {DEPTH_MAX} levels; make it flatter.")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self.error(event, "Anchors (&) and aliases (*) are not read; write it out, or put it in quotes.")
        if event.tag is not None:
            raise self.error(event, "Tags (!) are not read; take it out, or put the text in quotes.")
        match event:
            case yaml.ScalarEvent():
                return self.scalar(event)
            case yaml.SequenceStartEvent():
                return self.sequence(event, depth)
            case _:
                return self.mapping(event, depth)

    def scalar(self, event: Any) -> Node:
        if event.implicit[0]:
            if event.value in _PLAIN:
                return Plain(_PLAIN[event.value], self.place(event))
            number = _NUMBER.fullmatch(event.value)
            if number:
                return Plain(float(number[0]) if number[1] else int(number[0]), self.place(event))
        control = _CONTROL.search(event.value)
        if control:  # by an escape
            raise self.error(event, _unseen(control[0]))
        text = Written(event.value)
        text._file, text._begin, text._style = self.file, event.start_mark.index, event.style or ""  # noqa: SLF001
        return text

    def sequence(self, start: Any, depth: int) -> Listed:
        items: list[Node] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Listed(items, self.place(start))

    def mapping(self, start: Any, depth: int) -> Mapped:
        entries: dict[Written, Node] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if not isinstance(key, Written):
                raise self.error(event, "A key must be a text; put it in quotes.")
            if key == "<<" and event.implicit[0]:
                raise self.error(event, "Merge keys (<<) are not read; write it out.")
            if key in entries:
                raise self.error(event, f"The key “{key[:40]}” is there twice; take one out.")
            entries[key] = self.node(self.next(), depth + 1)
        return Mapped(entries, self.place(start))

    def place(self, event: Any) -> Place:
        return self.file.place(event.start_mark.index)

    def error(self, event: Any, sentence: str) -> YamlError:
        return YamlError(sentence, self.place(event))


def _source_index(source: str, text: Written, at: int) -> int:
    """Walk through what was written and what it became side by side. Blanks may have been folded or stripped, so only
    what can be seen is matched exactly."""
    begin, style = text._begin, text._style  # noqa: SLF001
    index = begin
    if style in {"|", ">"}:
        index = source.find("\n", begin) + 1
    elif style:
        index += 1
    for character in text[:at]:
        index = _past(source, _at_visible(source, index, character, style), character, style)
    following = text[at : at + 1]
    return min(_at_visible(source, index, following, style) if following else index, len(source))


def _at_visible(source: str, index: int, character: str, style: str) -> int:
    """Skip blanks that the text does not have, and a line's end that was escaped."""
    if character.isspace():
        return index
    while index < len(source) and (source[index].isspace() or (style == '"' and source[index : index + 2] == "\\\n")):
        index += 2 if source[index] == "\\" else 1
    return index


def _past(source: str, index: int, character: str, style: str) -> int:
    if style == '"' and source[index : index + 1] == "\\":
        return index + _ESCAPES.get(source[index + 1 : index + 2], 2)
    if style == "'" and source[index : index + 2] == "''":
        return index + 2
    if character.isspace() and not source[index : index + 1].isspace():
        return index
    return index + 1
