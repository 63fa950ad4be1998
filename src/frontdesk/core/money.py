"""What answers and messages cost, and whether there is money for more. Pure, so that no two stores can differ in it.

The *ledger* is made of charges: one for each call of a language model, whatever became of it, and one for each message
that the vendor priced. Charges are written in the same transaction as the event that tells of them.

Before a model is asked, a *hold* reserves the most that the call may cost. It is refused where what was spent and what
is held already would pass a cap with it; the outcome of the draft takes it away and writes what was really spent. Each
claim of an effect has a hold of its own: where a process died in the middle of a call nobody knows whether it was
billed, so its hold goes on counting when the draft is tried again, and is written down as spent once nobody can tell of
it any more (`lost`). So what a vendor bills never passes a cap, whoever is killed when.

*Totals* add up what was spent and what is held, for each scope a row of its own, so that a look at them costs the same
with a million charges. Days and months are those of UTC, and the day on which a call began.

Amounts are whole billionths of a dollar, rounded up: exact, and far below the price of a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import (
    DraftFailed,
    EffectPostponed,
    Event,
    ModelCall,
    Perceived,
    Pricing,
    ReplyDrafted,
    StatusChanged,
    Usage,
    identify,
)
from frontdesk.core.message import MessageStatus
from frontdesk.core.position import DraftAwaited

NANO = 10**9
"""Billionths in a dollar."""

MILLION = 1_000_000
"""Tokens for which vendors tell prices."""

MOST_NANO = 10**15
"""A million dollars: more than one call or one cap can be, and far below what the stores' integers hold."""

CapName: TypeAlias = Literal["per_contact_a_day", "per_conversation", "per_day", "per_month"]

BILLED_AT = {MessageStatus.DELIVERED, MessageStatus.READ}
"""A message costs something once it is delivered; a status tells of that, or of its reading where that one is lost."""


def nano_usd(text: str) -> int | None:
    """An amount of dollars, decimal text, as whole billionths; None for what is no amount (`-1` stands for a price that
    is not known)."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0:
        return None
    return min(_billionths(amount), MOST_NANO)


def _billionths(amount: Decimal) -> int:
    return int((min(amount, Decimal(MOST_NANO)) * NANO).to_integral_value(ROUND_CEILING))


def usd(amount: int) -> str:
    """Whole billionths as decimal text, without zeros at the end."""
    text = f"{Decimal(amount) / NANO:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Charge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the ledger. `flow` and `step`: where the conversation stood, "" outside of flows. `task`: what the
    model was asked (`answer`, `choose`, `summarise`), or `message`; then `model` is the vendor's category and type.
    `outcome`: "" or why there was no answer. `is_unanswered`: it costs something although nothing came of it.
    `is_estimated`: the vendor told no price."""

    id: str
    at: datetime
    channel: str
    conversation_id: str
    task: str
    nano_usd: int
    flow: str = ""
    step: str = ""
    backend: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    seconds: float = 0.0
    outcome: str = ""
    is_estimated: bool = False
    is_unanswered: bool = False


class Hold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money set aside for the calls of one claim of a draft: the most that they may cost. `at`: when it was taken."""

    effect_id: str
    attempt: int
    conversation_id: str
    channel: str
    at: datetime
    nano_usd: int
    task: str = "answer"

    @property
    def id(self) -> str:
        """By what the claim's outcome finds it."""
        return f"{self.effect_id}/{self.attempt}"


class Caps(Struct, frozen=True, kw_only=True):
    """The most that language models may cost; 0: as much as they like."""

    per_contact_a_day: int = 0
    per_conversation: int = 0
    per_day: int = 0
    per_month: int = 0

    def limit(self, cap: CapName) -> int:
        """One of them."""
        return int(getattr(self, cap))

    @property
    def are_set(self) -> bool:
        """Whether there is any."""
        return any(msgspec.structs.astuple(self))


