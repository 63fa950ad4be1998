"""Perform a claimed effect, and report what became of it as an event.

`perform` and `report` are plain coroutines without tasks, timers or locks of their own, so that the simulator can
stop them at every await.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from frontdesk.config import LadderSettings
from frontdesk.core.effect import (
    CallHttp,
    DraftReply,
    FetchMedia,
    MarkRead,
    NotifyDesk,
    Perceive,
    SendMessage,
    WakeAt,
    kind_of,
)
from frontdesk.core.event import (
    CallReturned,
    ChannelChanged,
    DraftFailed,
    EffectFinished,
    EffectPostponed,
    Event,
    MediaFetched,
    Outcome,
    Perceived,
    ReplyDrafted,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    TimerFired,
)
from frontdesk.core.prompt_version import prompt_version
from frontdesk.engine.asking_back import fetch, look_up
from frontdesk.engine.backoff import (
    CALLING,
    CALLING_SECONDS_MAX,
    DRAFTING,
    FETCHING,
    SENDING,
    Patience,
    next_pair_try,
    next_try,
)
from frontdesk.engine.budget import Budget
from frontdesk.engine.calls import Calls, NoHosts, Reply
from frontdesk.engine.drafting import Drafting
from frontdesk.engine.engine import Engine
from frontdesk.engine.failover import Failover
from frontdesk.engine.gate import paused_notice
from frontdesk.engine.ladder import Limit
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.perceiving import Perceiving, not_made_out
from frontdesk.engine.storable import storable, storable_call
from frontdesk.ports import (
    Channel,
    Claim,
    Clock,
    Knowledge,
    LanguageModel,
    MarksRead,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    ProviderFailure,
    StoreUnavailable,
    TemporaryFailure,
)

log = structlog.get_logger("frontdesk.worker")

FETCHES_MAX = 4
"""Files that are fetched at once: each is held in memory whole, and a slow one must not hold up the answers."""

FETCH_AGAIN_SECONDS = 4.0
RETRY_REPORT_SECONDS = 0.5
LONG_WAIT_SECONDS = 60.0
"""A channel that has to wait for so long is paused for all to see, whatever the cause."""

_Outcome = TypeVar("_Outcome", bound=Outcome)


class Performer:
    """Performs one claim at a time; everything that a claim may need is handed in."""

    def __init__(  # noqa: PLR0913 -- one name a port; by keyword only
        self,
        *,
        engine: Engine,
        channels: Mapping[str, Channel],
        formers: Mapping[str, Channel] | None = None,
        language_model: LanguageModel,
        knowledge: Knowledge,
        media: MediaFolder,
        clock: Clock,
        metrics: Metrics,
        failover: Failover | None = None,
        chance: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        calls: Calls | None = None,
        ladder: LadderSettings | None = None,
        limit: Limit = asyncio.wait_for,
        budget: Budget | None = None,
        perceiving: Perceiving | None = None,
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._formers = formers or {}
        self._media = media
        self._clock = clock
        self._metrics = metrics
        self._failover = failover or Failover(engine, {}, clock)
        self._chance = chance
        self._sleep = sleep
        self._calls = calls or NoHosts()
        self._drafting = Drafting(language_model, knowledge, clock, ladder or LadderSettings(), limit, budget)
        self._perceiving = perceiving or Perceiving({}, {}, media, clock)
        self._fetching = 0

    async def work(self, claim: Claim) -> None:
        """Perform a claim and report its outcome."""
        began_at = self._clock.now()
        kind = kind_of(claim.effect)
        self._metrics.lateness_seconds.observe(max(0.0, (began_at - claim.effect.due_at).total_seconds()))
        outcome = await self.perform(claim)
        self._metrics.effect_seconds.labels(kind).observe((self._clock.now() - began_at).total_seconds())
        self._metrics.effects.labels(kind, outcome.__struct_config__.tag).inc()
        await self.report(outcome)

    async def report(self, outcome: Event) -> None:
        """Until it is on disk: what the world did must not be forgotten because the disk was full for a minute."""
        while True:
            try:
                await self._engine.handle(outcome)
            except StoreUnavailable as error:
                log.warning("outcome waits", reason=str(error))
                await self._sleep(RETRY_REPORT_SECONDS)
            else:
                return

    async def hand_back(self, claims: Sequence[Claim]) -> None:
        """Return claims on which nothing was begun. By an event, so that the rules see it: people may have got a
        conversation since the claim, and then what the bot wanted must not begin."""
        for claim in claims:
            try:
                await self._engine.handle(self._handed_back(claim))
            except StoreUnavailable as error:
                log.warning("claim not handed back", reason=str(error))

    def _handed_back(self, claim: Claim) -> Event:
        if isinstance(claim.effect, SendMessage) and claim.is_interrupted:
            return self._interrupted(claim)
        if isinstance(claim.effect, CallHttp) and claim.is_interrupted and not claim.effect.is_repeatable:
            return self._interrupted_call(claim)
        until = self._clock.now()
        return self._outcome(EffectPostponed, claim, until=until, reason="the process is stopping", counts=False)

    def _interrupted(self, claim: Claim) -> SendUnknown:
        """Whoever held the claim before may have sent the message; that must not be forgotten."""
        return self._outcome(SendUnknown, claim, reason="the process ended while the message was being sent")

    def _interrupted_call(self, claim: Claim) -> CallReturned:
        """The same of a call that must not be repeated."""
        failure = "the process ended while the host was being asked; look there whether it was done"
        return self._outcome(CallReturned, claim, failure=failure, is_unknown=True)

    async def perform(self, claim: Claim) -> Event:
        """Do what the effect asks for and say what became of it. Raises nothing but cancellation."""
        try:
            return await self._perform(claim)
        except ProviderFailure as failure:
            return self._failed(claim, failure)
        except Exception as error:
            # A bug in a provider; its effect must not be stuck for ever.
            log.exception("effect failed", effect_id=claim.effect.id, kind=kind_of(claim.effect))
            # It may have happened before the bug struck: as unknown as a time-out.
            return self._failed(claim, OutcomeUnknown(f"{type(error).__name__}: {error}"))

    async def _perform(self, claim: Claim) -> Event:
        match claim.effect:
            case SendMessage() as effect:
                return await self._send(claim, effect)
            case DraftReply() as effect:
                return await self._draft(claim, effect)
            case CallHttp() as effect:
                return await self._call(claim, effect)
            case MarkRead() as effect:
                return await self._mark_read(claim, effect)
            case FetchMedia() as effect:
                return await self._fetch(claim, effect)
            case Perceive() as effect:
                return self._outcome(Perceived, claim, **await self._perceiving.perceive(claim, effect))
            case WakeAt() as effect:
                if effect.purpose == "unknown":
                    known = (self._channels.get(claim.channel), self._formers.get(claim.channel))
                    await look_up(self._engine, *known, claim, effect.about)
                return self._outcome(TimerFired, claim, purpose=effect.purpose, about=effect.about)
            case NotifyDesk():
                return self._outcome(EffectFinished, claim)

    def _outcome(self, event: type[_Outcome], claim: Claim, **fields: Any) -> _Outcome:
        return event(
            id=f"{claim.effect.id}/{claim.attempt}",
            at=self._clock.now(),
            channel=claim.channel,
            conversation_id=claim.conversation_id,
            effect_id=claim.effect.id,
            attempt=claim.attempt,
            **{name: storable(value) for name, value in fields.items()},
        )

    def _channel(self, claim: Claim) -> Channel:
        """Another process may know it: one that was restarted with a channel more, while we were not yet. So messages
        wait, as long as for a vendor that is away, before it counts as gone."""
        channel = self._channels.get(claim.channel)
        if channel is None:
            reason = f"this process has no channel {claim.channel!r}; add it to the configuration, and restart"
            raise TemporaryFailure(reason, code="no_channel")
        return channel

    async def _send(self, claim: Claim, effect: SendMessage) -> Event:
        if claim.is_interrupted:
            return self._interrupted(claim)
        now = self._clock.now()
        if effect.not_after is not None and now > effect.not_after:
            raise PermanentFailure("the service window is closed", code="window_closed", needs_template=True)
        channel = self._channel(claim)
        gate = self._engine.gate(claim.channel)
        change = await self._ask(self._failover.way_home, claim, effect)
        wait_until = now if change else gate.admit(now, effect.id)
        if wait_until is not None:
            reason = gate.pause_reason or "the channel's rate is used up"
            if gate.pause_reason and change is None:
                change = await self._ask(self._failover.way_out, claim, effect)
            if change is not None:
                return await self._go_on_by(claim, change)
            return self._outcome(EffectPostponed, claim, until=wait_until, reason=reason, counts=False)
        message = OutgoingMessage(
            reference=effect.id, to=effect.to, content=effect.content, in_reply_to=effect.in_reply_to
        )
        try:
            sent = await channel.send(message)
        except TemporaryFailure as failure:
            until = await self._slow_down(claim, failure)
            if until is None:
                raise
            change = await self._ask(self._failover.way_out, claim, effect) if gate.pause_reason else None
            if change is not None:
                return await self._go_on_by(claim, change)
            return self._outcome(EffectPostponed, claim, until=until, reason=str(failure), counts=False)
        gate.succeeded(sent.provider_message_id)
        return self._outcome(SendSucceeded, claim, provider_message_id=sent.provider_message_id)

    async def _go_on_by(self, claim: Claim, change: ChannelChanged) -> Event:
        """Put the message back, not begun, and then let the conversation, and the message with it, go on by another
        channel. Where that cannot be kept, the message is just tried again."""
        reason = f"goes by channel {change.target}"
        outcome = self._outcome(EffectPostponed, claim, until=self._clock.now(), reason=reason, counts=False)
        try:
            await self._engine.handle(outcome)
            await self._engine.handle(change)
        except StoreUnavailable as error:
            log.warning("channel not changed", effect_id=claim.effect.id, reason=str(error))
        return outcome

    async def _ask(
        self,
        way: Callable[[Claim, SendMessage], Awaitable[ChannelChanged | None]],
        claim: Claim,
        effect: SendMessage,
    ) -> Any:
        """Whether the conversation is to go on by another channel; not while nobody can tell. Nothing has left yet, so
        nothing that goes wrong here may make the message's fate unknown."""
        try:
            return await way(claim, effect)
        except StoreUnavailable as error:
            log.warning("no failover", effect_id=claim.effect.id, reason=str(error))
            return None

    async def _slow_down(self, claim: Claim, failure: TemporaryFailure) -> Any:
        """Where a failure is the channel's and not the message's: until when all of the channel waits."""
        gate, now = self._engine.gate(claim.channel), self._clock.now()
        is_long = (failure.retry_after or 0.0) >= LONG_WAIT_SECONDS
        if failure.concerns == "channel" and not is_long:
            return gate.throttled(now, failure.retry_after)
        if failure.concerns in {"account", "channel"}:
            was_paused = bool(gate.pause_reason)
            until = gate.barred(now, str(failure), failure.retry_after)
            if not was_paused:
                await self._alarm(claim, failure)
            return until
        return None

    async def _alarm(self, claim: Claim, failure: TemporaryFailure) -> None:
        notice = paused_notice(claim.channel, failure, self._clock.now())
        try:
            await self._engine.note([notice])
        except StoreUnavailable as error:
            log.warning("alarm not kept", reason=str(error), text=notice.text)

    async def _draft(self, claim: Claim, effect: DraftReply) -> Event:
        completion = await self._drafting.draft(claim, effect)
        return self._outcome(
            ReplyDrafted,
            claim,
            text=completion.text,
            is_answer=completion.is_answer,
            hands_off=completion.hands_off,
            model=completion.model,
            usage=completion.usage,
            sources=completion.sources,
            links=completion.links,
            wants=storable_call(completion.wants),
            calls=completion.calls,
            prompt_version=prompt_version(),
        )

    async def _call(self, claim: Claim, effect: CallHttp) -> Event:
        if claim.is_interrupted and not effect.is_repeatable:
            return self._interrupted_call(claim)
        reply = await self._calls.ask(effect)
        return self._call_again(claim, effect, reply) or self._outcome(
            CallReturned,
            claim,
            status=reply.status,
            values={name: storable(value) for name, value in reply.values.items()},
            failure=reply.failure,
            is_unknown=reply.may_be_done and not effect.is_repeatable,
        )

    def _call_again(self, claim: Claim, effect: CallHttp, reply: Reply) -> EffectPostponed | None:
        """A due time for another try, where it does no harm and may help before the contact has waited too long."""
        if not (effect.is_repeatable and reply.is_passing):
            return None
        failure = TemporaryFailure(reply.failure, retry_after=reply.retry_after)
        postponed = self._try_again(claim, failure, CALLING)
        last_at = effect.due_at + timedelta(seconds=CALLING_SECONDS_MAX)
        return postponed if postponed and postponed.until <= last_at else None

    def _draft_again(self, claim: Claim, failure: ProviderFailure) -> EffectPostponed | None:
        """A due time for another way down the ladder, where the deadline leaves time for one."""
        postponed = self._try_again(claim, failure, DRAFTING)
        if postponed is None or not self._drafting.may_be_tried_at(claim, postponed.until):
            return None
        return msgspec.structs.replace(postponed, calls=failure.calls)

    async def _mark_read(self, claim: Claim, effect: MarkRead) -> Event:
        channel = self._channel(claim)
        if not isinstance(channel, MarksRead) or self._clock.now() > effect.not_after:
            return self._outcome(EffectFinished, claim, failure="too late, or not known to this channel")
        if self._engine.gate(claim.channel).pause_reason:
            return self._outcome(EffectFinished, claim, failure="the channel is paused")
        await channel.mark_read(effect.provider_message_id, is_typing=effect.is_typing)
        return self._outcome(EffectFinished, claim)

    async def _fetch(self, claim: Claim, effect: FetchMedia) -> Event:
        if self._clock.now() > effect.not_after:
            raise PermanentFailure("the vendor keeps the file no longer", code="expired")
        if self._fetching >= FETCHES_MAX:
            until = self._clock.now() + timedelta(seconds=FETCH_AGAIN_SECONDS * (0.5 + self._chance()))
            return self._outcome(EffectPostponed, claim, until=until, reason="other files come first", counts=False)
        self._fetching += 1
        try:
            fetched = await fetch(self._channel(claim), self._formers.get(claim.channel), effect.media)
            stored_as = await self._media.keep(effect.message_id, fetched)
        finally:
            self._fetching -= 1
        return self._outcome(
            MediaFetched,
            claim,
            message_id=effect.message_id,
            stored_as=stored_as,
            mime_type=fetched.mime_type,
            size=len(fetched.body),
        )

    def _failed(self, claim: Claim, failure: ProviderFailure) -> Event:
        match claim.effect:
            case SendMessage():
                return self._send_failed(claim, failure)
            case DraftReply():
                return self._draft_again(claim, failure) or self._outcome(
                    DraftFailed, claim, reason=str(failure), calls=failure.calls
                )
            case Perceive() as effect:
                again = self._try_again(claim, failure, DRAFTING)
                if again is not None and again.until < effect.not_after:
                    return msgspec.structs.replace(again, calls=failure.calls)
                return self._outcome(Perceived, claim, **not_made_out(effect, failure))
            case CallHttp() as effect:
                return self._outcome(CallReturned, claim, failure=str(failure), is_unknown=not effect.is_repeatable)
            case FetchMedia() as effect:
                return self._try_again(claim, failure, FETCHING) or self._outcome(
                    EffectFinished, claim, failure=str(failure), message_id=effect.message_id
                )
            case _:
                return self._outcome(EffectFinished, claim, failure=str(failure))

    def _send_failed(self, claim: Claim, failure: ProviderFailure) -> Event:
        if isinstance(failure, OutcomeUnknown):
            return self._outcome(SendUnknown, claim, reason=str(failure))
        if isinstance(failure, TemporaryFailure) and failure.concerns == "contact":
            until = next_pair_try(self._clock.now(), claim.failures)
            return self._outcome(EffectPostponed, claim, until=until, reason=str(failure))
        code = failure.code if isinstance(failure, TemporaryFailure | PermanentFailure) else ""
        return self._try_again(claim, failure, SENDING) or self._outcome(
            SendFailed,
            claim,
            code=code or "gave_up",
            reason=str(failure),
            needs_template=isinstance(failure, PermanentFailure) and failure.needs_template,
        )

    def _try_again(self, claim: Claim, failure: ProviderFailure, patience: Patience) -> EffectPostponed | None:
        """A due time for another try, or None where there is none left. Only a send may not be repeated blindly."""
        if isinstance(failure, PermanentFailure):
            return None
        retry_after = failure.retry_after if isinstance(failure, TemporaryFailure) else None
        limit = failure.attempts_max if isinstance(failure, TemporaryFailure) else None
        if claim.failures + 1 >= (limit or patience.attempts_max):
            return None
        until = next_try(patience, self._clock.now(), claim.failures, retry_after, self._chance())
        return self._outcome(EffectPostponed, claim, until=until, reason=str(failure))
