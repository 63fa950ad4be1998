"""Texts with places for variables: `Hello {{ contact.name | first(20) | default("there") }}`.

A place is a variable and the filters that its value goes through, left to right; nothing is calculated here. For a
literal `{{` write `{{{{`, for `}}` write `}}}}`; single braces are text.

What a variable holds is data. It is made clean before any filter sees it (`core.letters.clean`), is never read as a
wording itself, and takes at most 1,000 characters, the last of them “…” where it was longer. Rendering fails for
nothing: a variable that is not set is "", yes and no are written so, a filter that a value does not fit (a date of
no date) leaves it as it is. Months and days are written in English. Numbers are plain: 3, not 3.0; at most six
decimals, no exponents.

Filters never make a value longer than `longest` says, for WhatsApp's limits are checked before the first contact
comes. That is why `upper` leaves the ß, which would become two letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import reduce

from msgspec import Struct

from frontdesk.core.functions import DECIMALS_MAX, day, number, rounded
from frontdesk.core.letters import clean
from frontdesk.core.token import Misread, Token, nearest, tokens, variable
from frontdesk.core.value import TEXT_CHARACTERS_MAX, Value, is_number, shown, shown_items

SOURCE_CHARACTERS_MAX = 4_096
PLACES_MAX = 100
FILTERS_MAX = 10
VALUE_CHARACTERS_MAX = 1_000

_MARK = re.compile(r"\{\{\{\{|\}\}\}\}|\{\{|\}\}")
_WORDS = re.compile(r"\S+")
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
# How long it can be, and how it is written.
_DATE_WORDS: dict[str, tuple[int, Callable[[date], str]]] = {
    "D": (2, lambda on: str(on.day)),
    "DD": (2, lambda on: f"{on.day:02}"),
    "DDD": (3, lambda on: _DAYS[on.weekday()][:3]),
    "DDDD": (9, lambda on: _DAYS[on.weekday()]),
    "M": (2, lambda on: str(on.month)),
    "MM": (2, lambda on: f"{on.month:02}"),
    "MMM": (3, lambda on: _MONTHS[on.month - 1][:3]),
    "MMMM": (9, lambda on: _MONTHS[on.month - 1]),
    "YY": (2, lambda on: f"{on.year % 100:02}"),
    "YYYY": (4, lambda on: f"{on.year:04}"),
}
_LETTERS = re.compile(r"[^\W\d_]+")


class WordingError(ValueError):
    """The wording cannot be used: a sentence with the cure, and the line and column (from 1) where it fails."""

    def __init__(self, sentence: str, line: int, column: int) -> None:
        super().__init__(f"{sentence} (line {line}, column {column})")
        self.sentence = sentence
        self.line = line
        self.column = column


class Filter(Struct, frozen=True, eq=False):
    """What is done to a value, and how long it can be after that if it was `n` characters before."""

    apply: Callable[[Value], Value]
    longest: Callable[[int], int]


class Place(Struct, frozen=True, eq=False):
    """Where a variable stands, and what is done to it."""

    name: str
    filters: tuple[Filter, ...]

    def render(self, values: Mapping[str, Value]) -> str:
        """What stands there for these values."""
        value: Value = _made_clean(values.get(self.name))
        for filtering in self.filters:
            value = filtering.apply(value)
        return _cut(shown(value))

    def longest(self, lengths: Mapping[str, int]) -> int:
        """How many characters it takes at most."""
        length = min(lengths.get(self.name, VALUE_CHARACTERS_MAX), VALUE_CHARACTERS_MAX)
        return min(reduce(lambda n, filtering: filtering.longest(n), self.filters, length), VALUE_CHARACTERS_MAX)


class Wording(Struct, frozen=True, kw_only=True, eq=False):
    """A text that was read: what the author wrote, the variables in it, and what it consists of."""

    text: str
    names: frozenset[str]
    parts: tuple[str | Place, ...]

    def render(self, values: Mapping[str, Value]) -> str:
        """The text for these variables (`{"contact.name": "Asha"}`). Never fails."""
        return "".join([part if isinstance(part, str) else part.render(values) for part in self.parts])

    def referring(self, values: Mapping[str, Value]) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The text with `[contact.name]` where a variable holds words, and what the references stand for: others wrote
        those, and the text is for somebody who must not take them for the author's."""
        said: list[str] = []
        meant: dict[str, str] = {}
        for part in self.parts:
            if isinstance(part, str) or not isinstance(values.get(part.name), str | tuple):
                said.append(part if isinstance(part, str) else part.render(values))
                continue
            shown, name = part.render(values), part.name
            while meant.setdefault(name, shown) != shown:
                name += "'"
            said.append(f"[{name}]")
        return "".join(said), tuple(meant.items())

    def longest(self, lengths: Mapping[str, int]) -> int:
        """The most characters it can become if each variable, written without filters, takes at most `lengths`; one
        that is not named there may take all that a variable can."""
        return sum(len(part) if isinstance(part, str) else part.longest(lengths) for part in self.parts)


