"""Whether a language model may be asked, as far as money goes. Before each call the most that it may cost is reserved
in the store; the outcome of the draft settles that, in the transaction that writes it (`core.money`).

What would pass a cap is not asked: the ladder goes on to a model that still fits, a free one included, and where none
does the draft fails and the rules go on without. It fails closed: where the store cannot be asked, or nobody knows what
a model costs, there is no call. Without caps nothing is reserved; the ledger is written all the same.

A *purse* is of one claim: it holds enough for the calls that were made and the one that is next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec
import structlog
from msgspec import Struct

from frontdesk.config.money import MoneySettings
from frontdesk.core.event import Usage, identify
from frontdesk.core.money import (
    NANO,
    CapName,
    Caps,
    Hold,
    Most,
    Refusal,
    Total,
    nano_usd,
    scopes_of_all,
    usd,
)
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine.metrics import Metrics
from frontdesk.money import Ledger, Priced
from frontdesk.ports import Claim, Clock, LanguageModel, Notice, PermanentFailure, StoreUnavailable, TemporaryFailure

log = structlog.get_logger("frontdesk.budget")

TOKENS_OUT_ASSUMED = 4_000
"""Of a model that does not say how long its answers may be."""

LOOK_AGAIN_AFTER = timedelta(seconds=1)

KEPT_MAX = 100
"""So many notices are remembered as kept; the store knows the others."""

CURES: dict[CapName, str] = {
    "per_contact_a_day": "the contact has more tomorrow (UTC)",
    "per_conversation": "let a person answer, or raise it",
    "per_day": "it is free again tomorrow (UTC), or raise it",
    "per_month": "it is free again next month (UTC), or raise it",
}


def caps_of(settings: MoneySettings) -> Caps:
    """The caps that are configured."""
    return Caps(**{name: nano_usd(getattr(settings, name)) or 0 for name in Caps.__struct_fields__})


class Bill(Struct, frozen=True):
    """A call that may be made: the most that it uses, and what that costs (None: nobody knows)."""

    most: Most
    worst: int | None

    def cost(self, usage: Usage | None, price_max: str) -> tuple[str, bool]:
        """What a call is paid with as decimal text, and whether that is estimated, because nobody told. No usage: it
        may have used all that it could."""
        told = nano_usd(usage.cost_usd) if usage else None
        if usage is not None and told is not None:
            return usage.cost_usd, False
        amount = self.worst
        if usage is not None and usage.tokens_in + usage.tokens_out:
            amount = self.most.cost(usage.tokens_in, usage.tokens_out, price_max)
        return ("" if amount is None else usd(amount)), amount != 0


class Budget:
    """The business's caps, and how far they are used up. `note` keeps notices."""

    def __init__(
        self,
        ledger: Ledger,
        settings: MoneySettings,
        clock: Clock,
        metrics: Metrics,
        note: Callable[[Sequence[Notice]], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics
        self._note = note
        self._refused_on: dict[CapName, date] = {}
        self._unpriced: dict[str, str] = {}
        self._kept: set[str] = set()
        self._looked_at: datetime | None = None
        self._seen: list[str] = []
        self.price_max = settings.price_max_per_million_tokens
        self.caps = caps_of(settings)

    def purse(self, claim: Claim, task: str) -> Purse:
        """The money for one claim of a draft."""
        return Purse(self, self.hold(claim, task))

    def hold(self, claim: Claim, task: str) -> Hold:
        """Nothing yet, for one claim."""
        return Hold(
            effect_id=claim.effect.id,
            attempt=claim.attempt,
            conversation_id=claim.conversation_id,
            channel=claim.channel,
            at=self._clock.now(),
            nano_usd=0,
            task=task,
        )

    async def reserve(self, hold: Hold, worst: int, name: str) -> None:
        """Set money aside for a call of `name` that may cost `worst`. Raises PermanentFailure where a cap stands in the
        way, and TemporaryFailure where that is only for calls under way, or the store cannot tell."""
        try:
            refusal = await self._ledger.reserve(hold, self.caps)
        except StoreUnavailable as error:
            raise TemporaryFailure(f"the ledger cannot be asked: {error}", code="no_ledger") from error
        if refusal is None:
            return
        self._metrics.calls_refused.labels(refusal.cap).inc()
        reason = self._reason(refusal, worst, name)
        if refusal.is_passing:
            raise TemporaryFailure(f"{reason}; others are being asked, which may leave more", code="over_budget")
        self._refused_on[refusal.cap] = self._clock.now().date()
        await self._tell(refusal, hold, reason)
        raise PermanentFailure(reason, code="over_budget")

    def _reason(self, refusal: Refusal, worst: int, name: str) -> str:
        return (
            f"money.{refusal.cap} of {usd(self.caps.limit(refusal.cap))} USD leaves {usd(refusal.left)} USD, and "
            f"{name} may cost {usd(worst)} USD; {CURES[refusal.cap]}"
        )

    async def _tell(self, refusal: Refusal, hold: Hold, reason: str) -> None:
        """People, once a day for each cap."""
        is_everybodys = refusal.cap in ("per_day", "per_month")
        where = "" if is_everybodys else f" in conversation {hold.conversation_id} (the first today)"
        text = f"a language model is not asked{where}: {reason}"
        await self._keep(refusal.cap, "spending_cap", hold, text, is_alarm=is_everybodys)

    async def unpriced(self, hold: Hold, name: str, reason: str) -> None:
        """People are told once a day that `name` is never asked, and `look` tells it as long as this process runs: a
        price comes with a restart."""
        self._unpriced[name] = reason
        await self._keep(f"unknown price of {name}", "unknown_price", hold, f"{name} is not asked: {reason}")

    async def _keep(self, about: str, kind: str, hold: Hold, text: str, *, is_alarm: bool = True) -> None:
        now = self._clock.now()
        known = identify("spending cap", about, now.date().isoformat())
        if known in self._kept:
            return
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept.add(known)  # before it is: all drafts that are refused meanwhile would keep it too
        notice = Notice(id=known, at=now, channel=hold.channel, kind=kind, text=text, is_alarm=is_alarm)
        is_kept = False
        try:
            await self._note([notice])
            is_kept = True
        except StoreUnavailable as error:
            log.warning("notice not kept", reason=str(error), text=notice.text)
        finally:
            if not is_kept:
                self._kept.discard(known)

    async def look(self) -> list[str]:
        """A sentence for each cap of all that is reached, and each price that is missing; sets the metrics. The store
        is asked once a second at most, and where it is away the last answer stands."""
        now = self._clock.now()
        if self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_AFTER:
            self._looked_at = now
            day, month = scopes_of_all(now)
            try:
                found = await self._ledger.totals([day.key, month.key])
            except StoreUnavailable:
                return self._seen
            reached = filter(None, (self._reached(one.cap, found.get(one.key), now) for one in (day, month)))
            self._seen = [*self._unpriced.values(), *reached]
            for one in (day, month):
                self._metrics.spent.labels(one.cap.removeprefix("per_")).set(found.get(one.key, Total()).spent / NANO)
            for cap in ("per_contact_a_day", "per_conversation"):
                self._reached(cap, None, now)
        return self._seen

    def _reached(self, cap: CapName, total: Total | None, now: datetime) -> str:
        limit, used = self.caps.limit(cap), total.spent + total.held if total else 0
        is_reached = bool(limit) and (used >= limit or self._refused_on.get(cap) == now.date())
        self._metrics.cap_reached.labels(cap).set(is_reached)
        if not is_reached:
            return ""
        return f"money.{cap} is reached: {usd(used)} of {usd(limit)} USD are spent or reserved; {CURES[cap]}"


class Purse:
    """The money of one claim."""

    def __init__(self, budget: Budget | None, hold: Hold | None) -> None:
        self._budget = budget
        self._hold = hold
        self._used = 0

    async def open(self, name: str, model: LanguageModel, prompt: Prompt, passages: Sequence[Passage]) -> Bill:
        """Let a model be asked. Raises PermanentFailure and TemporaryFailure where it must not be."""
        most = price_of(model, prompt, passages)
        bill = Bill(most, most.worst(self._price_max))
        if self._budget is None or self._hold is None or not self._budget.caps.are_set or bill.worst == 0:
            return bill
        if bill.worst is None:
            reason = unpriced(name)
            await self._budget.unpriced(self._hold, name, reason)
            raise PermanentFailure(reason, code="unknown_price")
        hold = msgspec.structs.replace(self._hold, nano_usd=self._used + bill.worst)
        await self._budget.reserve(hold, bill.worst, name)
        return bill

    def pay(self, bill: Bill, usage: Usage | None) -> tuple[str, bool]:
        """What a call has cost, as decimal text, and whether that is estimated; see `Bill.cost`."""
        cost, is_estimated = bill.cost(usage, self._price_max)
        self._used += nano_usd(cost) or 0
        return cost, is_estimated

    @property
    def _price_max(self) -> str:
        return self._budget.price_max if self._budget else ""


def unpriced(name: str) -> str:
    """Why a model of that name is never asked."""
    return (
        f"nobody knows what {name} costs, and there are caps; set price_in and price_out of its section, "
        "or money.price_max_per_million_tokens for all whose price is not known"
    )


def price_of(model: LanguageModel, prompt: Prompt, passages: Sequence[Passage]) -> Most:
    """The most that a completion may use, and at what price."""
    return model.most(prompt, passages) if isinstance(model, Priced) else _assumed(prompt, passages)


def no_purse() -> Purse:
    """For a ladder that is asked outside of the service: nothing is reserved."""
    return Purse(None, None)


def _assumed(prompt: Prompt, passages: Sequence[Passage]) -> Most:
    """Of a model that does not tell: a token for each byte of all that it may be sent."""
    size = len(msgspec.json.encode((prompt, passages)))
    return Most(tokens_in=size, tokens_out=TOKENS_OUT_ASSUMED)
