"""The JSON Schema (draft 2020-12) of flow files and rules, for editors: made from the classes that read them."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from msgspec import Meta

from frontdesk.flows.document import FlowDocument, RulesDocument, ToolsDocument
from frontdesk.flows.shape import Broken, Part, keys, split, verbs
from frontdesk.flows.yaml import Written

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: dict[Any, dict[str, Any]] = {
    Written: {"type": "string"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}


def flow_schema() -> dict[str, Any]:
    """Of a flow file."""
    return _schema(FlowDocument, "A flow of Frontdesk")


def rules_schema() -> dict[str, Any]:
    """Of `rules.yaml`."""
    return _schema(RulesDocument, "The rules of all flows of Frontdesk")


def tools_schema() -> dict[str, Any]:
    """Of `tools.yaml`."""
    return _schema(ToolsDocument, "The tools of Frontdesk's language model")


def _schema(part: type[Part], title: str) -> dict[str, Any]:
    described = _Described()
    root = described.named(part)
    return {"$schema": DIALECT, "title": title, **root, "$defs": dict(sorted(described.parts.items()))}


class _Described:
    """Each class is described once, and referred to."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, Any]] = {}

    def named(self, part: type[Part]) -> dict[str, Any]:
        name = part.__name__
        if name not in self.parts:
            self.parts[name] = {}  # a class may hold itself
            self.parts[name] = self.mapping(part)
        return {"$ref": f"#/$defs/{name}"}

    def mapping(self, part: type[Part]) -> dict[str, Any]:
        known = keys(part)
        found: dict[str, Any] = {
            "type": "object",
            "description": " ".join((part.__doc__ or "").split()),
            "properties": {key: self.described(field.type) for key, field in known.items()},
            "required": [key for key, field in known.items() if field.required],
            "additionalProperties": False,
        }
        if not found["required"] and verbs(part) and part.__name__.endswith("Step"):
            found["anyOf"] = [{"required": [verb]} for verb in verbs(part)]
        return found

    def described(self, hint: Any) -> dict[str, Any]:
        """The type, with the limits and the description that are annotated."""
        members, meta, _ = split(hint)
        options = [self.single(member) for member in members if member is not Broken]
        limits = _limits(meta, members) if meta else {}
        if len(options) == 1:
            return {**options[0], **limits}
        return {"anyOf": options, **limits}

    def single(self, kind: Any) -> dict[str, Any]:
        if hasattr(kind, "__metadata__") or len(split(kind)[0]) > 1:
            return self.described(kind)
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        origin = get_origin(kind)
        if origin is Literal:
            values = list(get_args(kind))
            return {"const": values[0]} if len(values) == 1 else {"enum": values}
        if origin is list:
            return {"type": "array", "items": self.described(get_args(kind)[0])}
        if origin is dict:
            key, value = get_args(kind)
            found = {"type": "object", "additionalProperties": self.described(value)}
            names = {name: rule for name, rule in self.described(key).items() if name != "type"}
            return {**found, "propertyNames": names} if names else found
        return self.named(kind)


def _limits(meta: Meta, members: tuple[Any, ...]) -> dict[str, Any]:
    """Lengths are called differently of texts, lists and mappings; each holds for its own kind only."""
    found: dict[str, Any] = {
        "description": meta.description, "pattern": meta.pattern, "minimum": meta.ge, "maximum": meta.le
    }  # fmt: skip
    for member in members:
        origin = get_origin(split(member)[0][0])
        kind = {list: "Items", dict: "Properties"}.get(origin, "Length") if origin else "Length"
        found |= {f"min{kind}": meta.min_length, f"max{kind}": meta.max_length}
    return {name: value for name, value in found.items() if value is not None}
