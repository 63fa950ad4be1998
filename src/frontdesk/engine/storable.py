"""Words of others as every store can hold them: an outcome must not fail because they hold half a character."""

from __future__ import annotations

from typing import Any

from frontdesk.core.tool import ToolCall


def storable_call(call: ToolCall | None) -> ToolCall | None:
    """The same of what a model asks for."""
    return call and ToolCall(name=storable(call.name), arguments=storable(call.arguments))


def storable(value: Any) -> Any:
    """A text without half characters; anything else as it is."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
