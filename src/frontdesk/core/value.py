"""The flow language's values: plain data, what may be done with it, and how large it may become.

Nothing is converted silently. A number is not compared with a text, yes and no are not counted, a text is not
multiplied. Equality is the exception that never fails: values of two kinds are simply not equal.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TypeAlias

from frontdesk.core.token import NUMBER_MAX

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | None"

TEXT_CHARACTERS_MAX = 4_096
LIST_ITEMS_MAX = 100
LIST_DEPTH_MAX = 20
LIST_VALUES_MAX = 1_000  # lists in lists counted, so that no list can be doubled again and again
WHOLE_BITS_MAX = 512


class EvaluationError(ValueError):
    """The expression has no value for what the variables hold: a sentence with the cure."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def kind(value: Value) -> str:
    """What a person calls it."""
    match value:
        case None:
            return "nothing (a variable that is not set)"
        case bool():
            return "yes or no"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"


def look_up(values: Mapping[str, Value], name: str) -> Value:
    """What the variable holds; None if it is not set. Of a text longer than any that we could send only the beginning
    is seen, so that hostile length costs little and stops no flow."""
    value = values.get(name)
    if isinstance(value, str):
        return value[:TEXT_CHARACTERS_MAX]
    if value is None or isinstance(value, int | float):
        return value
    if not isinstance(value, tuple):
        raise EvaluationError(f"{name} is no plain data; only texts, numbers, yes or no, and lists can be used.")
    return checked_list(value[:LIST_ITEMS_MAX])


def checked_list(items: tuple[Value, ...]) -> tuple[Value, ...]:
    """The list itself, if it is not too large."""
    if len(items) > LIST_ITEMS_MAX:
        raise EvaluationError(f"A list would become too long; at most {LIST_ITEMS_MAX} items fit.")
    level: list[Value] = list(items)
    count = 0
    for _ in range(LIST_DEPTH_MAX):
        count += len(level)
        if count > LIST_VALUES_MAX:
            break
        level = [inner for item in level if isinstance(item, tuple) for inner in item[: LIST_VALUES_MAX + 1]]
        if not level:
            return items
    raise EvaluationError(f"A list holds too much; lists in lists hold at most {LIST_VALUES_MAX} values together.")


def checked_text(text: str) -> str:
    """The text itself, if it is not too long."""
    if len(text) > TEXT_CHARACTERS_MAX:
        raise EvaluationError(f"A text would become too long; at most {TEXT_CHARACTERS_MAX} characters fit.")
    return text


def checked_number(value: float) -> int | float:
    """The number itself, if it can be trusted: finite, and exact where it is whole."""
    if (isinstance(value, int) and abs(value) > NUMBER_MAX) or not isfinite(value):
        raise EvaluationError(f"A number is too large to be calculated with; the largest is {NUMBER_MAX}.")
    return value


def is_number(value: Value) -> bool:
    """Yes and no are no numbers, whatever Python says."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def add(left: Value, right: Value) -> Value:
    """The sum of two numbers; two texts or two lists, one after the other."""
    if isinstance(left, str) and isinstance(right, str):
        return checked_text(left + right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return checked_list(left + right)
    return calculate("+", left, right)


def calculate(sign: str, left: Value, right: Value) -> Value:
    """One of + - * / % with two numbers."""
    if not (is_number(left) and is_number(right)):
        cure = "make both numbers with number(…)" + (", or both texts with text(…)" if sign == "+" else "")
        raise EvaluationError(f"{kind(left)} {sign} {kind(right)} cannot be calculated; {cure}.")
    first, second = checked_number(left), checked_number(right)  # type: ignore[arg-type]  # both are numbers
    if sign in "/%" and second == 0:
        raise EvaluationError("A number cannot be divided by zero; test the divisor with != 0 first.")
    return checked_number(_CALCULATIONS[sign](first, second))


def order(sign: str, left: Value, right: Value) -> bool:
    """One of < <= > >= with two numbers or two texts."""
    if (isinstance(left, str) and isinstance(right, str)) or (is_number(left) and is_number(right)):
        is_so: bool = _ORDERS[sign](left, right)
        return is_so
    cure = "test with empty(…) first" if left is None or right is None else "make both numbers with number(…)"
    raise EvaluationError(f"{kind(left)} {sign} {kind(right)} cannot be compared; {cure}.")


def is_in(left: Value, right: Value) -> bool:
    """Whether a list holds the value, or a text the other, letter by letter."""
    if isinstance(right, tuple):
        return left in right
    if isinstance(left, str) and isinstance(right, str):
        return left in right
    raise EvaluationError(f"{kind(left)} cannot be looked for in {kind(right)}; use a list, or two texts.")


def negative(value: Value) -> Value:
    """The number below zero."""
    return calculate("-", 0, value)


def shown(value: object) -> str:
    """The value as people read it: 3, not 3.0, at most six decimals; `yes` or `no`; a list with commas; nothing as "".

    Takes anything and never fails: what is no plain data, or no number that has digits, is shown as "", lists inside
    lists and what is left out as "…".
    """
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value) if value.bit_length() <= WHOLE_BITS_MAX else "…"
        case float() if isfinite(value):
            digits = f"{value:.6f}".rstrip("0").rstrip(".")
            return "0" if digits == "-0" else digits
        case tuple():
            return ", ".join(shown_items(value))
        case _:
            return ""


def shown_items(items: tuple[object, ...]) -> list[str]:
    """The items of a list as people read them, not more than any list of ours may have."""
    read = ["…" if isinstance(item, tuple) else shown(item) for item in items[:LIST_ITEMS_MAX]]
    return [*read, "…"] if len(items) > LIST_ITEMS_MAX else read


_CALCULATIONS: dict[str, Callable[[float, float], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
_ORDERS: dict[str, Callable[..., bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
