"""What becomes of an effect: each kind of effect with each kind of failure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from frontdesk.core.effect import DraftReply, Effect, FetchMedia, MarkRead, NotifyDesk, SendMessage, WakeAt
from frontdesk.core.event import (
    Address,
    DraftFailed,
    EffectFinished,
    EffectPostponed,
    Event,
    MediaFetched,
    ModelCall,
    ReplyDrafted,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    TimerFired,
)
from frontdesk.core.message import Media, Text
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine.backoff import DRAFTING, FETCHING, SENDING
from frontdesk.engine.engine import Engine
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.performer import FETCHES_MAX, Performer
from frontdesk.ports import (
    Channel,
    Claim,
    Completion,
    Decide,
    FetchedMedia,
    Notice,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Received,
    Sent,
    StoreUnavailable,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import wrote
from frontdesk_plugins.in_process import InProcessSignal

pytestmark = pytest.mark.anyio
Result = TypeVar("Result")


class Silent:
    """A channel without read marks; fails as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[OutgoingMessage] = []

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def receive(self, request: WebhookRequest) -> Received:
        return Received()

    async def send(self, message: OutgoingMessage) -> Sent:
        self._fail()
        self.sent.append(message)
        return Sent(provider_message_id=f"wamid.{len(self.sent)}")

    async def fetch(self, media: Media) -> FetchedMedia:
        self._fail()
        return FetchedMedia(body=b"bytes", mime_type="image/png")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None: ...


class Marking(Silent):
    """A channel with read marks."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__(*failures)
        self.marked: list[tuple[str, bool]] = []

    async def mark_read(self, provider_message_id: str, *, is_typing: bool) -> None:
        self._fail()
        self.marked.append((provider_message_id, is_typing))


class Oracle:
    """Knowledge and model in one; fails as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.searched: list[tuple[str, int, Sequence[str]]] = []
        self.given: list[tuple[str, float | None]] = []
        self.hangs = False
        self.is_away = False

    async def search(self, query: str, limit: int, scope: Sequence[str] = ()) -> Sequence[Passage]:
        self.searched.append((query, limit, scope))
        if self.is_away:
            raise StoreUnavailable("the database is away")
        if self.hangs:
            await anyio.sleep_forever()
        return (Passage(id="p", title="Hours", text="From nine."),)

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        self.given.append((conversation_id, within_seconds))
        if self.failures:
            raise self.failures.pop(0)
        return Completion(text=f"{prompt.question} {passages[0].text}", hands_off=True, sources=("p",), model="m")

    async def __aenter__(self) -> Oracle:
        return self

    async def __aexit__(self, *exc: object) -> None: ...


class Refusing(MemoryStore):
    """Cannot write for a while."""

    refuses = 0

    async def apply(self, event: Event, decide: Decide) -> Any:
        self._refuse()
        return await super().apply(event, decide)

    async def keep(self, notices: Sequence[Notice]) -> None:
        self._refuse()
        await super().keep(notices)

    def _refuse(self) -> None:
        if self.refuses:
            self.refuses -= 1
            raise StoreUnavailable("the disk is full")


