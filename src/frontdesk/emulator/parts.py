"""The small checks of which the large ones are made: one key of one object at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from frontdesk.emulator.errors import GraphError

Body = dict[str, Any]
HasMedia = Callable[[str], bool]


def known(value: Body, keys: set[str], where: str) -> None:
    """Refuse a key that is not in the reference."""
    for key in value:
        if key not in keys:
            raise invalid(f'Unexpected key "{key}" on param "{where}".')


def invalid(details: str) -> GraphError:
    """(#100) Invalid parameter, with the reason."""
    return GraphError("100_invalid_parameter", details)


def path(where: str, key: str) -> str:
    """How Meta names a parameter: `interactive['body']['text']`."""
    return f"{where}['{key}']" if where else key


def obj(value: Body, key: str, where: str) -> Body:
    """A required object inside another."""
    if key not in value:
        raise GraphError("131008_missing_param", f"The parameter {path(where, key)} is required.")
    if not isinstance(value[key], dict):
        raise invalid(f"Param {path(where, key)} must be a JSON object.")
    inner: Body = value[key]
    return inner


def array(value: Body, key: str, where: str, *, most: int, noun: str) -> list[Body]:
    """A required array of objects, one to `most` long."""
    if key not in value:
        raise GraphError("131008_missing_param", f"The parameter {path(where, key)} is required.")
    items = value[key]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise invalid(f"Param {path(where, key)} must be an array of JSON objects.")
    if not 1 <= len(items) <= most:
        raise GraphError("131009_bad_param", f"Invalid {noun} count. Min allowed {noun}: 1, Max allowed {noun}: {most}")
    return items


def words(value: Body, key: str, where: str, *, most: int, name: str = "131009_bad_param") -> str:
    """A required string of 1 to `most` code points."""
    if key not in value:
        raise GraphError("131008_missing_param", f"The parameter {path(where, key)} is required.")
    text = value[key]
    if not isinstance(text, str):
        raise invalid(f"Param {path(where, key)} must be a string.")
    if not text.strip():
        raise GraphError(name, f"Param {path(where, key)} must be at least 1 characters long.")
    if len(text) > most:
        raise GraphError(name, f"Param {path(where, key)} must be at most {most} characters long.")
    return text


def flag(value: Body, key: str, where: str) -> None:
    """An optional true or false."""
    if not isinstance(value.get(key, False), bool):
        raise invalid(f"Param {path(where, key)} must be a boolean.")


def check_file(value: Body, where: str, has_media: HasMedia) -> None:
    """Either the id of an upload or a public link, never both."""
    if ("id" in value) == ("link" in value):
        raise GraphError("131009_bad_param", f"Param {where} must hold exactly one of id and link.")
    if "id" in value and not (isinstance(value["id"], str) and has_media(value["id"])):
        reason = f"Param {where}['id'] is not a valid whatsapp business account media attachment ID"
        raise GraphError("100_invalid_parameter", reason, message=f"(#100) {reason}")
    if "link" in value and not (isinstance(value["link"], str) and value["link"].startswith(("https://", "http://"))):
        raise invalid(f"Param {where}['link'] is not a valid URI.")


def check_header(value: Body, where: str, kinds: tuple[str, ...], has_media: HasMedia) -> None:
    """The head of an interactive message: a line of text, or a file."""
    kind = value.get("type")
    if kind not in kinds:
        raise GraphError("131009_bad_param", f"Param {where}['type'] must be one of {{{', '.join(kinds)}}}.")
    known(value, {"type", kind}, where)
    if kind == "text":
        words(value, "text", where, most=60)
    else:
        file = obj(value, kind, where)
        known(file, {"id", "link", "filename"}, path(where, kind))
        check_file(file, path(where, kind), has_media)