class Most(Struct, frozen=True, kw_only=True):
    """The most that one completion may use: tokens of all its requests, and USD a million tokens as decimal text, ""
    where the price is not known."""

    tokens_in: int
    tokens_out: int
    price_in: str = ""
    price_out: str = ""

    def cost(self, tokens_in: int, tokens_out: int, price_max: str) -> int | None:
        """So many tokens in billionths of a dollar, at `price_max` where the price is not known; None where that is
        none either."""
        prices = [Decimal(told or price_max or "-1") for told in (self.price_in, self.price_out)]
        if min(prices) < 0:
            return None
        return _billionths((prices[0] * tokens_in + prices[1] * tokens_out) / MILLION)

    def worst(self, price_max: str) -> int | None:
        """All of it."""
        return self.cost(self.tokens_in, self.tokens_out, price_max)

    @property
    def is_known(self) -> bool:
        """Whether there are prices."""
        return all((nano_usd(told) is not None) for told in (self.price_in, self.price_out))


class Total(Struct, frozen=True):
    """What was spent in a scope, and what is held."""

    spent: int = 0
    held: int = 0


class Scope(Struct, frozen=True):
    """For what a total is kept: `key` names it, `cap` bounds it. `until`: the last day that it counts, or ""."""

    key: str
    cap: CapName
    until: str = ""


class Refusal(Struct, frozen=True):
    """There is no money for it: which cap stands in the way, and what is left below it. `is_passing`: there will be
    some when calls that are under way have cost less than was held for them."""

    cap: CapName
    left: int
    is_passing: bool = False


class Movement(Struct, frozen=True):
    """How a scope's total changes."""

    scope: Scope
    spent: int
    held: int


def scopes_of_all(at: datetime) -> tuple[Scope, Scope]:
    """Of all conversations together: the day and the month."""
    return _day(at), _month(at)


def scopes(conversation_id: str, at: datetime) -> tuple[Scope, ...]:
    """All that a call in a conversation counts in, in the order in which their totals are locked."""
    day = f"{at:%Y-%m-%d}"
    return (
        Scope(f"contact/{conversation_id}/{day}", "per_contact_a_day", day),
        Scope(f"conversation/{conversation_id}", "per_conversation"),
        _day(at),
        _month(at),
    )


def _day(at: datetime) -> Scope:
    return Scope(f"day/{at:%Y-%m-%d}", "per_day", f"{at:%Y-%m-%d}")


def _month(at: datetime) -> Scope:
    return Scope(f"month/{at:%Y-%m}", "per_month", f"{at:%Y-%m}-31")


def judge(
    totals: Mapping[str, Total], where: Iterable[Scope], caps: Caps, *, amount: int, known: int = 0
) -> Refusal | None:
    """Whether `amount` may be held where `known` of it is already; what is taken back always may."""
    more = amount - known
    if more <= 0:
        return None
    for scope in where:
        limit, total = caps.limit(scope.cap), totals.get(scope.key, Total())
        left = limit - total.spent - total.held
        if limit and more > left:
            return Refusal(scope.cap, max(0, left), is_passing=amount <= limit - total.spent)
    return None


def hold_of(event: Event) -> str:
    """The id of the hold that `event` takes away, "" where it can have none."""
    match event:
        case ReplyDrafted() | DraftFailed() | EffectPostponed() | Perceived():
            return f"{event.effect_id}/{event.attempt}"
        case _:
            return ""


def charges(event: Event, conversation: Conversation) -> tuple[Charge, ...]:
    """What `event` tells of that costs something. `conversation` is its state before. A call whose outcome comes too
    late to count is paid for all the same."""
    match event:
        case ReplyDrafted() | DraftFailed() | EffectPostponed() | Perceived():
            flow, step = _stands_at(conversation, event.effect_id)
            about = {"at": event.at, "channel": event.channel, "conversation_id": conversation.id}
            return tuple(
                _called(call, id=f"{hold_of(event)}/{place}", flow=flow, step=step, **about)
                for place, call in enumerate(event.calls)
            )
        case StatusChanged(pricing=Pricing() as pricing) if event.status in BILLED_AT:
            return (_message(event, pricing, conversation),)
        case _:
            return ()