class Bench:
    """A performer with all that it needs."""

    def __init__(
        self,
        tmp_path: Path,
        channel: Channel | None = None,
        oracle: Oracle | None = None,
        former: Channel | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.store = Refusing(self.clock)
        self.metrics = Metrics()
        self.oracle = oracle or Oracle()
        self.slept: list[float] = []
        self.engine = Engine(self.store, Policy(), InProcessSignal(), self.clock, self.metrics)
        self.performer = Performer(
            engine=self.engine,
            channels={"main": channel or Silent()},
            formers={"main": former} if former else {},
            language_model=self.oracle,
            knowledge=self.oracle,
            media=MediaFolder(tmp_path),
            clock=self.clock,
            metrics=self.metrics,
            chance=lambda: 0.5,
            sleep=self._sleep,
            limit=self._limit,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @staticmethod
    async def _limit(coroutine: Coroutine[Any, Any, Result], /, timeout: float) -> Result:  # noqa: ASYNC109
        """The time that passes is the clock's; what hangs is cut off soon."""
        return await asyncio.wait_for(coroutine, 0.5)

    def claim(self, effect: Effect, **fields: Any) -> Claim:
        known = {"attempt": 1, "failures": 0, "is_interrupted": False, "channel": "main", **fields}
        return Claim(effect=effect, conversation_id="c", **known)

    def after(self, seconds: float) -> Any:
        return self.clock.now() + timedelta(seconds=seconds)

    def sending(self, *, not_after_seconds: float | None = 60.0) -> SendMessage:
        return SendMessage(
            id="e.0",
            due_at=self.clock.now(),
            to=(Address("phone", "15550100777"),),
            content=Text(body="hi"),
            author="bot",
            not_after=None if not_after_seconds is None else self.after(not_after_seconds),
        )

    def drafting(self) -> DraftReply:
        return DraftReply(
            id="e.1", due_at=self.clock.now(), prompt=Prompt(business_name="Shop", question="When?", turns=())
        )

    def fetching(self, not_after_seconds: float = 60.0) -> FetchMedia:
        return FetchMedia(
            id="e.2",
            due_at=self.clock.now(),
            message_id="m",
            media=Media(kind="image", media_id="1"),
            not_after=self.after(not_after_seconds),
        )

    def marking(self, not_after_seconds: float = 20.0) -> MarkRead:
        return MarkRead(
            id="e.3",
            due_at=self.clock.now(),
            provider_message_id="wamid.in",
            is_typing=True,
            not_after=self.after(not_after_seconds),
        )


# Sending


async def test_what_the_vendor_took_has_succeeded(tmp_path: Path) -> None:
    channel = Silent()
    bench = Bench(tmp_path, channel)
    outcome = await bench.performer.perform(bench.claim(bench.sending()))
    assert isinstance(outcome, SendSucceeded)
    assert (outcome.effect_id, outcome.attempt, outcome.provider_message_id) == ("e.0", 1, "wamid.1")
    assert channel.sent[0].reference == "e.0"


async def test_a_send_that_was_interrupted_is_unknown_and_not_sent(tmp_path: Path) -> None:
    channel = Silent()
    bench = Bench(tmp_path, channel)
    outcome = await bench.performer.perform(bench.claim(bench.sending(), attempt=2, is_interrupted=True))
    assert isinstance(outcome, SendUnknown)
    assert channel.sent == []


@pytest.mark.parametrize(
    ("late_by", "is_sent"), [(-1.0, True), (0.0, True), (0.001, False)], ids=["before", "at the end", "after"]
)
async def test_nothing_leaves_after_the_window(tmp_path: Path, late_by: float, is_sent: bool) -> None:
    channel = Silent()
    bench = Bench(tmp_path, channel)
    outcome = await bench.performer.perform(bench.claim(bench.sending(not_after_seconds=-late_by)))
    assert bool(channel.sent) is is_sent
    if not is_sent:
        assert isinstance(outcome, SendFailed)
        assert (outcome.code, outcome.needs_template) == ("window_closed", True)


async def test_a_message_without_an_end_may_leave_at_any_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcome = await bench.performer.perform(bench.claim(bench.sending(not_after_seconds=None)))
    assert isinstance(outcome, SendSucceeded)


async def test_a_message_waits_for_a_channel_that_another_process_may_have(tmp_path: Path) -> None:
    """A rolling restart adds a channel, and a worker that knows nothing of it gets the first message."""
    bench = Bench(tmp_path)
    outcome = await bench.performer.perform(bench.claim(bench.sending(), channel="new"))
    assert isinstance(outcome, EffectPostponed)
    assert (outcome.counts, outcome.until > bench.clock.now()) == (True, True)


async def test_a_channel_that_nobody_has_fails_in_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    claim = bench.claim(bench.sending(), channel="old", failures=SENDING.attempts_max - 1)
    outcome = await bench.performer.perform(claim)
    assert isinstance(outcome, SendFailed)
    assert outcome.code == "no_channel"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        pytest.param(OutcomeUnknown("time-out"), SendUnknown, id="a time-out is unknown"),
        pytest.param(KeyError("messages"), SendUnknown, id="a bug in the provider is unknown"),
        pytest.param(PermanentFailure("gone", code="131026"), SendFailed, id="a refusal is final"),
        pytest.param(TemporaryFailure("busy"), EffectPostponed, id="a passing fault is tried again"),
    ],
)
async def test_a_failed_send(tmp_path: Path, failure: Exception, expected: type[Event]) -> None:
    bench = Bench(tmp_path, Silent(failure))
    assert isinstance(await bench.performer.perform(bench.claim(bench.sending())), expected)