def compile_wording(text: str) -> Wording:
    """Read a text of at most 4,096 characters with at most 100 places; raises WordingError."""
    try:
        parts = tuple(_parts(text))
    except Misread as error:
        line = text.count("\n", 0, error.at) + 1
        column = error.at - (text.rfind("\n", 0, error.at) + 1) + 1
        raise WordingError(error.sentence, line, column) from None
    names = frozenset(part.name for part in parts if isinstance(part, Place))
    return Wording(text=text, names=names, parts=parts)


def _parts(text: str) -> list[str | Place]:
    if len(text) > SOURCE_CHARACTERS_MAX:
        raise Misread(
            f"The text is too long; WhatsApp takes {SOURCE_CHARACTERS_MAX} characters.", SOURCE_CHARACTERS_MAX
        )
    parts: list[str | Place] = []
    at = 0
    while mark := _MARK.search(text, at):
        parts.append(text[at : mark.start()])
        at = mark.end()
        match mark[0]:
            case "{{":
                place, at = _place(text, mark.start())
                parts.append(place)
            case "}}":
                raise Misread("Nothing is open that this }} could close; write }}}} for a literal }}.", mark.start())
            case escaped:
                parts.append(escaped[:2])
        if len(parts) > 2 * PLACES_MAX:
            raise Misread(f"The text has too many places for variables; at most {PLACES_MAX} fit.", mark.start())
    return [part for part in (*parts, text[at:]) if part != ""]


def _place(text: str, begin: int) -> tuple[Place, int]:
    """What stands between `{{` at `begin` and its `}}`, and where the text goes on."""
    inside: list[Token] = []
    for token in tokens(text, begin + 2):
        if token.text == "}}":
            break
        inside.append(token)
    else:
        raise Misread("This {{ is never closed; write }} after the variable, or {{{{ for a literal {{.", begin)
    if not inside or inside[0].kind != "name":
        raise Misread("A variable must stand first between {{ and }}, such as {{ contact.name }}.", begin)
    return Place(variable(inside[0]), tuple(_filters(inside[1:]))), token.end


def _filters(pieces: list[Token]) -> list[Filter]:
    """`| name` or `| name(literal)`, again and again."""
    filters: list[Filter] = []
    while pieces:
        bar, *pieces = pieces
        if bar.text != "|":
            raise Misread(
                "Only filters may follow a variable; write | before each, as in {{ flow.note | upper }}.", bar.at
            )
        if not pieces or pieces[0].kind != "name":
            raise Misread("The name of a filter is missing after this |; add it or take the | out.", bar.at)
        called, *pieces = pieces
        argument = None
        if pieces and pieces[0].text == "(":
            if [piece.text for piece in pieces[2:3]] != [")"] or pieces[1].kind not in {"text", "number"}:
                cure = 'one text in quotes or one number, such as default("there") or first(20)'
                raise Misread(f"A filter takes between its brackets {cure}.", pieces[0].at)
            argument, pieces = pieces[1], pieces[3:]
        filters.append(_filter(called, argument))
        if len(filters) > FILTERS_MAX:
            raise Misread(f"A variable has too many filters; at most {FILTERS_MAX} fit.", called.at)
    return filters


