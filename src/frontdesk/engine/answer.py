"""What is wanted of a host's JSON answer, picked out of it: plain data of bounded size. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import msgspec

from frontdesk.core.position import Plain, Stored
from frontdesk.core.token import NUMBER_MAX
from frontdesk.core.value import LIST_ITEMS_MAX, TEXT_CHARACTERS_MAX


class NoJson(ValueError):
    """The answer is not what it has to be."""


def pick(body: bytes, wants: Iterable[tuple[str, str]]) -> dict[str, Stored]:
    """The values by the names under which they are wanted, each found by its path (`order.items.0.name`). What is
    missing, or no value and no list of values, is None. Nothing at all, where nothing was answered. Raises NoJson."""
    wanted = tuple(wants)
    if not wanted:
        return {}
    if not body.strip():
        return dict.fromkeys((name for name, _ in wanted), None)
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise NoJson(str(error)) from error
    return {name: _stored(_find(document, path)) for name, path in wanted}


def _find(document: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isascii() and step.isdigit() and int(step[:9]) < len(document):
            document = document[int(step[:9])]
        else:
            return None
    return document


def _stored(value: Any) -> Stored:
    if not isinstance(value, list):
        return _plain(value)
    items = value[:LIST_ITEMS_MAX]
    return None if any(isinstance(item, list | dict) for item in items) else tuple(map(_plain, items))


def _plain(value: Any) -> Plain:
    """Whole numbers that the flows' language cannot hold exactly are ids more often than amounts: they become texts."""
    match value:
        case str():
            return value[:TEXT_CHARACTERS_MAX]
        case bool() | None:
            return value
        case int():
            return value if abs(value) <= NUMBER_MAX else str(value)
        case float():
            return value if isfinite(value) else None
        case _:
            return None
