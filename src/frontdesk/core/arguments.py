"""What a model gives a tool, read by the declaration and no further. Refused rather than mended: half an order's number
is another order's."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from frontdesk.core.functions import day
from frontdesk.core.letters import clean
from frontdesk.core.position import Stored
from frontdesk.core.token import NUMBER_MAX
from frontdesk.core.tool import ARGUMENTS_CHARACTERS_MAX, NAME_CHARACTERS_MAX, Argument, ArgumentKind, ToolOffered

_TYPES: dict[ArgumentKind, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "yes_no": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}


class BadArguments(ValueError):
    """The arguments are not what the tool takes: a sentence for the model and the journal."""


def schema(tool: ToolOffered) -> dict[str, Any]:
    """The JSON Schema of its arguments."""
    properties: dict[str, Any] = {}
    for one in tool.arguments:
        limit: dict[str, Any] = {"maxLength": one.longest} if one.kind == "text" and not one.choices else {}
        choices: dict[str, Any] = {"enum": list(one.choices)} if one.choices else {}
        told = {"description": one.description} if one.description else {}
        properties[one.name] = {**_TYPES[one.kind], **limit, **choices, **told}
    required = [one.name for one in tool.arguments]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def read_arguments(text: str, arguments: Sequence[Argument]) -> dict[str, Stored]:
    """The values by name: all that are declared and no others. Raises BadArguments."""
    if len(text) > ARGUMENTS_CHARACTERS_MAX:
        raise BadArguments(f"its arguments are longer than {ARGUMENTS_CHARACTERS_MAX} characters")
    try:
        given = msgspec.json.decode((text.strip() or "{}").encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadArguments(f"its arguments are no JSON ({str(error)[:100]})") from error
    if not isinstance(given, dict):
        raise BadArguments("its arguments are no JSON object")
    known = {one.name for one in arguments}
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise BadArguments(f"it takes no argument {clean(unknown)[:NAME_CHARACTERS_MAX]!r}")
    missing = next((one.name for one in arguments if given.get(one.name) is None), None)
    if missing is not None:
        raise BadArguments(f"its argument {missing} is missing")
    return {one.name: _value(one, given[one.name]) for one in arguments}


def _value(argument: Argument, value: Any) -> Stored:
    match argument.kind, value:
        case "text", str():
            return _text(argument, value)
        case "number", bool():
            pass
        case "number", int() | float() if isfinite(value) and abs(value) <= NUMBER_MAX:
            return value
        case "yes_no", bool():
            return value
        case "date", str() if (on := day(value.strip()[:40])) is not None:
            return on.isoformat()
    raise BadArguments(f"its argument {argument.name} is no {argument.kind}")


def _text(argument: Argument, value: str) -> str:
    kept = clean(value).strip()
    if argument.choices and kept not in argument.choices:
        raise BadArguments(f"its argument {argument.name} is none of {', '.join(argument.choices)}")
    if not kept or len(kept) > argument.longest:
        raise BadArguments(f"its argument {argument.name} must have 1 to {argument.longest} characters")
    return kept