def _filter(called: Token, argument: Token | None) -> Filter:
    name = called.text
    if name in _PLAIN:
        if argument:
            raise Misread(f"The filter {name} takes nothing between brackets; take them out.", argument.at)
        return _PLAIN[name]
    if name not in _MADE:
        raise Misread(f"There is no filter “{name[:40]}”{nearest(name, [*_PLAIN, *_MADE])}.", called.at)
    usage, wanted, make = _MADE[name]
    if argument is None or not isinstance(argument.literal, wanted):
        raise Misread(f"The filter {name} is written {usage}.", argument.at if argument else called.at)
    return make(argument.literal, argument.at)


def _same_length(change: Callable[[str], str]) -> Filter:
    """For a change of letters: those that would become several stay."""

    def apply(value: Value) -> str:
        text = shown(value)
        changed = change(text)
        if len(changed) <= len(text):
            return changed
        return "".join([one if len(change(one)) > 1 else change(one) for one in text])

    return Filter(apply, lambda n: n)


def _title(text: str) -> str:
    return _WORDS.sub(lambda word: word[0].capitalize(), text)


def _default(text: str, at: int) -> Filter:
    _no_longer(text, at)
    return Filter(lambda value: value if shown(value).strip() else text, lambda n: max(n, len(text)))


def _first(count: int, _at: int) -> Filter:
    return Filter(lambda value: shown(value)[:count].rstrip("\u200c\u200d"), lambda n: min(n, count))


def _list(separator: str, at: int) -> Filter:
    _no_longer(separator, at)
    growth = max(len(separator) - len(", "), 0)
    return Filter(
        lambda value: separator.join(shown_items(value)) if isinstance(value, tuple) else value,
        lambda n: n + n // len(", ") * growth,
    )


def _no_longer(text: str, at: int) -> None:
    if clean(text) != text:
        raise Misread("The text in quotes has marks that cannot be seen; write it anew.", at)


def _number(decimals: int, at: int) -> Filter:
    if decimals > DECIMALS_MAX:
        raise Misread(f"The filter number writes at most {DECIMALS_MAX} decimals.", at)

    def apply(value: Value) -> Value:
        said = number(value) if isinstance(value, str) or is_number(value) else None
        near = None if said is None else rounded(said, decimals)  # type: ignore[arg-type]  # number() gives numbers
        return value if near is None else f"{near or abs(near):f}"

    # One digit more before the point (9.9 becomes 10), the point, the decimals.
    return Filter(apply, lambda n: n + 2 + decimals if n else 0)


def _date(pattern: str, at: int) -> Filter:
    _no_longer(pattern, at)
    for word in _LETTERS.finditer(pattern):
        if word[0] not in _DATE_WORDS:
            raise Misread(
                f"“{word[0][:40]}” is no part of a date; there are {', '.join(_DATE_WORDS)}.", at + 1 + word.start()
            )

    def apply(value: Value) -> Value:
        on = day(value) if isinstance(value, str) else None
        return value if on is None else _LETTERS.sub(lambda word: _DATE_WORDS[word[0]][1](on), pattern)

    longest = len(_LETTERS.sub(lambda word: "x" * _DATE_WORDS[word[0]][0], pattern))
    return Filter(apply, lambda n: max(n, longest))


def _made_clean(value: Value) -> Value:
    match value:
        case str():
            return _cut(clean(value[:TEXT_CHARACTERS_MAX]))
        case tuple():
            return tuple([_cut(clean(item)) for item in shown_items(value)])
        case _:
            return value


def _cut(text: str) -> str:
    if len(text) <= VALUE_CHARACTERS_MAX:
        return text
    return text[: VALUE_CHARACTERS_MAX - 1].rstrip("\u200c\u200d") + "…"


_PLAIN = {
    "upper": _same_length(str.upper),
    "lower": _same_length(str.lower),
    "title": _same_length(_title),
    "trim": Filter(lambda value: shown(value).strip(), lambda n: n),
}
_MADE: dict[str, tuple[str, type[str] | type[int], Callable[..., Filter]]] = {
    "default": ('default("text")', str, _default),
    "first": ("first(20)", int, _first),
    "date": ('date("DD.MM.YYYY")', str, _date),
    "number": ("number(2)", int, _number),
    "list": ('list(" / ")', str, _list),
}
FILTERS: dict[str, str] = {**{name: name for name in _PLAIN}, **{name: usage for name, (usage, _, _) in _MADE.items()}}
"""Every filter, and how it is written."""
