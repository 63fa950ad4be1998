"""People are told of a vendor that refuses us, and not of what passes by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.test_ladder import Family, Model
from frontdesk.config import LadderSettings
from frontdesk.core.prompt import Prompt
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.refused import TOLD_MAX, Refused
from frontdesk.ports import (
    Notice,
    OutcomeUnknown,
    PermanentFailure,
    ProviderFailure,
    StoreUnavailable,
    TemporaryFailure,
)
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio
PROMPT = Prompt(business_name="Shop", question="When?", turns=())
REFUSES = "refuses what it is asked, and is asked only now and then until that is mended: "


def no_credit() -> ProviderFailure:
    return PermanentFailure("There is no credit left; add some.", code="402", concerns="account")


class Bench:
    def __init__(self, *troubles: Exception) -> None:
        self.clock = ManualClock()
        self.notices: list[Notice] = []
        self.troubles = list(troubles)
        self.refused = Refused(self.note, self.clock)

    async def note(self, notices: Sequence[Notice]) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.notices += notices

    async def ask(self, *failures: ProviderFailure) -> None:
        first, other = Model(self.clock, *failures), Model(self.clock)
        models = {"first": Family(self.clock, author_m=first), "other": other}
        ladder = Ladder(models, LadderSettings(), self.clock, Metrics(), asyncio.wait_for, self.refused)
        await ladder.complete(PROMPT, ())


async def test_a_refusal_is_an_alarm_once_a_day_though_somebody_else_answers() -> None:
    bench = Bench()
    for _ in range(3):
        await bench.ask(no_credit())
    await bench.ask(PermanentFailure("The model is not there; correct model.", code="404", concerns="channel"))
    assert [one.text for one in bench.notices] == [
        f"the language model first {REFUSES}There is no credit left; add some.",
        f"author_m of the language model first {REFUSES}The model is not there; correct model.",
    ]
    assert all(one.is_alarm and one.kind == "model_refused" for one in bench.notices)
    bench.clock.advance(86_400)
    await bench.ask(no_credit())
    assert len({one.id for one in bench.notices}) == 3


@pytest.mark.parametrize(
    "failure",
    [
        TemporaryFailure("busy", code="429", concerns="channel"),
        OutcomeUnknown("cut off"),
        PermanentFailure("refused", code="400"),
    ],
)
async def test_what_passes_or_is_of_one_message_is_no_alarm(failure: ProviderFailure) -> None:
    bench = Bench()
    await bench.ask(failure)
    assert bench.notices == []


async def test_without_the_store_the_next_refusal_tells() -> None:
    bench = Bench(StoreUnavailable("the disk is full"))
    await bench.ask(no_credit())
    assert bench.notices == []
    await bench.ask(no_credit())
    assert len(bench.notices) == 1


async def test_of_many_who_are_refused_at_once_one_tells() -> None:
    bench, may_be_kept = Bench(), asyncio.Event()

    async def note(notices: Sequence[Notice]) -> None:
        bench.notices += notices
        await may_be_kept.wait()

    refused = Refused(note, bench.clock)
    asked = [asyncio.create_task(refused.tell("m", no_credit())) for _ in range(50)]
    done, (telling,) = await asyncio.wait(asked, timeout=0.05)
    assert (len(done), len(bench.notices)) == (49, 1)
    telling.cancel()
    await asyncio.wait([telling])
    may_be_kept.set()
    await refused.tell("m", no_credit())
    assert len(bench.notices) == 2


async def test_half_characters_in_what_a_vendor_says_cost_nobody_the_answer(tmp_path: Path) -> None:
    bench = Bench()
    async with SqliteStore(tmp_path / "frontdesk.db", bench.clock) as store:
        bench.refused = Refused(store.keep, bench.clock)
        await bench.ask(PermanentFailure("no credit \ud83d", code="402", concerns="account"))
        (notice,) = await store.notices(9)
    assert notice.text.endswith("no credit ?")


async def test_what_was_told_is_remembered_within_bounds() -> None:
    bench = Bench()
    for number in (*range(TOLD_MAX + 1), TOLD_MAX):
        await bench.refused.tell("m", PermanentFailure("no", code=str(number), concerns="account"))
    assert len(bench.notices) == TOLD_MAX + 1
