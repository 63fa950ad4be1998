"""The money of a simulation: language models that bill by whim, and caps that are a few calls wide.

A vendor bills when a request has reached it, whatever becomes of the answer and of the process that waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Self

from frontdesk.config.money import MoneySettings
from frontdesk.core.event import Usage
from frontdesk.core.money import MILLION, Most, nano_usd, usd
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.core.tool import ToolCall
from frontdesk.ports import Completion, LanguageModel, OutcomeUnknown, PermanentFailure, TemporaryFailure
from frontdesk.testing.simulated_shop import ARGUMENTS, TOOLS
from frontdesk.testing.simulated_world import LEASE_SECONDS, Host, Pause

DEAR, CHEAP = nano_usd("0.1") or 0, nano_usd("0.02") or 0
"""The most that one call of either model costs."""


def some_caps(rng: Random) -> MoneySettings:
    """None in half of the runs; else some, a few calls wide."""
    if rng.random() < 0.5:
        return MoneySettings()
    widths = {"per_contact_a_day": (2, 5), "per_conversation": (3, 8), "per_day": (3, 20), "per_month": (5, 40)}
    caps: Any = {name: usd(DEAR * rng.randint(*width)) for name, width in widths.items() if rng.random() < 0.5}
    return MoneySettings(**caps)


def some_models(host: Host) -> dict[str, LanguageModel]:
    """The ladder's backends, the first choice first."""
    return {"dear": Model(host, DEAR), "cheap": Model(host, CHEAP)}


class Model:
    """A language model's double, which costs up to `worst` a call."""

    def __init__(self, host: Host, worst: int) -> None:
        self._host = host
        self._worst = worst

    def most(self, _prompt: Prompt, _passages: Sequence[Passage]) -> Most:
        """See `Priced`."""
        return Most(tokens_in=MILLION, tokens_out=0, price_in=usd(self._worst), price_out="0")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        """See the port."""
        faults, rng = self._host.faults, self._host.rng
        self._host.ledger.drafts_asked += 1
        claim = self._host.claim_of_caller()
        await Pause()
        if faults.strike("model unavailable"):
            raise TemporaryFailure("busy", retry_after=rng.choice((None, 2.0)))
        if faults.strike("model refuses"):
            raise PermanentFailure("no credit", code="402")
        amount = rng.randint(self._worst // 2, self._worst)
        self._host.ledger.was_billed(self._host.ledger.purses.bill(claim, amount))
        await Pause(rng.uniform(0.2, 3.0))
        if faults.strike("model slow"):
            await Pause(rng.uniform(LEASE_SECONDS, 2 * LEASE_SECONDS))
        if faults.strike("model unknown"):
            raise OutcomeUnknown("time-out")
        if faults.strike("model broken"):
            raise ValueError("no choices")
        return self._said(prompt, "" if faults.strike("price untold") else usd(amount))

    def _said(self, prompt: Prompt, cost_usd: str) -> Completion:
        faults, rng = self._host.faults, self._host.rng
        usage = Usage(tokens_in=MILLION, cost_usd=cost_usd)
        if faults.strike("model silent"):
            return Completion(text="", is_answer=False, usage=usage)
        if faults.strike("model garbage"):
            words = rng.choice(("", " \n ", "\0", "broken \ud800 half", "**" * 50, "🙂 word. " * 90, "```\n" * 9))
            return Completion(text=words, usage=usage)
        if prompt.task == "answer" and ((prompt.tools and rng.random() < 0.8) or faults.strike("model wants")):
            name = rng.choice(TOOLS)
            wanted = ToolCall(name=name, arguments=rng.choice(ARGUMENTS.get(name, ("{}",))))
            return Completion(text="", is_answer=False, wants=wanted, usage=usage)
        is_handing_off = faults.strike("model hands off")
        return Completion(text=f"About “{prompt.question[:60]}”: yes.", hands_off=is_handing_off, usage=usage)
