"""What is told of simulations: a line for each thing that happened, a report for each run, and the failure that names
the command by which it happens again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from frontdesk.core.effect import kind_of
from frontdesk.ports import Claim
from frontdesk.testing.invariants import Violation

TRACE_SHOWN = 30


class Report(Struct, frozen=True, kw_only=True):
    """What happened in a run."""

    seed: int
    events: int
    sends: int
    drafts: int
    tools: int
    heard: int
    refused: int
    crashes: int
    steps: int
    struck: dict[str, int]


class SimulationFailed(AssertionError):
    """A promise was broken: by which seed, how, and how to see it again."""

    def __init__(self, seed: int, violation: Violation, trace: Sequence[str]) -> None:
        lines = "\n".join(trace[-TRACE_SHOWN:])
        super().__init__(
            f"seed {seed} broke {violation.invariant}\n{violation.detail}\n\n{lines}\n\n"
            f"again: python -m frontdesk.testing.simulator --seed {seed}"
        )
        self.seed = seed
        self.invariant = violation.invariant


def line(entry: tuple[datetime, str, object]) -> str:
    """Of a trace: when, who, and what."""
    at, who, what = entry
    return f"{at:%d %H:%M:%S.%f}"[:-3] + f"  {who:<12} {_words(what)}"


def _words(what: object) -> str:
    match what:
        case Claim():
            interrupted = ", interrupted" if what.is_interrupted else ""
            return f"{kind_of(what.effect)} {what.effect.id} (attempt {what.attempt}{interrupted})"
        case Struct():
            subject = getattr(what, "effect_id", "") or getattr(what, "reference", "") or getattr(what, "content", "")
            status = getattr(what, "status", "")
            return f"{type(what).__name__} {what.id} {subject} {status}".rstrip()  # type: ignore[attr-defined]  # events
        case _:
            return str(what)


def summary(reports: Sequence[Report], seconds: float) -> str:
    """How much happened, on average and in all."""
    count = len(reports)
    struck: Counter[str] = Counter()
    for report in reports:
        struck.update(report.struck)
    averages = ", ".join(
        f"{sum(getattr(report, name) for report in reports) / count:.1f} {name}"
        for name in ("events", "sends", "drafts", "tools", "heard", "refused", "crashes", "steps")
    )
    faults = ", ".join(f"{name} {times}" for name, times in sorted(struck.items()))
    return f"{count} seeds, {count / seconds:.0f} a second; a seed: {averages}\nfaults: {faults}"
