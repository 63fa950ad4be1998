"""A number that goes from one vendor to the other and back, again and again: each process has the one that was
configured when it started, so while they are exchanged one may still send by the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from frontdesk.core.event import Event
from frontdesk.engine.performer import Performer
from frontdesk.testing.simulated_process import System
from frontdesk.testing.simulated_world import CHANNEL, Host, Vendor
from simulation.msg91_vendor import Msg91Vendor

if TYPE_CHECKING:
    from frontdesk.testing.simulator import Simulation

SWAPS_MAX = 100
REPEATS_MAX = 8


class Ear:
    """The world as one of the vendors sees it: its webhooks are taken, or refused while the other one is there."""

    def __init__(self, host: Host, system: SwappingSystem, name: str) -> None:
        self._host = host
        self._system = system
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def deliver(self, events: tuple[Event, ...], tries: int = 0) -> None:
        """Until it is taken, or the vendor gives up."""
        if self._system.hears(self._name):
            self._host.deliver(events)
        elif tries < REPEATS_MAX:
            self._host.at(2.0**tries, lambda: self.deliver(events, tries + 1))


class Meta(Vendor):
    """The double of the port, with ids of its own."""

    def _new_id(self) -> str:
        return f"meta.{super()._new_id()}"


class SwappingSystem(System):
    """The service on a number that changes its vendor up to a hundred times. `hears_former`: the configuration names
    the one before."""

    def __init__(self, *, hears_former: bool) -> None:
        self.swaps = 0
        self.swapped_in_sends = 0
        self._hears_former = hears_former
        self._present = "meta"
        self._vendors: dict[str, Vendor] = {}

    def hears(self, name: str) -> bool:
        """Whether what this vendor posts is taken."""
        return self._hears_former or name == self._present

    def vendor(self, host: Host) -> Vendor:
        """Meta at first."""
        meta, msg91 = (cast("Host", Ear(host, self, name)) for name in ("meta", "msg91"))
        self._vendors = {"meta": Meta(meta), "msg91": Msg91Vendor(msg91)}
        self._plan(cast("Simulation", host))
        return self._vendors[self._present]

    def performer(self, **parts: Any) -> Performer:
        """With the vendor before, where it is heard."""
        present = parts["channels"][CHANNEL]
        other = next(one for one in self._vendors.values() if one is not present)
        return Performer(**parts, formers={CHANNEL: other} if self._hears_former else {})

    def _plan(self, simulation: Simulation) -> None:
        simulation.at(
            simulation.rng.choice((2.0, 15.0, 60.0)) * simulation.rng.random(), lambda: self._swap(simulation)
        )

    def _swap(self, simulation: Simulation) -> None:
        if simulation.faults.are_over or self.swaps >= SWAPS_MAX:
            return
        self.swaps += 1
        self.swapped_in_sends += bool(simulation.ledger.calls)
        self._present = "msg91" if self._present == "meta" else "meta"
        simulation.vendor = self._vendors[self._present]
        simulation.note("business", f"goes to {self._present}")
        simulation.restart()
        self._plan(simulation)
