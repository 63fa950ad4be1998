"""What language models really cost, by their vendors' books and not by ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from frontdesk.core.money import Caps, Hold, Total, scopes, usd
from frontdesk.ports import Claim


class Bill(Struct, frozen=True):
    """A vendor billed a call that was made under a claim. `at`: when money was set aside for it, None: none was."""

    claim: Claim
    amount: int
    at: datetime | None


class Purses:
    """What the caps are, what was set aside, and what vendors really billed."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.held_at: dict[str, datetime] = {}
        self.billed: Counter[str] = Counter()
        self.refused = 0

    def granted(self, hold: Hold) -> None:
        """The store has set money aside; the first date of a hold is the one that counts."""
        self.held_at.setdefault(hold.id, hold.at)

    def bill(self, claim: Claim, amount: int) -> Bill:
        """A vendor bills a call."""
        bill = Bill(claim, amount, self.held_at.get(f"{claim.effect.id}/{claim.attempt}"))
        if bill.at is not None:
            for scope in scopes(claim.conversation_id, bill.at):
                self.billed[scope.key] += amount
        return bill

    def missing(self, totals: Mapping[str, Total]) -> str:
        """What the books of the store do not hold of what was billed, in a sentence."""
        for key, billed in self.billed.items():
            total = totals.get(key, Total())
            if billed > total.spent + total.held:
                return f"{usd(billed)} USD were billed in {key}, the books say {total}"
        return ""
