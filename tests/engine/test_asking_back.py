"""The vendor that a channel had before is asked for what only it knows, and nothing is sent by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.test_performer import Bench, Silent
from engine.test_polling import Logged, Stage, conversation, unknown_send
from frontdesk.core.event import EffectFinished, EffectPostponed, Event, MediaFetched
from frontdesk.core.message import MessageStatus
from frontdesk.ports import PermanentFailure, Received, TemporaryFailure
from frontdesk.testing.examples import told

pytestmark = pytest.mark.anyio

MISSING = PermanentFailure("the file has no id at Meta", code="media_missing")


async def test_the_vendor_before_is_asked_for_a_message_that_it_may_have_taken(tmp_path: Path) -> None:
    present, former = Logged(), Logged()
    stage = Stage(tmp_path, present, former=former)
    timer = await unknown_send(stage, present)
    (reference,) = (await conversation(stage, timer)).unknown_sends
    former.answers = [Received(events=(told(MessageStatus.DELIVERED, stage.clock.now(), "wamid.9", reference),))]
    await stage.engine.handle(await stage.performer.perform(timer))
    assert (await conversation(stage, timer)).unknown_sends == ()
    assert [message.reference for message, _ in former.asked] == [reference]
    assert not former.sent


async def test_a_log_that_cannot_be_asked_keeps_nobody_from_asking_the_other(tmp_path: Path) -> None:
    present, former = Logged(), Logged()
    stage = Stage(tmp_path, present, former=former)
    timer = await unknown_send(stage, present)
    present.answers = [TemporaryFailure("busy")]
    await stage.performer.perform(timer)
    assert len(former.asked) == 1


@pytest.mark.parametrize(
    ("present", "former", "expected", "why"),
    [
        (Silent(MISSING), Silent(), MediaFetched, ""),
        (Silent(MISSING), Silent(TemporaryFailure("busy")), EffectPostponed, "busy"),
        (Silent(MISSING), Silent(PermanentFailure("gone", code="1")), EffectFinished, "the file has no id at Meta"),
        (Silent(TemporaryFailure("busy")), Silent(AssertionError("not asked")), EffectPostponed, "busy"),
    ],
    ids=["it has it", "it is busy", "neither has it", "it is not asked"],
)
async def test_a_file_is_fetched_where_it_is(
    tmp_path: Path, present: Silent, former: Silent, expected: type[Event], why: str
) -> None:
    bench = Bench(tmp_path, present, former=former)
    outcome = await bench.performer.perform(bench.claim(bench.fetching()))
    assert isinstance(outcome, expected)
    assert (getattr(outcome, "failure", "") or getattr(outcome, "reason", "")) == why
