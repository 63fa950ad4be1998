"""Those who make out voice messages and pictures in a simulation: slow, deaf, broken, and never free of charge."""

from __future__ import annotations

from random import Random
from typing import Self

from frontdesk.config.senses import SenseSection, SenseSettings
from frontdesk.core.event import Sense, Usage
from frontdesk.core.money import nano_usd, usd
from frontdesk.perception import ContactFile, MadeOut
from frontdesk.ports import OutcomeUnknown, PermanentFailure, TemporaryFailure
from frontdesk.testing.simulated_world import LEASE_SECONDS, Host, Pause

COST_MAX = "0.02"
HEARD = ("where is my parcel", "menu", "agent please", "cancel A1001", "1", "हाँ", "x " * 900, "  ", "\u202eyes\n\nno")
SECTIONS: dict[Sense, SenseSection] = {
    "voice": SenseSection(provider="simulated", settings=SenseSettings(cost_max=COST_MAX)),
    "picture": SenseSection(provider="simulated", settings=SenseSettings(cost_max=COST_MAX, call_seconds=5.0)),
}


def some_senses(rng: Random) -> tuple[bool, bool]:
    """Whether voice is heard and pictures are seen: neither in a third of the runs."""
    return rng.choice(((False, False), (True, True), (True, rng.random() < 0.5)))


class Senses:
    """Makes out whatever it likes."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def perceive(self, file: ContactFile, *, within_seconds: float) -> MadeOut:
        """See the port."""
        faults, rng = self._host.faults, self._host.rng
        claim = self._host.claim_of_caller()
        await Pause()
        if faults.strike("nobody listens", 2.0):
            raise rng.choice(
                (TemporaryFailure("busy", retry_after=rng.choice((None, 2.0))), PermanentFailure("no", code="400"))
            )
        amount = rng.randint(1, nano_usd(COST_MAX) or 0)
        self._host.ledger.was_billed(self._host.ledger.purses.bill(claim, amount))
        await Pause(rng.uniform(0.2, 4.0))
        if faults.strike("listens too long", 2.0):
            await Pause(rng.uniform(LEASE_SECONDS, 2 * LEASE_SECONDS))
        if faults.strike("broken off while listening", 2.0):
            raise OutcomeUnknown("reset")
        if faults.strike("listening is broken", 2.0):
            raise ValueError("no text")
        cost_usd = "" if faults.strike("price untold") else usd(amount)
        return MadeOut(words=rng.choice(HEARD), model="senses", usage=Usage(tokens_in=1, cost_usd=cost_usd))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None
