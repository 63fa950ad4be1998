"""From YAML nodes to the classes that say what a file looks like, with everything that is wrong, not only the first.

msgspec would stop at the first mistake and knows no places. What is understood of type annotations: `bool`, `int`,
`float`, `Written`, `Literal`, `list`, `dict`, classes of parts, unions of these, and `Annotated` with msgspec's `Meta`
or with `OneOf`. `None` in a union only says that a key may be left out.

Where a mapping could be a text by language or a part, it is a text if all its keys look like languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.token import nearest
from frontdesk.flows.finding import START, Findings, Place
from frontdesk.flows.yaml import Listed, Mapped, Node, Plain, Written


class Part(Struct, frozen=True, kw_only=True, eq=False):
    """A mapping of the file: where it stands, and where each of its keys does. Not keys themselves."""

    place: Place = START
    places: Mapping[str, Place] = {}

    def place_of(self, key: str) -> Place:
        """Where the key stands; where the mapping begins if it is left out."""
        return self.places.get(key, self.place)


class Broken(Part, frozen=True, kw_only=True, eq=False):
    """Stands for what could not be read and was said to be wrong, where it matters that there is something."""


class OneOf(Struct, frozen=True):
    """Which of several parts a mapping is: the one whose first key (or either of two for marks) it has."""

    parts: tuple[type[Part], ...]
    noun: str

    def verbs(self) -> dict[str, type[Part]]:
        """The key that tells, and the part. Of a part that requires no key, all of its own tell."""
        return {verb: part for part in self.parts for verb in verbs(part)}


class Tree:
    """As a type: any value, which stays the node that it is."""


Kind = TypeVar("Kind", bound=Part)


def read_shape(node: Node, kind: type[Kind], findings: Findings, name: str = "The file") -> Kind | None:
    """The part that the node is; None if that is hopeless. All that is wrong is added to `findings`; `name` is what
    sentences call the node."""
    shaped = _Shaper(findings).read(node, kind, name)
    return shaped if isinstance(shaped, kind) else None


@cache
def keys(part: type[Part]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """The keys that a part's mapping may have."""
    own = Part.__struct_fields__
    return {field.encode_name: field for field in msgspec.structs.fields(part) if field.name not in own}


@cache
def verbs(part: type[Part]) -> tuple[str, ...]:
    """The keys by which a part is known: the first that it requires, else all of its own."""
    required = [key for key, field in keys(part).items() if field.required]
    inherited = {key for parent in part.__mro__[1:] if issubclass(parent, Part) for key in keys(parent)}
    return (required[0],) if required else tuple(key for key in keys(part) if key not in inherited)


@cache
def split(hint: Any) -> tuple[tuple[Any, ...], Meta | None, OneOf | None]:
    """The members of a type, without `Annotated` and None, and what was annotated."""
    metas = [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Meta)]
    choices = [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, OneOf)]
    bare = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    members = get_args(bare) if get_origin(bare) in {Union, UnionType} else (bare,)
    return (
        tuple(member for member in members if member is not type(None)),
        _merged(metas) if metas else None,
        choices[0] if choices else None,
    )


def _merged(metas: list[Meta]) -> Meta:
    """A type's own limits and what its key says of it: Python makes one list of annotations inside annotations."""
    names = ("description", "pattern", "ge", "le", "min_length", "max_length", "extra")
    said = {name: getattr(meta, name) for meta in metas for name in names if getattr(meta, name) is not None}
    return Meta(**said)


class _Unread:
    """What stands for a value that was said to be wrong."""


UNREAD = _Unread()


