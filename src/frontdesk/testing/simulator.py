"""A day in the life of the service, by the thousand: the real rules, engine and performer in a simulated world.

One number, the seed, decides everything: what contacts write, what fails, and in which order coroutines run. Nothing
here is asynchronous in the usual sense. Every port lets the others run before and after its effect (a *seam*, see
`simulated_world.Pause`), and `Simulation` steps a random coroutine from seam to seam. So every interleaving can
happen, and the process can die at every seam: its coroutines are closed, its memory is dropped, the store and the
world remain, and a new process starts.

A run has two modes. While faults strike, the promises of safety are checked at every commit, claim and call. Then
faults stop, and within `SETTLES_WITHIN_SECONDS` nothing may be left undone. See `invariants`.

    python -m frontdesk.testing.simulator --seed 4711
    python -m frontdesk.testing.simulator --seeds 0:2000
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from time import perf_counter
from typing import Any, TypeVar

import click
import structlog
import structlog.testing

from frontdesk.core.event import Event
from frontdesk.core.policy import Policy
from frontdesk.engine.budget import caps_of
from frontdesk.ports import (
    Claim,
)
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.endings import AT_END, Ending, a_replay_decides_the_same
from frontdesk.testing.invariants import Ledger, Violation, check
from frontdesk.testing.purses import Purses
from frontdesk.testing.simulated_money import some_caps
from frontdesk.testing.simulated_people import People
from frontdesk.testing.simulated_process import Process, System, Task
from frontdesk.testing.simulated_senses import some_senses
from frontdesk.testing.simulated_shop import BOOKS, Shop, SimulatedLibrary
from frontdesk.testing.simulated_world import (
    LEASE_SECONDS,
    Faults,
    Trap,
    told_now,
)
from frontdesk.testing.simulation_report import Report, SimulationFailed, line, summary

SETTLES_WITHIN_SECONDS = 7_200.0
STEPS_MAX = 30_000
_Result = TypeVar("_Result")


class Simulation:
    """One run."""

    def __init__(self, seed: int, system: System | None = None) -> None:
        self.seed = seed
        self.system = system or System()
        self.rng = Random(seed)  # noqa: S311 -- a run must be repeatable, not unpredictable
        self.clock = ManualClock()
        self.faults = Faults(self.rng)
        self.policy = _policy(self.rng)
        self.shop = Shop(self)
        self.has_flows = self.shop.in_force is not None
        self.money = some_caps(self.rng)
        self.ledger = Ledger(self.policy, self.shop.done, Purses(caps_of(self.money)))
        self.storage = self.system.store(self.clock)
        self.steps = 0
        self._trace: list[tuple[datetime, str, object]] = []
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = 0
        self._ready: list[Task] = []
        self._running: Task | None = None
        self._processes: list[Process] = []
        self.vendor = self.system.vendor(self)
        self._people = People(self, self._ask_desk)
        self._crashes_left = 6
        self._lag = 0.0
        self.at(self._people.ends_after + self.rng.uniform(5.0, 200.0), self._end_faults)
        for number in range(1 if self.system.is_sole else self.rng.choice((1, 1, 2))):
            self._start_process(number)

    # What the world and the ports may use

    def at(self, seconds: float, run: Callable[[], None]) -> None:
        """Do something after a span."""
        self._numbers += 1
        heappush(self._agenda, (self.clock.now() + timedelta(seconds=seconds), self._numbers, run))

    def note(self, who: str, what: object) -> None:
        """Add a line to the trace."""
        self._trace.append((self.clock.now(), who, what))

    def start(self, task: Task) -> None:
        """Let a coroutine run."""
        self._ready.append(task)

    def claim_of_caller(self) -> Claim:
        """The claim under which the running coroutine works."""
        if self._running is None or self._running.claim is None:
            raise Violation("everything_sent_was_decided", "a send without a claim")
        return self._running.claim

    def wake_workers(self) -> None:
        """End the wait of every worker."""
        for process in self._processes:
            if process.parked:
                self._ready.append(process.parked)
                process.parked = None

    def deliver(self, events: tuple[Event, ...]) -> None:
        """The vendor calls the webhook; again and again until it is answered."""
        process = self._open_process()
        if process is None:
            self.at(self.rng.uniform(1.0, 30.0), lambda: self.deliver(events))
            return
        told = [told_now(event, self.clock) for event in events]
        is_answered = False

        def answer() -> None:
            nonlocal is_answered
            is_answered = True
            self.note("webhook", f"200 for {[event.id for event in events]}")
            self.ledger.acknowledged.update((event.id, event) for event in events)

        def again() -> None:
            if not is_answered:
                self.at(self.rng.uniform(1.0, 60.0), lambda: self.deliver(events))

        task = Task("webhook", self.system.take(process.engine, told, answer), process)
        task.failed = again
        self.start(task)

    def _ask_desk(self, event: Event) -> None:
        """A person acts at the desk, and presses again when it does not work."""

        def again() -> None:
            self.at(self.rng.uniform(1.0, 10.0), lambda: self._ask_desk(event))

        process = self._open_process()
        if process is None:
            again()
            return
        task = Task("desk", process.engine.handle(told_now(event, self.clock)), process)
        task.failed = again
        self.start(task)

    def _open_process(self) -> Process | None:
        serving = [process for process in self._processes if not process.is_stopping]
        return self.rng.choice(serving) if serving else None

    # The scheduler

    def run(self) -> Report:
        """Until everything has settled. Raises SimulationFailed."""
        try:
            with structlog.testing.capture_logs():
                while self._step():
                    self.steps += 1
                    if self.ledger.broken:
                        raise self.ledger.broken
                    if self.steps > STEPS_MAX:
                        raise Violation("everything_settles", f"still busy after {STEPS_MAX} steps")
                self._check_ending()
                if self.ledger.broken:
                    raise self.ledger.broken
        except Violation as violation:
            raise SimulationFailed(self.seed, violation, self.trace()) from violation
        finally:
            for process in list(self._processes):
                self._kill(process)
        return Report(
            seed=self.seed,
            events=len(self.ledger.steps),
            sends=len(self.ledger.accepted),
            drafts=self.ledger.drafts_asked,
            tools=self.ledger.taps.done,
            heard=self.ledger.heard,
            refused=self.ledger.purses.refused,
            crashes=self.faults.struck["crash"],
            steps=self.steps,
            struck=dict(self.faults.struck),
        )

    def trace(self) -> list[str]:
        """Every line so far."""
        return [line(entry) for entry in self._trace]

    def digest(self) -> str:
        """The same for the same run."""
        digest = blake2b(digest_size=16)
        for entry in self._trace:
            digest.update(repr(entry).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _step(self) -> bool:
        while self._agenda and self._agenda[0][0] <= self.clock.now():
            heappop(self._agenda)[2]()
        if not self._ready:
            return self._pass_time()
        if self.rng.random() < 0.1:
            self.clock.advance(self.rng.random() * 0.02)
        self._disturb()
        if self._ready:
            place = self.rng.randrange(len(self._ready))
            self._ready[place], self._ready[-1] = self._ready[-1], self._ready[place]
            self._run(self._ready.pop())
        return True

    def _run(self, task: Task) -> None:
        self._running = task
        try:
            pause = task.coroutine.send(None)
        except StopIteration:
            task.done()
        except Exception as error:  # noqa: BLE001 -- as a web server or the worker's loop would
            self.note(task.name, f"fails: {error!r}")
            task.failed()
            if task.claim:
                self.ledger.finished(task.claim)
        else:
            self._put_aside(task, pause)
        finally:
            self._running = None

    def _put_aside(self, task: Task, pause: float | None) -> None:
        if pause is None:
            task.process.parked = task
            self._lag = self.rng.uniform(0.0, 1.0)
            return
        if pause == 0.0 and self.faults.strike("stall", 0.05):
            pause = self.rng.uniform(LEASE_SECONDS, 2 * LEASE_SECONDS)
        if pause == 0.0:
            self._ready.append(task)
            return
        task.process.asleep[task] = None
        self.at(pause, lambda: self._resume(task))

    def _resume(self, task: Task) -> None:
        if task in task.process.asleep:
            del task.process.asleep[task]
            self._ready.append(task)

    def _pass_time(self) -> bool:
        """To the next date; False: there is none."""
        dates = [self._agenda[0][0]] if self._agenda else []
        ready_at = self.storage.earliest()
        if ready_at is not None and any(process.parked for process in self._processes):
            poll_at = max(ready_at, self.clock.now()) + timedelta(seconds=self._lag)
            if not dates or poll_at < dates[0]:
                self.at((poll_at - self.clock.now()).total_seconds(), self.wake_workers)
                dates = [poll_at]
        if not dates:
            return False
        self.clock.advance(max(0.0, (dates[0] - self.clock.now()).total_seconds()))
        if self.faults.are_over and self.clock.now() > self._settled_by:
            raise Violation("everything_settles", f"not within {SETTLES_WITHIN_SECONDS} s after the last fault")
        return True

    def _end_faults(self) -> None:
        self.faults.are_over = True
        self._settled_by = self.clock.now() + timedelta(seconds=SETTLES_WITHIN_SECONDS)
        self.note("world", "faults stop")

    # Life and death

    def _start_process(self, number: int) -> None:
        self.storage.restart()
        self.note("process", f"{number} starts")
        process = Process(self, number)
        self._processes.append(process)

    def _disturb(self) -> None:
        if self.faults.strike("flows change", 0.02):
            self.note("business", "changes its flows")
            self.shop.change()
        if not self._processes or not self._crashes_left:
            return
        if self.faults.strike("crash", 0.1):
            self._crashes_left -= 1
            self._crash(self.rng.choice(self._processes))
        elif self.faults.strike("graceful stop", 0.03):
            self._crashes_left -= 1
            self.stop(self.rng.choice(self._processes))

    def _crash(self, process: Process) -> None:
        self.note("process", f"{process.number} dies")
        self._kill(process)
        self.at(self.rng.uniform(0.1, 40.0), lambda: self._start_process(process.number))

    def stop(self, process: Process) -> None:
        """SIGTERM, and the end of the stop time for what is not finished by then."""
        self.note("process", f"{process.number} stops")
        process.is_stopping = True
        self.wake_workers()
        self.at(25.0, lambda: self._crash(process) if process in self._processes else None)

    def restart(self) -> None:
        """Every process is exchanged: killed, or stopped in good order."""
        for process in list(self._processes):
            exchange = self._crash if self.rng.random() < 0.5 else self.stop
            exchange(process)

    def _kill(self, process: Process) -> None:
        self._processes.remove(process)
        dead = [task for task in self._ready if task.process is process]
        self._ready = [task for task in self._ready if task.process is not process]
        for task in (*dead, *process.asleep, *((process.parked,) if process.parked else ())):
            task.coroutine.close()
            task.failed()
        process.asleep.clear()
        process.parked = None

    # The end

    def _check_ending(self) -> None:
        if not self.faults.are_over:
            raise Violation("everything_settles", "nothing moves, and faults are not over")
        ending = _inline(self._ending())
        check(AT_END, self.ledger, ending)
        engine = self._processes[0].engine
        engine.library = SimulatedLibrary(self.shop, BOOKS)
        problem = a_replay_decides_the_same(engine.rules, ending)
        if problem:
            raise Violation("a_replay_decides_the_same", problem)

    async def _ending(self) -> Ending:
        journals = {known: [entry async for entry in self.storage.journal(known)] for known in self.ledger.states}
        states = {known: await self.storage.conversation(known) for known in self.ledger.states}
        messages = {known: list(await self.storage.messages(known)) for known in self.ledger.states}
        backlog = await self.storage.backlog()
        totals = await self.storage.totals(list(self.ledger.purses.billed))
        kept = {known: state for known, state in states.items() if state}
        return Ending(journals, kept, messages, dict(backlog.states), totals)


def _policy(rng: Random) -> Policy:
    """Some of the settings that make a difference."""
    hears_voice, sees_pictures = some_senses(rng)
    return Policy(
        hears_voice=hears_voice,
        sees_pictures=sees_pictures,
        on_unknown=rng.choice(("hold", "hold", "resend")),
        greeting=rng.choice(("", "Hello! I am the automatic assistant.")),
        agent_idle_seconds=rng.choice((0.0, 300.0, 43_200.0)),
        pair_burst=rng.choice((2, 45)),
        reply_characters_max=rng.choice((160, 4096)),
        unanswered_max=rng.choice((1, 2)),
        hand_off_words_max=Trap(8),
    )


def _inline(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: _Result = stop.value
        return result
    raise AssertionError("it waited")


@click.command()
@click.option("--seed", type=int, help="Run this one and show its trace.")
@click.option("--seeds", default="0:2000", help="FROM:TO, without TO.")
def main(seed: int | None, seeds: str) -> None:
    """Run simulations until one fails."""
    if seed is not None:
        simulation = Simulation(seed)
        try:
            click.echo(simulation.run())
        finally:
            click.echo("\n".join(simulation.trace()))
        return
    first, end = (int(number) for number in seeds.split(":"))
    began_at = perf_counter()
    reports = [Simulation(number).run() for number in range(first, end)]
    click.echo(summary(reports, perf_counter() - began_at))


if __name__ == "__main__":
    try:
        main()
    except SimulationFailed as failure:
        sys.exit(str(failure))
