"""Bugs about money, put in on purpose; see `planted_bugs`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event, Usage
from frontdesk.core.money import Caps, Charge, Hold, Refusal, Scope, hold_of, movements
from frontdesk.engine.budget import Bill, Budget, Purse
from frontdesk.engine.performer import Performer
from frontdesk.ports import Claim, ProviderFailure, TemporaryFailure
from frontdesk.testing.simulated_process import MemoryStorage


class Lax(MemoryStorage):
    """Where a bug lets go of a hold that nobody has told of."""

    def let_go(self, hold: Hold) -> None:
        self._holds.pop(hold.id, None)
        for change in movements((), hold):
            self._move(change.scope, 0, change.held)


class NothingIsHeld(Lax):
    """What was spent is looked at, and what others are about to spend is not."""

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        refusal = await super().reserve(hold, caps)
        if refusal is None:
            self.let_go(self._holds[hold.id])
        return refusal


class HoldsAreHandedOn(Lax):
    """The next claim of a draft takes over the money of the one that died; but that may have been billed."""

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        for other in list(self._holds.values()):
            if other.effect_id == hold.effect_id and other.attempt < hold.attempt:
                self.let_go(other)
        return await super().reserve(hold, caps)


class HoldsDieWithTheProcess(Lax):
    def restart(self) -> None:
        for hold in list(self._holds.values()):
            self.let_go(hold)


class LateAnswersAreNotPaidFor(MemoryStorage):
    """The hold is taken away, for the draft is over."""

    def _pay(self, event: Event, conversation: Conversation) -> None:
        row = self._outbox.get(getattr(event, "effect_id", ""))
        if hold_of(event) and (row is None or row.attempt != getattr(event, "attempt", 0)):
            self._write_charges([], self._holds.pop(hold_of(event), None))
        else:
            super()._pay(event, conversation)


class OldHoldsAreThrownAway(Lax):
    def _write_charges(self, found: Sequence[Charge], ended: Hold | Charge | None) -> None:
        kept = [one for one in found if one.outcome != "lost"]
        super()._write_charges(kept, ended)


class ChargesAreNotAddedUp(MemoryStorage):
    """They are in the ledger, and no cap knows of them."""

    def _move(self, scope: Scope, spent: int, held: int) -> None:
        super()._move(scope, 0, held)


class CallsAreForgotten(Performer):
    def _failed(self, claim: Claim, failure: ProviderFailure) -> Event:
        failure.calls = ()
        return super()._failed(claim, failure)


class UnknownIsFree(Purse):
    """No answer, no cost."""

    def pay(self, bill: Bill, usage: Usage | None) -> tuple[str, bool]:
        return super().pay(bill, usage) if usage else ("0", False)


class UntoldIsFree(Purse):
    """A price that nobody told is none."""

    def pay(self, bill: Bill, usage: Usage | None) -> tuple[str, bool]:
        told = usage and msgspec.structs.replace(usage, cost_usd=usage.cost_usd or "0")
        return super().pay(bill, told)


class PaysNothingUnknown(Budget):
    def purse(self, claim: Claim, task: str) -> Purse:
        return UnknownIsFree(self, super().purse(claim, task)._hold)


class PaysNothingUntold(Budget):
    def purse(self, claim: Claim, task: str) -> Purse:
        return UntoldIsFree(self, super().purse(claim, task)._hold)


class FailsOpen(Budget):
    """While the store is away, nobody is kept from asking."""

    async def reserve(self, hold: Hold, worst: int, name: str) -> None:
        try:
            await super().reserve(hold, worst, name)
        except TemporaryFailure:
            return
