"""Reading JSON that others wrote, one layer at a time, and mending what is not quite JSON.

Lists and nested oddities are `msgspec.Raw`: each layer is opened on its own, so that what is wrong in one item never
costs the items beside it. Reading a layer is a skip over its bytes; a whole body costs about as much as one decode.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import TypeVar, cast

import msgspec
from msgspec import Raw, Struct

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises on what others wrote: wrong types, broken JSON, broken UTF-8, too many brackets."""

NOTHING = Raw()
"""A key that is not there."""

T = TypeVar("T", bound=Struct)

# Made once: msgspec works a type out anew at every call that is given one, which costs as much as the decoding.
_decoder = cache(msgspec.json.Decoder)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])
_TEXT = msgspec.json.Decoder(str)


def read(raw: Raw | bytes, shape: type[T]) -> T:
    """One layer, as it should be or else field by field without those that make no sense.

    Raises one of UNREADABLE: it is not an object at all, or something is wrong that must be there.
    """
    try:
        return cast("T", _decoder(shape).decode(raw))
    except (msgspec.ValidationError, UnicodeDecodeError):
        return _read_by_field(raw, shape)


def _read_by_field(raw: Raw | bytes, shape: type[T]) -> T:
    found = _OBJECT.decode(raw)
    sound = {}
    for part in msgspec.structs.fields(shape):
        with suppress(msgspec.ValidationError, UnicodeDecodeError):
            if part.encode_name in found:
                sound[part.name] = msgspec.json.decode(found[part.encode_name], type=part.type)
    try:
        return shape(**sound)
    except TypeError as error:
        raise msgspec.DecodeError(f"{shape.__name__}: {error}") from error


def read_if_sound(raw: Raw, shape: type[T]) -> T | None:
    """A part that the rest can do without: None if it is missing or makes no sense."""
    try:
        return read(raw, shape) if is_there(raw) else None
    except UNREADABLE:
        return None


def read_each(raw: Raw, shape: type[T]) -> Iterator[T]:
    """The sound elements of a list that the rest can do without."""
    for item in read_list(raw):
        sound = read_if_sound(item, shape)
        if sound is not None:
            yield sound


def read_list(raw: Raw) -> list[Raw]:
    """The elements of a list, unopened; none where there is no list."""
    try:
        return _LIST.decode(raw) if is_there(raw) else []
    except UNREADABLE:
        return []


def read_object(raw: Raw) -> dict[str, Raw] | None:
    """The members of an object, unopened; None for everything else."""
    try:
        return _OBJECT.decode(raw)
    except UNREADABLE:
        return None


def read_text(raw: Raw) -> str | None:
    """A string; None for everything else."""
    try:
        return _TEXT.decode(raw) if is_there(raw) else None
    except UNREADABLE:
        return None


def is_there(raw: Raw) -> bool:
    """Whether a key was given at all, and not as null."""
    return bytes(raw) not in {b"", b"null"}


def as_text(raw: Raw | bytes) -> str:
    """JSON as it came."""
    return bytes(raw).decode("utf-8", "replace")


def word(value: str | int | float | None) -> str:
    """An id, whichever way it was written."""
    return "" if value is None else str(value)


_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F]..|\\.", re.DOTALL)


def mend(body: bytes) -> bytes:
    """The body as strict JSON in UTF-8: half emojis and broken bytes become U+FFFD, NaN becomes null.

    Raises ValueError or RecursionError where nothing can be made of it. Only bodies that failed come here.
    """
    text = body.decode("utf-8-sig", "replace")
    loose = json.loads(text, strict=False, parse_constant=_nothing, parse_float=_finite, parse_int=_bounded)
    return _ESCAPE.sub(_whole, json.dumps(loose, separators=(",", ":"))).encode()


def _whole(escape: re.Match[str]) -> str:
    found = escape.group()
    return "\\ufffd" if len(found) == 6 else found


def _nothing(_: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _bounded(digits: str) -> int | str:
    return int(digits) if len(digits) < 40 else digits