def _stands_at(conversation: Conversation, effect_id: str) -> tuple[str, str]:
    run = conversation.run
    if run is None or not isinstance(run.waits, DraftAwaited) or run.waits.effect_id != effect_id:
        return "", ""
    return run.frames[-1].flow, run.frames[-1].step


def cost_of(call: ModelCall) -> tuple[int, bool]:
    """What a call has cost, in billionths, and whether nobody told that."""
    amount = nano_usd(call.cost_usd or (call.usage.cost_usd if call.usage else ""))
    may_cost = call.usage is not None or call.may_be_billed
    return amount or 0, call.is_estimated or (amount is None and may_cost)


def _called(call: ModelCall, **about: Any) -> Charge:
    usage = call.usage or Usage()
    amount, is_estimated = cost_of(call)
    return Charge(
        **about,
        task=call.task,
        nano_usd=amount,
        backend=_plain(call.backend),
        model=_plain(call.model),
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        tokens_cached=usage.tokens_cached,
        seconds=call.seconds,
        outcome=_plain(call.code),
        is_estimated=is_estimated,
        is_unanswered=bool(call.code and amount),
    )


def _plain(word: str) -> str:
    """A vendor's word as every store can hold it."""
    return word.replace("\0", "�")


def _message(event: StatusChanged, pricing: Pricing, conversation: Conversation) -> Charge:
    return Charge(
        id=identify(event.channel, "charge", event.provider_message_id),
        at=event.at,
        channel=event.channel,
        conversation_id=conversation.id,
        task="message",
        nano_usd=nano_usd(pricing.cost_usd) or 0,
        model=_plain("/".join(filter(None, (pricing.category, pricing.type)))),
        is_estimated=not pricing.cost_usd,
    )


def with_price(event: StatusChanged, prices: Mapping[str, str]) -> StatusChanged:
    """The same with what the message costs by the business's own list, under `category/type`, else under `category`
    for the type that is not free; "" where the list has nothing. Vendors tell categories, not amounts."""
    pricing = event.pricing
    if pricing is None or pricing.cost_usd:
        return event
    price = message_price(prices, pricing.category, pricing.type)
    return msgspec.structs.replace(event, pricing=msgspec.structs.replace(pricing, cost_usd=price)) if price else event


def message_price(prices: Mapping[str, str], category: str, kind: str) -> str:
    """By the business's own list; "" where that has none."""
    price = prices.get(f"{category}/{kind}")
    if price is None:
        price = prices.get(category, "") if kind in ("", "regular") else "0"
    return price


def lost_id(hold_id: str) -> str:
    """The charge that stands for a hold of which nobody told in time. An outcome that comes later still takes it away,
    as it would have taken the hold, so that the call counts once and at its real cost."""
    return f"{hold_id}/lost"


def written_off(hold: Hold) -> Charge:
    """What is written where nobody has told what became of a hold's calls: the most that they may have cost."""
    return Charge(
        id=lost_id(hold.id),
        at=hold.at,
        channel=hold.channel,
        conversation_id=hold.conversation_id,
        task=hold.task,
        nano_usd=hold.nano_usd,
        outcome="lost",
        is_estimated=True,
        is_unanswered=True,
    )


def begun_at(found: Iterable[Charge], ended: Hold | Charge | None) -> tuple[Charge, ...]:
    """The charges, dated when their hold was taken: that day's cap it was judged by. `ended`: the hold, or the charge
    that was written where it was given up as lost."""
    return tuple(msgspec.structs.replace(one, at=ended.at) if ended else one for one in found)


def movements(written: Iterable[Charge], ended: Hold | Charge | None) -> tuple[Movement, ...]:
    """How the totals change with these charges, which are new in the ledger and of one claim, and with the end of its
    hold (see `begun_at`). Messages count in none: whoever has been written to has been."""
    counted = [one for one in written if one.task != "message"]
    amount, held = sum(one.nano_usd for one in counted), ended.nano_usd if isinstance(ended, Hold) else 0
    amount -= ended.nano_usd if isinstance(ended, Charge) else 0
    where = ended or next(iter(counted), None)
    if where is None or not (amount or held):
        return ()
    return tuple(Movement(scope, amount, -held) for scope in scopes(where.conversation_id, where.at))
