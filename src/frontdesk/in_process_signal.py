"""The signal of one process. It is a plugin by itself, and what every signal between processes falls back to when its
server is away; so it stands here, where plugins may use it without knowing one another.

Everything is bounded: delayed wake-ups share slots of time and are forgotten beyond a minute (polling finds the work),
a listener that does not listen is told to look at everything again, people and limited keys have their most.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from math import ceil
from typing import Self
from weakref import WeakSet
from zlib import crc32

from frontdesk.core.pacing import take

SLOT_SECONDS = 0.01
DELAY_SECONDS_MAX = 60.0
WORDS_MAX = 100
PRESENT_MAX = 10_000
LIMITED_MAX = 10_000
SHARES = 256
"""Under a flood of keys, new ones share so many limits: refused too early rather than forgotten."""


class Listener:
    """The words of one topic as they come. Whoever lets go of it has stopped listening."""

    def __init__(self) -> None:
        self._words: deque[str] = deque()
        self._has_come = asyncio.Event()
        self._is_over = False

    def hear(self, word: str) -> None:
        """Keep a word for the reader; in place of too many, one that says to look at everything again."""
        if not word or len(self._words) >= WORDS_MAX:
            self._words.clear()
            word = ""
        self._words.append(word)
        self._has_come.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._is_over = True
        self._has_come.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not self._words:
            if self._is_over:
                raise StopAsyncIteration
            self._has_come.clear()
            await self._has_come.wait()
        return self._words.popleft()


class InProcessSignal:
    """See the port. `pass_on` is called for a wake-up for which nobody waits here."""

    trouble = ""

    def __init__(self, pass_on: Callable[[], None] | None = None) -> None:
        self.is_awaited = asyncio.Event()
        """Set while somebody waits."""
        self._pass_on = pass_on
        self._event = asyncio.Event()
        self._waiting = 0
        self._slots: dict[int, asyncio.TimerHandle] = {}
        self._listeners: dict[str, WeakSet[Listener]] = {}
        self._rooms: dict[tuple[str, str], float] = {}
        self._taken: dict[str, float] = {}

    def wake(self, after_seconds: float = 0.0) -> None:
        """See the port."""
        if after_seconds <= 0:
            self._event.set()
            if self._pass_on is not None and not self._waiting:
                self._pass_on()
        elif after_seconds <= DELAY_SECONDS_MAX:
            loop = asyncio.get_running_loop()
            slot = ceil((loop.time() + after_seconds) / SLOT_SECONDS)
            if slot not in self._slots:
                self._slots[slot] = loop.call_at(slot * SLOT_SECONDS, self._wake_of, slot)

    def _wake_of(self, slot: int) -> None:
        del self._slots[slot]
        self.wake()

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        self._waiting += 1
        self.is_awaited.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await self._event.wait()
            self._event.clear()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.is_awaited.clear()

    def publish(self, topic: str, word: str) -> None:
        """See the port."""
        for listener in self._listeners.get(topic, ()):
            listener.hear(word)

    def publish_loss(self) -> None:
        """Tell every listener of every topic to look at everything again."""
        for topic in self._listeners:
            self.publish(topic, "")

    def listen(self, topic: str) -> AsyncIterator[str]:
        """See the port."""
        listener = Listener()
        self._listeners.setdefault(topic, WeakSet()).add(listener)
        return listener

    def topics(self) -> set[str]:
        """What somebody listens to."""
        self._listeners = {topic: listeners for topic, listeners in self._listeners.items() if len(listeners)}
        return set(self._listeners)

    async def enter(self, room: str, who: str, seconds: float) -> None:
        """See the port."""
        now = asyncio.get_running_loop().time()
        self._rooms.pop((room, who), None)  # to the end of the order: those who came first are forgotten first
        if len(self._rooms) >= PRESENT_MAX:
            self._rooms = {key: until for key, until in self._rooms.items() if until > now}
        if len(self._rooms) >= PRESENT_MAX:
            del self._rooms[next(iter(self._rooms))]
        self._rooms[room, who] = now + seconds

    async def leave(self, room: str, who: str) -> None:
        """See the port."""
        self._rooms.pop((room, who), None)

    async def present(self, room: str) -> frozenset[str]:
        """See the port."""
        now = asyncio.get_running_loop().time()
        return frozenset(who for (where, who), until in self._rooms.items() if where == room and until > now)

    async def allow(self, key: str, limit: int, per_seconds: float) -> float:
        """See the port."""
        now = asyncio.get_running_loop().time()
        key = self._limited(key, now)
        wait, ready_at = take(self._taken.get(key, now), now, limit=limit, per_seconds=per_seconds)
        if not wait:
            self._taken[key] = ready_at
        return wait

    def give_back(self, key: str, limit: int, per_seconds: float) -> None:
        """The try that was just allowed was refused elsewhere: it took nothing."""
        key = self._limited(key, asyncio.get_running_loop().time())
        if key in self._taken:
            self._taken[key] -= per_seconds / limit

    def _limited(self, key: str, now: float) -> str:
        """The key, or the one that it shares while there are too many."""
        if key in self._taken or len(self._taken) < LIMITED_MAX:
            return key
        self._taken = {key: ready_at for key, ready_at in self._taken.items() if ready_at > now}
        return key if len(self._taken) < LIMITED_MAX else f"share {crc32(key.encode()) % SHARES}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for handle in self._slots.values():
            handle.cancel()
        self._slots.clear()
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.end()
