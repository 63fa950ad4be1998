"""Several processes on one port: a parent that serves nothing and keeps N children serving.

The parent binds the sockets and the children inherit them, so that nobody is refused while a child is exchanged: what
arrives waits in the socket's queue for whoever takes it. Between the parent and each child there is a *lifeline*, a
socket pair. The child says on it that it is ready; each notices by its closing that the other is gone, also after
kill -9. No child is special, and the parent keeps nothing that matters: the store does.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from msgspec import Struct

log = structlog.get_logger("frontdesk.supervisor")

READY_SECONDS_MAX = 30.0
"""For a new process at a rolling restart; one that takes longer is given up, and the old ones stay."""

YOUNG_SECONDS = 10.0
"""A process that dies before that will probably do so again."""

PAUSE_SECONDS_MAX = 30.0


def pause_seconds(deaths: int, chance: float) -> float:
    """How long to wait with the next process after so many that died young in a row: not at all after one that lived,
    then twice as long each time, `chance` (0..1) taking up to half away so that machines do not march in step."""
    return min(PAUSE_SECONDS_MAX, 0.25 * 2.0 ** min(deaths, 16)) * (1 - chance / 2) if deaths else 0.0


class Inheritance(Struct, frozen=True, kw_only=True):
    """What a child is given: its number, from 0, and the file descriptors of its sockets."""

    number: int
    listening: int
    lifeline: int
    metrics: int | None = None

    def written(self) -> str:
        """As a word of the command line."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, word: str) -> Inheritance:
        """What `written` wrote."""
        return msgspec.json.decode(word, type=cls)


class Child:
    """One process that was started, with the parent's end of its lifeline."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, lifeline: socket.socket) -> None:
        self.number = number
        self.process = process
        self._lifeline = lifeline
        self._started_at = asyncio.get_running_loop().time()

    @classmethod
    async def start(
        cls, command: Sequence[str], number: int, listening: socket.socket, metrics: socket.socket | None
    ) -> Child:
        """Start `command` as child `number`, in a process group of its own: Ctrl-C is the parent's to pass on."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 -- the library's own word
        with theirs:
            given = Inheritance(
                number=number,
                listening=listening.fileno(),
                lifeline=theirs.fileno(),
                metrics=metrics.fileno() if metrics else None,
            )
            fds = {given.listening, given.lifeline} | ({given.metrics} if given.metrics is not None else set())
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, "--child", given.written(), pass_fds=tuple(fds), process_group=0
                )
            except BaseException:
                ours.close()
                raise
        return cls(number, process, ours)

    async def becomes_ready(self) -> bool:
        """Wait for its word; False when it ended instead."""
        try:
            return bool(await asyncio.get_running_loop().sock_recv(self._lifeline, 1))
        except OSError:
            return False

    async def ended(self) -> int:
        """Wait for its end; its status, negative for the signal that killed it."""
        status = await self.process.wait()
        self._lifeline.close()
        return status

    @property
    def was_young(self) -> bool:
        """Whether it has not lived long."""
        return asyncio.get_running_loop().time() - self._started_at < YOUNG_SECONDS

    async def stop(self, seconds: float) -> None:
        """SIGTERM, and kill -9 when that has not ended it in time."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
        except TimeoutError:
            log.warning("a process did not stop in time and was killed", number=self.number, pid=self.process.pid)
            self.send(signal.SIGKILL)
        await self.ended()

    def send(self, number: signal.Signals) -> None:
        """A signal, if it still lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


class _Place:
    """One of the N: who is in it, and the lock under which that changes."""

    def __init__(self, number: int, metrics: socket.socket | None) -> None:
        self.number = number
        self.metrics = metrics
        self.child: Child | None = None
        self.lock = asyncio.Lock()
        self.deaths = 0


