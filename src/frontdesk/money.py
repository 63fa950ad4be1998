"""What the ports promise about money: a store's ledger, and the prices of a language model.

The rules, and the words charge, hold, cap and total, are those of `core.money`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from frontdesk.core.money import Caps, Hold, Most, Refusal, Total
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.core.usage import Spent


class Ledger(Protocol):
    """The part of a store that keeps money. What an event costs is written by `Store.apply`, in its transaction: also
    where the event comes too late to count, for then it was paid for all the same."""

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """Set money aside in one transaction, unless a cap stands in the way. A hold with a known id is changed to the
        new amount and keeps its date. The outcome of its claim takes it away. Raises StoreUnavailable."""

    async def write_off(self, before: datetime) -> int:
        """Write holds that began before then as spent, for nobody will tell of them any more; how many there were.
        Raises StoreUnavailable."""

    async def totals(self, keys: Collection[str]) -> Mapping[str, Total]:
        """Of scopes by their keys; those of which nothing is known are missing. Raises StoreUnavailable."""

    async def spent(self, since: datetime) -> Sequence[Spent]:
        """The charges since then, added up by all that `Spent` tells them apart by. Raises StoreUnavailable."""


@runtime_checkable
class Priced(Protocol):
    """A language model that knows the most that a completion may cost. Of others the price counts as not known."""

    def most(self, prompt: Prompt, passages: Sequence[Passage]) -> Most:
        """An upper bound, never exceeded: caps depend on it."""