async def test_a_refusal_says_whether_a_template_would_help(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Silent(PermanentFailure("late", code="131047", needs_template=True)))
    outcome = await bench.performer.perform(bench.claim(bench.sending()))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.needs_template) == ("131047", True)


@pytest.mark.parametrize(
    ("failures", "attempts_max", "gives_up"),
    [(SENDING.attempts_max - 2, None, False), (SENDING.attempts_max - 1, None, True), (0, 1, True), (1, 3, False)],
)
async def test_a_send_is_given_up_after_enough_tries(
    tmp_path: Path, failures: int, attempts_max: int | None, gives_up: bool
) -> None:
    bench = Bench(tmp_path, Silent(TemporaryFailure("busy", code="2", attempts_max=attempts_max)))
    outcome = await bench.performer.perform(bench.claim(bench.sending(), failures=failures))
    assert isinstance(outcome, SendFailed if gives_up else EffectPostponed)
    if isinstance(outcome, SendFailed):
        assert outcome.code == "2"


async def test_a_send_that_is_given_up_without_a_code_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Silent(TemporaryFailure("no route")))
    outcome = await bench.performer.perform(bench.claim(bench.sending(), failures=SENDING.attempts_max))
    assert isinstance(outcome, SendFailed)
    assert outcome.code == "gave_up"


async def test_the_pair_limit_waits_for_this_contact_only(tmp_path: Path) -> None:
    channel = Silent(TemporaryFailure("pair", code="131056", concerns="contact"))
    bench = Bench(tmp_path, channel)
    outcome = await bench.performer.perform(bench.claim(bench.sending(), failures=2))
    assert isinstance(outcome, EffectPostponed)
    assert (outcome.until, outcome.counts) == (bench.after(16), True)
    assert isinstance(await bench.performer.perform(bench.claim(bench.sending())), SendSucceeded)


async def test_a_channel_that_is_too_fast_waits_whole_and_burns_no_try(tmp_path: Path) -> None:
    channel = Silent(TemporaryFailure("rate", code="130429", concerns="channel", retry_after=5.0))
    bench = Bench(tmp_path, channel)
    for _ in range(2):
        outcome = await bench.performer.perform(bench.claim(bench.sending(), failures=99))
        assert isinstance(outcome, EffectPostponed)
        assert (outcome.until, outcome.counts) == (bench.after(5), False)
    assert channel.sent == []
    assert bench.engine.gate("main").rate == 1.0


async def test_a_barred_account_pauses_the_channel_and_raises_one_alarm_a_day(tmp_path: Path) -> None:
    barred = TemporaryFailure("token expired", code="190", concerns="account")
    bench = Bench(tmp_path, Silent(barred, barred))
    for _ in range(2):
        outcome = await bench.performer.perform(bench.claim(bench.sending(), failures=99))
        assert isinstance(outcome, EffectPostponed)
        assert not outcome.counts
        bench.clock.advance(30)
    (notice,) = await bench.store.notices(10)
    assert (notice.kind, notice.is_alarm) == ("channel_paused", True)
    assert "token expired" in notice.text
    paused = await bench.performer.perform(bench.claim(bench.sending()))
    assert isinstance(paused, EffectPostponed)
    assert paused.reason == "token expired"
    assert bench.engine.gate("main").pause_reason
    bench.clock.advance(60)
    assert isinstance(await bench.performer.perform(bench.claim(bench.sending())), SendSucceeded)
    assert not bench.engine.gate("main").pause_reason


