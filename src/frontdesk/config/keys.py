"""Every key that there is, from the types themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.config.settings import Document, LadderSettings


def reference() -> Iterator[tuple[str, str, str]]:
    """Every key with its default and its meaning, for the documentation and `frontdesk check --explain`."""
    yield from _fields(Document, "")
    yield from _fields(LadderSettings, "language_model.")


def section_reference(struct: type[Struct]) -> Iterator[tuple[str, str, str]]:
    """The same for the keys of one section. A key that must be set has the default `required`."""
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        is_told = isinstance(field.type, msgspec.inspect.Metadata)
        meaning = (field.type.extra_json_schema or {}).get("description", "") if is_told else ""
        if field.required:
            yield field.name, "required", meaning
        elif meaning:
            is_section = isinstance(field.default, Struct) or field.default is msgspec.NODEFAULT
            yield field.name, "" if is_section else _shown(field.default), meaning


def _fields(struct: type[Struct], prefix: str) -> Iterator[tuple[str, str, str]]:
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        inner = field.type
        meaning = ""
        if isinstance(inner, msgspec.inspect.Metadata):
            meaning = (inner.extra_json_schema or {}).get("description", "")
            inner = inner.type
        if isinstance(inner, msgspec.inspect.StructType):
            yield from _fields(inner.cls, f"{prefix}{field.name}.")
        elif meaning:
            yield f"{prefix}{field.name}", _shown(field.default), meaning


def _shown(default: Any) -> str:
    return msgspec.json.encode(default).decode() if default not in (msgspec.NODEFAULT, None) else ""
