"""The ledger added up, for people: by day, model, flow or channel. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import Struct

from frontdesk.core.money import Charge, usd

By: TypeAlias = Literal["day", "model", "flow", "channel"]


class Spent(Struct, frozen=True, kw_only=True):
    """Charges of one kind on one UTC day, added up. `unanswered`: calls that cost something and brought nothing;
    `nano_estimated`: how much of the amount no vendor has told; `unpriced`: charges that count nothing, for nobody has
    told anything."""

    day: str
    channel: str
    flow: str
    backend: str
    model: str
    task: str
    count: int
    unanswered: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    nano_usd: int
    nano_estimated: int
    unpriced: int = 0


def added_up(found: Iterable[Charge]) -> list[Spent]:
    """Charges, added up; what stores with a query language of their own let that do."""
    groups: dict[tuple[str, ...], list[Charge]] = {}
    for one in found:
        kind = (f"{one.at:%Y-%m-%d}", one.channel, one.flow, one.backend, one.model, one.task)
        groups.setdefault(kind, []).append(one)
    return [_spent(kind, groups[kind]) for kind in sorted(groups)]


def _spent(kind: tuple[str, ...], of: list[Charge]) -> Spent:
    day, channel, flow, backend, model, task = kind
    return Spent(
        day=day,
        channel=channel,
        flow=flow,
        backend=backend,
        model=model,
        task=task,
        count=len(of),
        unanswered=sum(one.is_unanswered for one in of),
        tokens_in=sum(one.tokens_in for one in of),
        tokens_out=sum(one.tokens_out for one in of),
        tokens_cached=sum(one.tokens_cached for one in of),
        nano_usd=sum(one.nano_usd for one in of),
        nano_estimated=sum(one.nano_usd for one in of if one.is_estimated),
        unpriced=sum(one.is_estimated and not one.nano_usd for one in of),
    )


class Sum(Struct, frozen=True, kw_only=True):
    """A line of `frontdesk usage`; `usd` and `usd_estimated` are decimal text."""

    name: str
    calls: int
    messages: int
    unanswered: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    usd: str
    usd_estimated: str


def sum_up(spent: Iterable[Spent], by: By | None) -> list[Sum]:
    """One line for each day, model, flow or channel, in the order of their names; None: one line for all."""
    groups: dict[str, list[Spent]] = {} if by else {"all": []}
    for one in spent:
        groups.setdefault(_group(one, by), []).append(one)
    return [_sum(name, groups[name]) for name in sorted(groups)]


def _group(one: Spent, by: By | None) -> str:
    match by:
        case "day":
            return one.day
        case "model":
            return "message " + one.model if one.task == "message" else f"{one.backend} {one.model}".strip()
        case "flow":
            return one.flow or "(no flow)"
        case "channel":
            return one.channel
        case None:
            return "all"


def _sum(name: str, of: list[Spent]) -> Sum:
    return Sum(
        name=name,
        calls=sum(one.count for one in of if one.task != "message"),
        messages=sum(one.count for one in of if one.task == "message"),
        unanswered=sum(one.unanswered for one in of),
        tokens_in=sum(one.tokens_in for one in of),
        tokens_out=sum(one.tokens_out for one in of),
        tokens_cached=sum(one.tokens_cached for one in of),
        usd=usd(sum(one.nano_usd for one in of)),
        usd_estimated=usd(sum(one.nano_estimated for one in of)),
    )