async def test_a_channel_that_has_to_wait_for_hours_is_paused_for_all_to_see(tmp_path: Path) -> None:
    blocked = TemporaryFailure("reported too often", code="131048", concerns="channel", retry_after=14_400.0)
    bench = Bench(tmp_path, Silent(blocked))
    outcome = await bench.performer.perform(bench.claim(bench.sending()))
    assert isinstance(outcome, EffectPostponed)
    assert (outcome.until, outcome.counts) == (bench.after(14_400), False)
    (notice,) = await bench.store.notices(10)
    assert (notice.kind, notice.is_alarm) == ("channel_paused", True)
    assert bench.engine.gate("main").pause_reason == "reported too often"


async def test_an_alarm_that_cannot_be_kept_does_not_cost_the_outcome(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Silent(TemporaryFailure("token expired", concerns="account")))
    bench.store.refuses = 1
    outcome = await bench.performer.perform(bench.claim(bench.sending()))
    assert isinstance(outcome, EffectPostponed)
    assert await bench.store.notices(10) == []


# Drafting


async def test_a_draft_is_made_from_the_passages_that_fit(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcome = await bench.performer.perform(bench.claim(bench.drafting()))
    assert isinstance(outcome, ReplyDrafted)
    assert (outcome.text, outcome.hands_off, outcome.sources) == ("When? From nine.", True, ("p",))
    assert bench.oracle.searched == [("When?", 4, ())]


async def test_knowledge_that_is_away_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.oracle.is_away = True
    outcome = await bench.performer.perform(bench.claim(bench.drafting()))
    assert isinstance(outcome, EffectPostponed)
    assert outcome.reason == "the database is away"


async def test_a_draft_is_made_from_the_files_that_the_flow_allows(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    drafting = bench.drafting()
    scoped = replace(drafting, prompt=replace(drafting.prompt, scope=("hours.md",)))
    assert isinstance(await bench.performer.perform(bench.claim(scoped)), ReplyDrafted)
    assert bench.oracle.searched == [("When?", 4, ("hours.md",))]


async def test_what_a_model_looks_for_is_looked_up_as_well(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    effect = bench.drafting()
    prompt = msgspec.structs.replace(effect.prompt, queries=("insurance", "parcel"))
    await bench.performer.perform(bench.claim(msgspec.structs.replace(effect, prompt=prompt)))
    assert [query for query, *_ in bench.oracle.searched] == ["parcel", "insurance", effect.prompt.question]


async def test_the_time_of_a_draft_counts_from_when_the_contact_began_to_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for waited, is_answered in ((20, True), (26, False)):
        effect = bench.drafting()
        effect = msgspec.structs.replace(effect, since=effect.due_at - timedelta(seconds=waited))
        outcome = await bench.performer.perform(bench.claim(effect))
        assert isinstance(outcome, ReplyDrafted if is_answered else DraftFailed)
    assert [within_seconds for _, within_seconds in bench.oracle.given] == [5.0]


@pytest.mark.parametrize(
    ("failure", "failures", "expected"),
    [
        pytest.param(TemporaryFailure("busy"), 0, EffectPostponed, id="a busy model is asked again"),
        pytest.param(OutcomeUnknown("time-out"), 0, EffectPostponed, id="a draft may be repeated blindly"),
        pytest.param(ValueError("json"), 0, EffectPostponed, id="so may one that struck a bug"),
        pytest.param(TemporaryFailure("busy"), DRAFTING.attempts_max - 1, DraftFailed, id="but not for ever"),
        pytest.param(PermanentFailure("no credit", code="402"), 0, DraftFailed, id="a refusal is final"),
    ],
)
async def test_a_failed_draft(tmp_path: Path, failure: Exception, failures: int, expected: type[Event]) -> None:
    bench = Bench(tmp_path, oracle=Oracle(failure))
    outcome = await bench.performer.perform(bench.claim(bench.drafting(), failures=failures))
    assert isinstance(outcome, expected)
    if isinstance(outcome, DraftFailed):
        assert outcome.reason == str(failure)


async def test_a_draft_is_not_tried_again_where_that_would_come_too_late(tmp_path: Path) -> None:
    bench = Bench(tmp_path, oracle=Oracle(*(TemporaryFailure("busy") for _ in range(2))))
    claim = bench.claim(bench.drafting())
    bench.clock.advance(22.7)
    assert isinstance(await bench.performer.perform(claim), EffectPostponed)
    bench.clock.advance(0.1)
    assert isinstance(await bench.performer.perform(claim), DraftFailed)


@pytest.mark.parametrize(
    ("claimed", "within_seconds"),
    [
        pytest.param({}, 25.0, id="in time"),
        pytest.param({"late_by": 20.0}, 10.0, id="late: the time of one call"),
        pytest.param({"late_by": 3600.0}, 10.0, id="nothing ran when it was due"),
        pytest.param({"late_by": 20.0, "failures": 1}, 5.0, id="a second try has what is left"),
        pytest.param({"late_by": 25.0, "failures": 1}, None, id="which may be nothing"),
        pytest.param({"late_by": 25.0, "attempt": 4}, None, id="whoever had it before may have died of it"),
    ],
)
async def test_the_time_of_a_draft(tmp_path: Path, claimed: dict[str, Any], within_seconds: float | None) -> None:
    bench = Bench(tmp_path)
    effect = bench.drafting()
    bench.clock.advance(claimed.pop("late_by", 0.0))
    outcome = await bench.performer.perform(bench.claim(effect, **claimed))
    assert bench.oracle.given == ([("c", within_seconds)] if within_seconds else [])
    assert isinstance(outcome, ReplyDrafted if within_seconds else DraftFailed)


async def test_a_knowledge_search_that_hangs_does_not_hold_up_the_contact(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.oracle.hangs = True
    outcome = await bench.performer.perform(bench.claim(bench.drafting()))
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason == "the knowledge search did not answer within 25 s"


async def test_the_tries_of_a_draft_are_in_the_journal_whatever_became_of_it(tmp_path: Path) -> None:
    calls = (ModelCall(backend="first", code="503"),)
    passing, final = TemporaryFailure("busy"), PermanentFailure("no", code="400")
    passing.calls = final.calls = calls
    bench = Bench(tmp_path, oracle=Oracle(passing, final))
    postponed, failed = [await bench.performer.perform(bench.claim(bench.drafting())) for _ in range(2)]
    assert isinstance(postponed, EffectPostponed)
    assert isinstance(failed, DraftFailed)
    assert postponed.calls == failed.calls == calls


# The rest


async def test_a_read_mark_is_set_while_it_is_worth_something(tmp_path: Path) -> None:
    channel = Marking()
    bench = Bench(tmp_path, channel)
    early = await bench.performer.perform(bench.claim(bench.marking()))
    late = await bench.performer.perform(bench.claim(bench.marking(-1.0)))
    assert channel.marked == [("wamid.in", True)]
    assert isinstance(early, EffectFinished)
    assert isinstance(late, EffectFinished)
    assert (early.failure, late.failure) == ("", "too late, or not known to this channel")


async def test_a_channel_without_read_marks_is_left_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcome = await bench.performer.perform(bench.claim(bench.marking()))
    assert isinstance(outcome, EffectFinished)
    assert outcome.failure


async def test_a_read_mark_that_failed_is_not_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Marking(TemporaryFailure("busy")))
    outcome = await bench.performer.perform(bench.claim(bench.marking()))
    assert isinstance(outcome, EffectFinished)
    assert outcome.failure == "busy"


async def test_a_file_is_fetched_and_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcome = await bench.performer.perform(bench.claim(bench.fetching()))
    assert isinstance(outcome, MediaFetched)
    assert (tmp_path / outcome.stored_as).read_bytes() == b"bytes"
    assert (outcome.message_id, outcome.mime_type, outcome.size) == ("m", "image/png", 5)


@pytest.mark.parametrize(
    ("failure", "failures", "expected"),
    [
        (TemporaryFailure("busy"), 0, EffectPostponed),
        (OutcomeUnknown("reset"), 0, EffectPostponed),
        (PermanentFailure("gone", code="131052"), 0, EffectFinished),
        (TemporaryFailure("busy"), FETCHING.attempts_max, EffectFinished),
    ],
)
async def test_a_file_that_cannot_be_fetched(
    tmp_path: Path, failure: Exception, failures: int, expected: type[Event]
) -> None:
    bench = Bench(tmp_path, Silent(failure))
    outcome = await bench.performer.perform(bench.claim(bench.fetching(), failures=failures))
    assert isinstance(outcome, expected)


async def test_a_file_that_the_vendor_has_forgotten_is_not_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcome = await bench.performer.perform(bench.claim(bench.fetching(-1.0)))
    assert isinstance(outcome, EffectFinished)
    assert "no longer" in outcome.failure


async def test_a_file_is_asked_for_again_as_long_as_the_vendor_keeps_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Silent(*[TemporaryFailure("busy")] * 1_000))
    ends_at = bench.after(7 * 86_400)
    effect, failures = bench.fetching(7 * 86_400), 0
    while isinstance(outcome := await bench.performer.perform(bench.claim(effect, failures=failures)), EffectPostponed):
        failures += 1
        bench.clock.advance((outcome.until - bench.clock.now()).total_seconds())
    assert isinstance(outcome, EffectFinished)
    assert bench.clock.now() > ends_at
    assert (outcome.message_id, outcome.failure) == ("m", "the vendor keeps the file no longer")


class Slow(Silent):
    """A channel whose files take until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = anyio.Event()

    async def fetch(self, media: Media) -> FetchedMedia:
        await self.go.wait()
        return await super().fetch(media)


async def test_only_some_files_are_fetched_at_once_and_the_others_burn_no_try(tmp_path: Path) -> None:
    channel = Slow()
    bench = Bench(tmp_path, channel)
    outcomes: list[Event] = []

    async def fetch() -> None:
        outcomes.append(await bench.performer.perform(bench.claim(bench.fetching())))

    async with anyio.create_task_group() as tasks:
        for _ in range(FETCHES_MAX + 3):
            tasks.start_soon(fetch)
        await anyio.wait_all_tasks_blocked()
        assert [(type(outcome), getattr(outcome, "counts", None)) for outcome in outcomes] == [
            (EffectPostponed, False)
        ] * 3
        channel.go.set()
    assert [type(outcome) for outcome in outcomes[3:]] == [MediaFetched] * FETCHES_MAX
    assert isinstance(await bench.performer.perform(bench.claim(bench.fetching())), MediaFetched)


async def test_a_timer_fires_with_its_purpose(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    timer = WakeAt(id="e.4", due_at=bench.clock.now(), purpose="unknown", about="e.0")
    outcome = await bench.performer.perform(bench.claim(timer))
    assert isinstance(outcome, TimerFired)
    assert (outcome.purpose, outcome.about) == ("unknown", "e.0")


async def test_a_notice_to_the_desk_is_done_when_it_is_on_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    note = NotifyDesk(id="e.5", due_at=bench.clock.now(), reason="look")
    outcome = await bench.performer.perform(bench.claim(note))
    assert isinstance(outcome, EffectFinished)
    assert outcome.failure == ""


# Reporting


async def test_an_outcome_waits_for_the_store(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.refuses = 3
    await bench.performer.work(bench.claim(bench.drafting()))
    assert bench.slept == [0.5, 0.5, 0.5]
    labels = {"kind": "draft_reply", "outcome": "reply_drafted"}
    assert bench.metrics.registry.get_sample_value("frontdesk_effects_total", labels) == 1


async def test_half_a_character_of_a_provider_does_not_cost_the_outcome(tmp_path: Path) -> None:
    bench = Bench(tmp_path, oracle=Oracle(PermanentFailure("broken \ud83d", code="400")))
    outcome = await bench.performer.perform(bench.claim(bench.drafting()))
    assert isinstance(outcome, DraftFailed)
    assert outcome.reason == "broken ?"
    assert msgspec.json.encode(outcome)


async def test_an_interrupted_send_that_is_handed_back_is_unknown_and_not_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    decision = await bench.engine.handle(wrote("hi", bench.clock.now()))
    assert decision is not None
    await bench.store.claim(timedelta(seconds=30), 10)
    bench.clock.advance(31)
    await bench.performer.hand_back(await bench.store.claim(timedelta(seconds=30), 10))
    assert (await bench.store.messages(decision.conversation.id))[-1].status == "unknown"


async def test_a_claim_that_cannot_be_handed_back_is_left_to_its_lease(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.refuses = 1
    await bench.performer.hand_back([bench.claim(bench.drafting())])
    assert bench.slept == []