class _Shaper:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def wrong(self, place: Place, sentence: str, code: str = "wrong-value") -> Any:
        self.findings.add(code, place, sentence)
        return UNREAD

    def read(self, node: Node, hint: Any, name: str) -> Any:
        """The value, or UNREAD. `name` is what sentences call it."""
        members, meta, choice = split(hint)
        if choice:
            value = self.one_of(node, choice, name)
            return Broken(place=node.place) if value is UNREAD and Broken in members else value
        if len(members) > 1:
            member = _fitting(node, members)
            if member is None:
                return self.mismatch(node, members, name, meta)
            value = self.read(node, member, name)
        elif hasattr(members[0], "__metadata__"):
            value = self.read(node, members[0], name)
        else:
            value = self.single(node, members[0], name, meta)
        return value if value is UNREAD else self.limited(node, value, meta, name)

    def single(self, node: Node, kind: Any, name: str, meta: Meta | None) -> Any:
        if not _accepts(node, kind):
            return self.mismatch(node, (kind,), name, meta)
        if kind is Tree:
            return node
        match node:
            case Written():
                return (
                    str(node) if get_origin(kind) is Literal and node in get_args(kind) else self.text(node, kind, name)
                )
            case Plain():
                return float(node.value) if kind is float else node.value  # type: ignore[arg-type]  # a number
            case Listed():
                return self.items(node, get_args(kind)[0], name)
            case Mapped() if get_origin(kind) is dict:
                return self.entries(node, *get_args(kind))
            case Mapped():
                return self.part(node, kind, name)

    def text(self, node: Written, kind: Any, name: str) -> Any:
        if get_origin(kind) is not Literal:
            return node
        cure = nearest(node, [str(one) for one in get_args(kind)])
        return self.wrong(node.place, f"{name} cannot be “{node[:40]}”{cure}.")

    def items(self, node: Listed, hint: Any, name: str) -> Any:
        found = [self.read(item, hint, f"An item of {_inside(name)}") for item in node.items]
        read = [item for item in found if item is not UNREAD]
        return UNREAD if found and not read else read

    def entries(self, node: Mapped, key_hint: Any, hint: Any) -> Any:
        found: dict[Written, Any] = {}
        for key, value in node.entries.items():
            fits = self.read(key, key_hint, f"The key “{key[:40]}”") is not UNREAD
            read = self.read(value, hint, f"“{key[:40]}”")
            if fits and read is not UNREAD:
                found[key] = read
        return UNREAD if node.entries and not found else found

    def part(self, node: Mapped, kind: type[Part], name: str) -> Any:
        known = keys(kind)
        values: dict[str, Any] = {}
        is_whole = True
        for key, value in node.entries.items():
            field = known.get(key)
            if field is None:
                self.wrong(key.place, f"There is no key “{key[:40]}” here{nearest(key, known)}.", "unknown-key")
                continue
            shaped = self.read(value, field.type, f"“{key}”")
            if shaped is not UNREAD:
                values[field.name] = shaped
            elif field.required:
                is_whole = False
        for missing in (key for key, field in known.items() if field.required and key not in node.entries):
            is_whole = False
            self.wrong(node.place, f"{name} needs the key “{missing}”; add it.", "missing-key")
        if not is_whole:
            return UNREAD
        return kind(place=node.place, places={key: key.place for key in node.entries}, **values)

    def one_of(self, node: Node, choice: OneOf, name: str) -> Any:
        """The part that the mapping's keys tell."""
        by_verb = choice.verbs()
        if not isinstance(node, Mapped):
            return self.mismatch(node, choice.parts[:1], name)
        found = [key for key in node.entries if key in by_verb]
        chosen = {by_verb[key] for key in found}
        if not chosen:
            sentence = f"{name} is no {choice.noun}: it needs a key that says what it does{_meant(node, by_verb)}."
            return self.wrong(node.place, sentence, "no-verb")
        if len(chosen) > 1:
            sentence = f"{name} is {' and '.join(found)} at once; make two {choice.noun}s of it."
            return self.wrong(found[1].place, sentence, "two-verbs")
        return self.part(node, chosen.pop(), name)

    def mismatch(self, node: Node, members: tuple[Any, ...], name: str, meta: Meta | None = None) -> Any:
        wanted = _wanted(meta) or " or ".join(
            dict.fromkeys(takes(one) for one in members if one is not int or float not in members)
        )
        cure = ""
        if isinstance(node, Plain) and any(_is_text(member) for member in members):
            cure = "; if it is meant to be a text, put it in quotes" if node.value is not None else ""
        return self.wrong(_place(node), f"{name} must be {wanted}, but here is {_found(node)}{cure}.")

    def limited(self, node: Node, value: Any, meta: Meta | None, name: str) -> Any:
        """The value, if it keeps to its limits."""
        if meta is None:
            return value
        if meta.pattern and isinstance(value, str) and not re.search(meta.pattern, value):
            return self.wrong(_place(node), f"{name} must be {_wanted(meta)}, but here is “{value[:40]}”.")
        if isinstance(value, int | float):
            if (meta.ge is not None and value < meta.ge) or (meta.le is not None and value > meta.le):
                return self.wrong(_place(node), f"{name} must be a number from {meta.ge} to {meta.le}.")
        elif isinstance(value, str | list | dict):
            return self.sized(node, value, meta, name)
        return value

    def sized(self, node: Node, value: Any, meta: Meta, name: str) -> Any:
        """The value, if it has not too many parts. What was left out because it is wrong counts."""
        match node:
            case Listed():
                size, what = len(node.items), "entries"
            case Mapped():
                size, what = len(node.entries), "entries"
            case _:
                size, what = len(value), "characters"
        if size < (meta.min_length or 0):
            return self.wrong(_place(node), f"{name} is empty; write something, or take it out.")
        if meta.max_length is not None and size > meta.max_length:
            return self.wrong(_place(node), f"{name} has {size} {what}; at most {meta.max_length} are allowed.")
        return value


