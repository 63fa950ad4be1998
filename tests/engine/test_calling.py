"""What a worker makes of a flow's call: when it is tried again, and when only a person may look."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from frontdesk.core.effect import CallHttp
from frontdesk.core.event import CallReturned, EffectPostponed
from frontdesk.core.policy import Policy
from frontdesk.engine.calls import Calls, Reply
from frontdesk.engine.engine import Engine
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.performer import Performer
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import Claim
from frontdesk.testing.doubles import ManualClock, MemoryStore

pytestmark = pytest.mark.anyio

AWAY = Reply(failure="host shop cannot be reached", is_passing=True)
SILENT = Reply(failure="host shop has not answered within 10 s", is_passing=True, may_be_done=True)


class Host:
    """Replies as it is told; the last reply again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[CallHttp] = []

    async def ask(self, effect: CallHttp) -> Reply:
        self.asked.append(effect)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class Bug:
    """Fails in a way that nobody foresaw."""

    async def ask(self, effect: CallHttp) -> Reply:
        raise ZeroDivisionError("by nought")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def performer(clock: ManualClock, calls: Calls | None) -> Performer:
    unused: Any = None
    return Performer(
        engine=Engine(MemoryStore(clock), Policy(), InProcessSignal(), clock, Metrics()),
        channels={},
        language_model=unused,
        knowledge=unused,
        media=MediaFolder(Path()),
        clock=clock,
        metrics=Metrics(),
        chance=lambda: 0.5,
        sleep=unused,
        calls=calls,
    )


def claim(clock: ManualClock, *, is_repeatable: bool = True, **fields: Any) -> Claim:
    effect = CallHttp(
        id="e.0",
        due_at=clock.now(),
        host="shop",
        method="GET",
        path="/",
        timeout_seconds=10,
        is_repeatable=is_repeatable,
    )
    known = {"attempt": 1, "failures": 0, "is_interrupted": False, **fields}
    return Claim(effect=effect, conversation_id="c", channel="main", **known)


async def test_what_came_back_is_told(clock: ManualClock) -> None:
    host = Host(Reply(status=404, values={"status": None, "list": ("a", 1)}, failure="host shop answers 404"))
    outcome = await performer(clock, host).perform(claim(clock))
    assert outcome == CallReturned(
        id="e.0/1",
        at=clock.now(),
        channel="main",
        conversation_id="c",
        effect_id="e.0",
        attempt=1,
        status=404,
        values={"status": None, "list": ("a", 1)},
        failure="host shop answers 404",
    )


async def test_a_repeatable_call_is_tried_again_a_few_times_and_soon(clock: ManualClock) -> None:
    work, began_at, waits = performer(clock, Host(SILENT)), clock.now(), []
    held = claim(clock)
    outcome = await work.perform(held)
    while isinstance(outcome, EffectPostponed):
        waits.append((outcome.until - clock.now()).total_seconds())
        clock.advance(waits[-1])
        held = msgspec.structs.replace(held, attempt=held.attempt + 1, failures=held.failures + 1)
        outcome = await work.perform(held)
    assert waits == [0.25, 0.5, 1.0]
    assert isinstance(outcome, CallReturned)
    assert (outcome.failure, outcome.is_unknown) == (SILENT.failure, False)
    assert clock.now() - began_at < timedelta(seconds=20)


async def test_nobody_waits_longer_than_twenty_seconds_for_all_tries(clock: ManualClock) -> None:
    asked = claim(clock)
    clock.advance(19.8)
    assert isinstance(await performer(clock, Host(SILENT)).perform(asked), CallReturned)


@pytest.mark.parametrize(
    ("retry_after", "is_tried_again"), [(7.0, True), (19.0, True), (25.0, False), (3_600.0, False)]
)
async def test_a_host_is_not_asked_before_the_time_that_it_said(
    clock: ManualClock, retry_after: float, is_tried_again: bool
) -> None:
    busy = Reply(status=503, failure="host shop answers 503", is_passing=True, retry_after=retry_after)
    outcome = await performer(clock, Host(busy)).perform(claim(clock))
    assert isinstance(outcome, EffectPostponed) is is_tried_again
    if isinstance(outcome, EffectPostponed):
        assert outcome.until - clock.now() >= timedelta(seconds=retry_after)


@pytest.mark.parametrize(("reply", "is_unknown"), [(AWAY, False), (SILENT, True)])
async def test_another_call_is_tried_once_and_what_may_be_done_is_unknown(
    clock: ManualClock, reply: Reply, is_unknown: bool
) -> None:
    outcome = await performer(clock, Host(reply)).perform(claim(clock, is_repeatable=False))
    assert isinstance(outcome, CallReturned)
    assert (outcome.failure, outcome.is_unknown) == (reply.failure, is_unknown)


async def test_a_refusal_is_not_tried_again(clock: ManualClock) -> None:
    outcome = await performer(clock, Host(Reply(status=400, failure="host shop answers 400"))).perform(claim(clock))
    assert isinstance(outcome, CallReturned)


@pytest.mark.parametrize("is_handed_back", [False, True])
async def test_a_call_that_was_interrupted_is_not_repeated_blindly(clock: ManualClock, is_handed_back: bool) -> None:
    host = Host(Reply(status=200))
    work, held = performer(clock, host), claim(clock, is_repeatable=False, is_interrupted=True, attempt=2)
    outcome = work._handed_back(held) if is_handed_back else await work.perform(held)
    assert isinstance(outcome, CallReturned)
    assert outcome.is_unknown
    assert outcome.failure == "the process ended while the host was being asked; look there whether it was done"
    assert host.asked == []


async def test_a_repeatable_call_that_was_interrupted_is_made_again(clock: ManualClock) -> None:
    host = Host(Reply(status=200))
    work, held = performer(clock, host), claim(clock, is_interrupted=True, attempt=2)
    assert isinstance(work._handed_back(held), EffectPostponed)
    assert await work.perform(held) == await work.perform(held)
    assert len(host.asked) == 2


@pytest.mark.parametrize("is_repeatable", [False, True])
async def test_a_bug_in_a_call_is_as_unknown_as_a_time_out(clock: ManualClock, is_repeatable: bool) -> None:
    outcome = await performer(clock, Bug()).perform(claim(clock, is_repeatable=is_repeatable))
    assert isinstance(outcome, CallReturned)
    assert (outcome.failure, outcome.is_unknown) == ("ZeroDivisionError: by nought", not is_repeatable)


async def test_without_hosts_a_call_fails_with_the_cure(clock: ManualClock) -> None:
    outcome = await performer(clock, None).perform(claim(clock))
    assert isinstance(outcome, CallReturned)
    assert outcome.failure == "there is no host 'shop'; add [hosts.shop] to the configuration"