class Supervisor:
    """Keeps one child in each place. `metrics`: a socket, or None, for each. `announce` is called once, when all are
    ready."""

    def __init__(
        self,
        command: Sequence[str],
        listening: socket.socket,
        metrics: Sequence[socket.socket | None],
        stop_seconds: float,
        announce: Callable[[], object],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._command = command
        self._listening = listening
        self._places = [_Place(number, one) for number, one in enumerate(metrics)]
        self._stop_seconds = stop_seconds
        self._announce = announce
        self._chance = chance
        self._status = 0
        self._living: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stops = asyncio.Event()
        self._exchanges = asyncio.Event()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT. The exit status: 1 when a child could not even begin; it has said why."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._exchanges.set)
        opening = asyncio.create_task(self._open())
        stopping = asyncio.create_task(self._stops.wait())
        try:
            await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done() and not opening.result():
                return 1
            self._begin(self._exchange_when_told())
            await stopping
            return self._status
        finally:
            await self._close(opening, stopping)

    def _stop(self) -> None:
        """The first time gracefully."""
        if self._stops.is_set():
            for child in self._living:
                child.send(signal.SIGKILL)
            return
        self._stops.set()

    async def _close(self, *tasks: asyncio.Task[bool]) -> None:
        self._stops.set()
        left = [*self._tasks, *tasks]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.gather(*(child.stop(self._stop_seconds) for child in self._living))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Without one of its tasks a supervisor only looks like one: end, and let whoever started us start again."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            log.critical("the supervisor failed", exc_info=task.exception())
            self._status = 1
            self._stops.set()

    async def _open(self) -> bool:
        """The first alone, for it may have to migrate the store, and what is wrong is to be said once; then all."""
        first, *others = self._places
        children = [await self._start(first)]
        if not await children[0].becomes_ready():
            return False
        children += [await self._start(place) for place in others]
        if not all(await asyncio.gather(*(child.becomes_ready() for child in children[1:]))):
            return False
        for place, child in zip(self._places, children, strict=True):
            self._put(place, child)
        self._announce()
        return True

    async def _start(self, place: _Place) -> Child:
        child = await Child.start(self._command, place.number, self._listening, place.metrics)
        self._living.add(child)
        return child

    def _put(self, place: _Place, child: Child) -> None:
        place.child = child
        self._begin(self._watch(place, child))

    async def _watch(self, place: _Place, child: Child) -> None:
        """Wait for a child's end, and put another in its place unless that has been done on purpose."""
        status = await child.ended()
        self._living.discard(child)
        place.deaths = place.deaths + 1 if child.was_young else 0
        while True:
            async with place.lock:
                if place.child is not child:
                    return
            pause = pause_seconds(place.deaths, self._chance())
            log.error(
                "a process ended; the next one starts", number=place.number, pid=child.process.pid, status=status,
                pause_seconds=round(pause, 2),
            )  # fmt: skip
            await asyncio.sleep(pause)
            async with place.lock:
                if place.child is child and await self._replace(place):
                    return
            place.deaths += 1

    async def _replace(self, place: _Place) -> bool:
        try:
            self._put(place, await self._start(place))
        except OSError as error:
            log.warning("a process cannot be started", number=place.number, reason=str(error))
            return False
        return True

    async def _exchange_when_told(self) -> None:
        while True:
            await self._exchanges.wait()
            self._exchanges.clear()
            log.info("rolling restart begins", processes=len(self._places))
            for place in self._places:
                if not await self._exchange(place):
                    break
            else:
                log.info("rolling restart is done", processes=len(self._places))

    async def _exchange(self, place: _Place) -> bool:
        """A new child beside the old one; when it is ready, the old one's end."""
        async with place.lock:
            try:
                old, new = place.child, await self._start(place)
            except OSError as error:
                log.warning("rolling restart given up: a process cannot be started", reason=str(error))
                return False
            if not await _is_ready_in_time(new):
                log.error(
                    "rolling restart given up: the new process did not become ready; the old ones stay",
                    number=place.number, pid=new.process.pid,
                )  # fmt: skip
                new.send(signal.SIGKILL)
                await new.ended()
                self._living.discard(new)
                return False
            self._put(place, new)
            place.deaths = 0
        if old is not None:
            await old.stop(self._stop_seconds)
        return True


async def _is_ready_in_time(child: Child) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_SECONDS_MAX):
            return await child.becomes_ready()
    return False
