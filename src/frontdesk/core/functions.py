"""The functions that expressions may call: a fixed table of name, arguments and what is done.

Where a text is expected, a variable that is not set is the empty text, as it is in a wording: a photo has no
`message.text`, and asking whether it contains a word is no mistake. What people typed and is no number or no date is
nothing (None), which `empty` tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal

from msgspec import Struct

from frontdesk.core.letters import fold
from frontdesk.core.token import NUMBER_MAX
from frontdesk.core.value import (
    TEXT_CHARACTERS_MAX,
    EvaluationError,
    Value,
    checked_number,
    checked_text,
    is_number,
    kind,
    shown,
)

DECIMALS_MAX = 6

_NUMBER = re.compile(r"[+-]?\d{1,16}(\.\d{1,16})?")  # digits of every script
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?", re.DOTALL)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EXACT = Context(prec=400)


class Function(Struct, frozen=True):
    """What a name stands for: how it is written, how many arguments it takes, what it does with them."""

    usage: str
    least: int
    most: int
    call: Callable[..., Value]


def as_text(value: Value) -> str:
    """The text that a function was given."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise EvaluationError(f"A text is needed, but {kind(value)} was given; make it one with text(…).")


def as_number(value: Value) -> int | float:
    """The number that a function was given."""
    if is_number(value):
        return checked_number(value)  # type: ignore[arg-type]  # it is a number
    raise EvaluationError(f"A number is needed, but {kind(value)} was given; make it one with number(…).")


def number(value: Value) -> Value:
    """The number that a text says; None if it says none. No separators of thousands: 1.200 and 1,200 mean two things
    in two countries."""
    if is_number(value):
        return value
    said = as_text(value).strip()
    if not _NUMBER.fullmatch(said):
        return None
    read = float(said) if "." in said else int(said)
    return read if abs(read) <= NUMBER_MAX else None


def day(value: Value) -> date | None:
    """The date in a text that begins with YYYY-MM-DD, alone or before a time of day; None if there is none."""
    found = _DATE.fullmatch(as_text(value).strip())
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:  # the 31st of February
        return None


def rounded(value: float, decimals: int) -> Decimal | None:
    """Rounded as people do, halves away from zero, as they see the number; None if it is too large for digits."""
    if not abs(value) <= NUMBER_MAX:
        return None
    step = Decimal(1).scaleb(-decimals, _EXACT)
    return Decimal(repr(value)).quantize(step, ROUND_HALF_UP, _EXACT)


def _round(value: Value, decimals: Value = 0) -> Value:
    places = as_number(decimals)
    if places not in range(DECIMALS_MAX + 1):
        raise EvaluationError(f"round(…) takes a whole number of decimals from 0 to {DECIMALS_MAX}.")
    near = rounded(as_number(value), int(places))
    if near is None:
        return value
    return float(near) if places else int(near)


def _extreme(choose: Callable[[list[int | float]], int | float], given: tuple[Value, ...]) -> Value:
    items = given[0] if len(given) == 1 and isinstance(given[0], tuple) else given
    if not items:
        raise EvaluationError("An empty list has no smallest or largest number; test it with empty(…) first.")
    return choose([as_number(item) for item in items])


def _empty(value: Value) -> bool:
    return value is None or value == () or (isinstance(value, str) and not value.strip())


def _length(value: Value) -> int:
    return len(value) if isinstance(value, tuple) else len(as_text(value))


def _contains(value: Value, part: Value) -> bool:
    if isinstance(value, tuple):
        sought = _folded(part)
        return any(_folded(item) == sought for item in value)
    return _meets(str.__contains__, value, part)


def _folded(value: Value) -> Value:
    return fold(value[:TEXT_CHARACTERS_MAX]) if isinstance(value, str) else value


def _meets(test: Callable[[str, str], bool], value: Value, part: Value) -> bool:
    """An empty part is found nowhere: it is a variable that is not set, and not meant to match everything."""
    sought = fold(as_text(part))
    return test(fold(as_text(value)), sought) if sought else False


def _day_of_week(value: Value) -> Value:
    on = day(value)
    return None if on is None else _DAYS[on.weekday()]


def _days_between(first: Value, second: Value) -> Value:
    begin, end = day(first), day(second)
    return None if begin is None or end is None else (end - begin).days


def _text(value: Value) -> str:
    return checked_text(shown(value))


FUNCTIONS = {
    "lower": Function("lower(text)", 1, 1, lambda value: checked_text(as_text(value).lower())),
    "upper": Function("upper(text)", 1, 1, lambda value: checked_text(as_text(value).upper())),
    "trim": Function("trim(text)", 1, 1, lambda value: as_text(value).strip()),
    "length": Function("length(text or list)", 1, 1, _length),
    "contains": Function("contains(text or list, part)", 2, 2, _contains),
    "starts_with": Function("starts_with(text, part)", 2, 2, lambda value, part: _meets(str.startswith, value, part)),
    "ends_with": Function("ends_with(text, part)", 2, 2, lambda value, part: _meets(str.endswith, value, part)),
    "empty": Function("empty(value)", 1, 1, _empty),
    "number": Function("number(text)", 1, 1, number),
    "text": Function("text(value)", 1, 1, _text),
    "round": Function("round(number, decimals)", 1, 2, _round),
    "min": Function("min(number, number, …)", 1, 100, lambda *given: _extreme(min, given)),
    "max": Function("max(number, number, …)", 1, 100, lambda *given: _extreme(max, given)),
    "abs": Function("abs(number)", 1, 1, lambda value: abs(as_number(value))),
    "day_of_week": Function("day_of_week(date)", 1, 1, _day_of_week),
    "days_between": Function("days_between(date, date)", 2, 2, _days_between),
}
