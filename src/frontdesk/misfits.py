"""What is wrong with a value of the configuration, in the words of people who do not write programs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

_FOUND = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a section",
    "null": "nothing",
}
_WANTED = {
    "str": "write a text, in quotes",
    "int": "write a whole number, without quotes",
    "float": "write a number, without quotes",
    "bool": "write true or false, without quotes",
    "array": 'write a list, such as ["one", "two"]',
    "object": "write a section with keys of its own",
}
_BOUNDS = {
    ">=": ("small", "write {} or more"),
    ">": ("small", "write more than {}"),
    "<=": ("large", "write {} or less"),
    "<": ("large", "write less than {}"),
}
_LENGTHS = {">=": ("short", "write at least {}"), "<=": ("long", "write at most {}")}


def in_plain_words(text: str, struct: type[Any]) -> str:
    """What msgspec says of a value, after the key's name: what is wrong with it, and the cure. A field's
    `Meta(pattern=…, extra={"form": …})` says what a text must look like. Other sentences come back as they are."""
    if kinds := re.fullmatch(r"Expected `([^`]+)`, got `(\w+)`", text):
        wanted = next((_WANTED[kind] for kind in kinds[1].split(" | ") if kind in _WANTED), None)
        return f" is {_FOUND.get(kinds[2], kinds[2])}; {wanted}" if wanted else f": {text}"
    if bound := re.fullmatch(r"Expected `\w+` (>=|>|<=|<) (\S+)", text):
        size, cure = _BOUNDS[bound[1]]
        return f" is too {size}; {cure.format(bound[2].removesuffix('.0'))}"
    if length := re.fullmatch(r"Expected `(\w+)` of length (>=|<=) (\d+)", text):
        unit = "characters" if length[1] == "str" else "entries"
        size, cure = _LENGTHS[length[2]]
        return f" is too {size}; {cure.format(length[3])} {unit}"
    if pattern := re.fullmatch(r"Expected `str` matching regex (.+)", text):
        return f" does not fit; {_form(ast.literal_eval(pattern[1]), struct)}"
    return f": {text[:1].lower()}{text[1:]}"


def _form(pattern: str, struct: type[Any]) -> str:
    words = re.fullmatch(r"\^\(([\w|]+)\)\$", pattern)
    if words:
        return f"there are: {', '.join(words[1].split('|'))}"
    forms = (meta.extra["form"] for meta in _metas(struct) if meta.pattern == pattern and meta.extra)
    form = next(forms, None)
    return f"write {form}" if form else f"it must match {pattern}"


def _metas(hint: Any) -> Iterator[Meta]:
    """All that is said of a type and of what it is made of."""
    if get_origin(hint) is Annotated:
        yield from (one for one in get_args(hint)[1:] if isinstance(one, Meta))
        hint = get_args(hint)[0]
    if isinstance(hint, type) and issubclass(hint, Struct):
        for inner in get_type_hints(hint, include_extras=True).values():
            yield from _metas(inner)
    for inner in get_args(hint):
        yield from _metas(inner)
