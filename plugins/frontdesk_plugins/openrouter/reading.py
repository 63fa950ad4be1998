"""Reading JSON of servers that keep to no schema: whatever is not of the kind that was expected is not there."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

COUNT_MAX = 10**14
COST_MAX = Decimal(100_000)
_DECODER = msgspec.json.Decoder(float_hook=str)
"""Numbers with a point stay text, so that a cost keeps its digits."""


def decode(body: bytes) -> Any:
    """The value, or None where it is no JSON."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def within(value: Any, *path: str | int) -> Any:
    """What stands at a path of names and places, or None."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and len(value) > step else None
    return value


def word(value: Any) -> str:
    """A text, or "" where it is none."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    """A whole number that is no surprise, also where it is written as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value <= COUNT_MAX else None


def seconds(value: Any) -> float | None:
    """A span that somebody may mean."""
    try:
        span = float(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return span if 0 <= span <= 10**7 else None


def cost(value: Any) -> str:
    """An amount of dollars as decimal text, "" where it is none (`-1` stands for a price that is not known)."""
    if isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) > 40:
        return ""
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return ""
    if not amount.is_finite() or not 0 <= amount <= COST_MAX or int(amount.as_tuple().exponent) < -20:
        return ""
    return decimal_text(amount)


def decimal_text(amount: Decimal) -> str:
    """Without an exponent and without zeros at the end."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
