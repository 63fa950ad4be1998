"""Trouble on demand: rules that make one step in some calls go wrong, drawn from seeded dice."""

from __future__ import annotations

import random
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import replace

from frontdesk.emulator.errors import error_name
from frontdesk.emulator.openrouter_answers import answer_name

Step: TypeAlias = Literal["send", "media", "mark_read", "webhook", "complete"]
Kind: TypeAlias = Literal[
    "latency",
    "error",
    "http_5xx",
    "refuse",
    "accept_then_drop",
    "accept_then_hang",
    "status_before_response",
    "no_statuses",
    "lost_status",
    "duplicate",
    "reorder",
    "batch",
    "offline",
    "html",
    "garbage",
    "cut_off",
]
_CALL: frozenset[Kind] = frozenset({"latency", "error", "http_5xx", "refuse", "accept_then_drop", "accept_then_hang"})
KINDS: dict[Step, frozenset[Kind]] = {
    "send": _CALL | {"status_before_response", "no_statuses"},
    "media": _CALL,
    "mark_read": _CALL,
    "complete": _CALL | {"html", "garbage", "cut_off"},
    "webhook": frozenset({"latency", "refuse", "duplicate", "reorder", "batch", "lost_status", "offline"}),
}
_SECONDS: dict[Kind, float] = {"latency": 1.0, "accept_then_hang": 30.0, "reorder": 1.0, "batch": 0.2}


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One kind of trouble. `value`: seconds, an HTTP status, or an error's code or name, as the kind needs it.

    It strikes with `probability`, at most `count` times, and only calls about the contact `to` if that is given; when a
    completion is asked for, `to` is a model.
    """

    on: Step
    kind: Kind
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    count: Annotated[int, Meta(ge=1)] | None = None
    value: float | str | None = None
    to: str | None = None
    id: str | None = None

    def seconds(self) -> float:
        """How long, for the kinds that take time."""
        return float(self.value) if self.value is not None else _SECONDS.get(self.kind, 0.0)

    def status(self) -> int:
        """The HTTP status of `http_5xx`."""
        return int(self.value) if self.value is not None else 502

    def error(self) -> str:
        """The name of the error; `131000` when none was given."""
        return error_name(int(self.value) if isinstance(self.value, float) else self.value or 131000)


def check(rule: Rule) -> None:
    """Raise ValueError, with the cure, for a rule that could never strike."""
    if rule.kind not in KINDS[rule.on]:
        raise ValueError(f"{rule.kind} cannot happen on {rule.on}; there: {', '.join(sorted(KINDS[rule.on]))}")
    try:
        if rule.kind == "error" and rule.on == "complete":
            answer_name(rule.value)
        elif rule.kind == "error":
            rule.error()
        elif rule.kind == "http_5xx":
            rule.status()
        else:
            rule.seconds()
    except (KeyError, ValueError, OverflowError) as cause:
        raise ValueError(f"{rule.value!r} is no value for {rule.kind}") from cause


class Faults:
    """The rules in force and their dice."""

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._next_id = 1
        self.clear()

    def clear(self) -> None:
        """No trouble, and the dice as at the start."""
        self._dice = random.Random(self._seed)  # noqa: S311 - repeatable dice are the point
        self._rules: list[Rule] = []
        self._left: dict[str, int] = {}
        self._steps: set[Step] = set()

    @property
    def rules(self) -> list[Rule]:
        """What is in force, in the order in which it was added."""
        return list(self._rules)

    def add_all(self, rules: list[Rule]) -> None:
        """Put rules in force, or none of them: ValueError says what is wrong with the first bad one."""
        for rule in rules:
            check(rule)
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; one of the same id takes the other's place."""
        check(rule)
        if rule.id is None:
            rule = replace(rule, id=f"fault-{self._next_id}")
            self._next_id += 1
        self.remove(str(rule.id))
        self._rules.append(rule)
        if rule.count is not None:
            self._left[str(rule.id)] = rule.count
        self._steps = {each.on for each in self._rules}
        return rule

    def remove(self, rule_id: str) -> None:
        """Take one rule out of force; an unknown id is no error."""
        self._rules = [rule for rule in self._rules if rule.id != rule_id]
        self._left.pop(rule_id, None)
        self._steps = {each.on for each in self._rules}

    def draw(self, step: Step, *contact: str | None, kinds: frozenset[Kind] | None = None) -> dict[Kind, Rule]:
        """The trouble, of these `kinds`, that a step meets; `contact` are the names that its contact goes by."""
        if step not in self._steps:
            return {}
        struck: dict[Kind, Rule] = {}
        for rule in self.rules:
            is_asked = rule.on == step and (kinds is None or rule.kind in kinds)
            if is_asked and _concerns(rule, contact) and self._strikes(rule):
                struck[rule.kind] = rule
        return struck

    def is_offline(self, *contact: str | None) -> bool:
        """Whether the way between this contact and Meta is cut."""
        return any(rule.kind == "offline" and rule.to is not None and _concerns(rule, contact) for rule in self._rules)

    def is_cut(self) -> bool:
        """Whether the way between Meta and the service is cut for everybody."""
        return any(rule.kind == "offline" and rule.to is None for rule in self._rules)

    def _strikes(self, rule: Rule) -> bool:
        if rule.probability < 1 and self._dice.random() >= rule.probability:
            return False
        left = self._left.get(str(rule.id))
        if left == 1:
            self.remove(str(rule.id))
        elif left is not None:
            self._left[str(rule.id)] = left - 1
        return True


def _concerns(rule: Rule, contact: tuple[str | None, ...]) -> bool:
    return rule.to is None or rule.to in contact or rule.to.removeprefix("+") in contact