def is_language(key: str) -> bool:
    """Whether it looks like a language's code."""
    return re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", key) is not None


def _fitting(node: Node, members: tuple[Any, ...]) -> Any:
    """The member of a union that the node is meant to be; None if there is none."""
    able = [member for member in members if _accepts(node, member)]
    if isinstance(node, Mapped) and len(able) > 1:
        by_language = bool(node.entries) and all(is_language(key) for key in node.entries)
        able.sort(key=lambda member: (get_origin(split(member)[0][0]) is dict) is not by_language)
    return able[0] if able else None


def _accepts(node: Node, member: Any) -> bool:
    members, _, choice = split(member)
    if choice:
        return isinstance(node, Mapped)
    if len(members) > 1:
        return any(_accepts(node, one) for one in members)
    kind = members[0]
    if kind is Tree:
        return True
    origin = get_origin(kind)
    match node:
        case Written():
            return kind is Written or (origin is Literal and any(isinstance(one, str) for one in get_args(kind)))
        case Plain(value=bool()):
            return kind is bool or (origin is Literal and node.value in get_args(kind))
        case Plain(value=int()):
            return kind in {int, float}
        case Plain(value=float()):
            return kind is float
        case Listed():
            return origin is list
        case Mapped():
            return origin is dict or (isinstance(kind, type) and issubclass(kind, Part))
        case _:
            return False


def _meant(node: Mapped, verbs: Iterable[str]) -> str:
    """The verb that one of the keys is nearly, else all there are."""
    cures = [nearest(key, verbs) for key in node.entries]
    return next((cure for cure in cures if "did you mean" in cure), f"; there are {', '.join(verbs)}")


def _is_text(member: Any) -> bool:
    return Written in split(member)[0]


def _wanted(meta: Meta | None) -> str:
    return (meta.extra or {}).get("wanted", "") if meta else ""


def takes(hint: Any) -> str:
    """What a person calls the values that fit."""
    members, meta, choice = split(hint)
    if _wanted(meta):
        return _wanted(meta)
    if hasattr(members[0], "__metadata__") and len(members) == 1:
        return takes(members[0])
    if len(members) > 1 and not choice:
        rest = [one for one in members if one is not int or float not in members]
        return " or ".join(dict.fromkeys(takes(one) for one in rest))
    kind = members[0]
    origin: Any = get_origin(kind)
    if origin is Literal:
        return " or ".join("true" if one is True else f"“{one}”" for one in get_args(kind))
    if origin is dict and "language" in takes(get_args(kind)[0]):
        return "the same for each language"
    plain = {bool: "true or false", int: "a whole number", float: "a number", Written: "a text"}
    return plain.get(kind) or ("a list" if origin is list else "a mapping of keys and values")


def _found(node: Node) -> str:
    match node:
        case Written():
            return f"the text “{node[:40]}”"
        case Plain(value=None):
            return "nothing"
        case Plain(value=bool()):
            return "true" if node.value else "false"
        case Plain():
            return f"the number {node.value}"
        case Listed():
            return "a list"
        case Mapped():
            return "a mapping of keys and values"


def _inside(name: str) -> str:
    return name[0].lower() + name[1:]


def _place(node: Node) -> Place:
    return node.place
