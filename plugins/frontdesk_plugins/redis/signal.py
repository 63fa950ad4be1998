"""The signal of several processes, over Redis.

Within the process everything goes the short way, as in `InProcessSignal`; Redis carries it to the others. So what it
costs to lose Redis is that the others hear later.

A wake-up is for one process: pub/sub would wake them all to fight over the same work. Whoever waits here takes it; else
a token goes to a list, where one of the processes that wait takes it. Workers wake themselves, processes without a
worker wake one that is idle, and at most every 20 ms.

Words go to everybody. They carry the name of the process that said them, which has told its own listeners already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from secrets import token_hex
from typing import Any, Self

from frontdesk.in_process_signal import InProcessSignal
from frontdesk_plugins.redis.address import BLOCK_SECONDS, read_address
from frontdesk_plugins.redis.link import ANSWER_SECONDS, Link
from frontdesk_plugins.redis.options import SignalOptions
from frontdesk_plugins.redis.verbs import Hearing, Verbs

TELL_SECONDS = 0.02
LATER_SECONDS = 0.05
"""What Redis counts it counts a moment after us: by then there is a try in Redis as well."""
UNTOLD_MAX = 1_000
"""Words that wait to be told; with more of them, everybody is told to look at everything again."""


class RedisSignal:
    """See the port."""

    def __init__(self, options: SignalOptions) -> None:
        self._options = options
        self._local = InProcessSignal(self._pass_on)
        self._name = token_hex(8)
        self._link: Link | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._has_news = asyncio.Event()
        self._wakes = False
        self._untold: dict[tuple[str, str], None] = {}
        self._has_lost_words = False
        self._topics_have_changed = asyncio.Event()

    @property
    def trouble(self) -> str:
        """See the port."""
        return self._linked.trouble

    @property
    def _linked(self) -> Link:
        assert self._link is not None, "the signal is not open"  # noqa: S101 -- the container opens it first
        return self._link

    def wake(self, after_seconds: float = 0.0) -> None:
        """See the port."""
        self._local.wake(after_seconds)

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        await self._local.wait(timeout_seconds)

    def _pass_on(self) -> None:
        """Nobody waits here: wake another process."""
        self._wakes = True
        self._has_news.set()

    def publish(self, topic: str, word: str) -> None:
        """See the port."""
        self._local.publish(topic, word)
        if self._linked.is_up.is_set() and len(self._untold) < UNTOLD_MAX:
            self._untold[topic, word] = None
        else:
            self._has_lost_words = True
        self._has_news.set()

    def listen(self, topic: str) -> AsyncIterator[str]:
        """See the port."""
        words = self._local.listen(topic)
        self._topics_have_changed.set()
        return words

    async def enter(self, room: str, who: str, seconds: float) -> None:
        """See the port."""
        await self._local.enter(room, who, seconds)
        await self._linked.ask(lambda verbs: verbs.enter(room, who, seconds))

    async def leave(self, room: str, who: str) -> None:
        """See the port."""
        await self._local.leave(room, who)
        await self._linked.ask(lambda verbs: verbs.leave(room, who))

    async def present(self, room: str) -> frozenset[str]:
        """See the port."""
        found = await self._linked.ask(lambda verbs: verbs.present(room))
        return await self._local.present(room) if found is None else found

    async def allow(self, key: str, limit: int, per_seconds: float) -> float:
        """See the port. This process's own limit stands before the common one: emptying Redis opens no door."""
        wait = await self._local.allow(key, limit, per_seconds)
        if wait:
            return wait + LATER_SECONDS
        wait = await self._linked.ask(lambda verbs: verbs.allow(key, limit, per_seconds)) or 0.0
        if wait:
            self._local.give_back(key, limit, per_seconds)
        return wait

    async def __aenter__(self) -> Self:
        options = self._options
        address = read_address(options.url.reveal(), options.connect_timeout_seconds)
        self._link = Link(address, options.prefix, options.connect_timeout_seconds)
        try:
            await self._link.open()
        except BaseException:
            await self._link.verbs.close()
            raise
        loops = (self._link.watch, self._tell, self._take, self._hear)
        self._tasks = [asyncio.create_task(self._keep(loop), name=f"redis {loop.__name__}") for loop in loops]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await _end(self._tasks)
        await self._local.__aexit__(*exc)
        await self._linked.verbs.close()

    async def _keep(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop for ever: an error that nobody foresaw costs a pause and not the signal."""
        while True:
            verbs = self._linked.verbs
            try:
                await loop()
            except Exception as error:  # noqa: BLE001 -- it is logged, shown as trouble, and tried again
                self._linked.lost(error, verbs)
            await asyncio.sleep(TELL_SECONDS)

    async def _tell(self) -> None:
        """Send out what has gathered, in one go."""
        link = self._linked
        while True:
            await self._has_news.wait()
            await link.is_up.wait()
            self._has_news.clear()
            wakes, self._wakes = self._wakes, False
            untold, self._untold = self._untold, {}
            lost, self._has_lost_words = self._has_lost_words, False
            words = [(link.verbs.key("words", topic), f"{self._name} {word}") for topic, word in untold]
            if lost:
                words.append((link.verbs.key("words"), f"{self._name} "))
            tell = partial(Verbs.tell, words=words, waker=self._name if wakes else "")
            if not await link.ask(tell):
                self._has_lost_words |= bool(words)
                self._wakes |= wakes
                self._has_news.set()
            await asyncio.sleep(TELL_SECONDS)

    async def _take(self) -> None:
        """While somebody waits here, wait for a wake-up from another process."""
        link = self._linked
        while True:
            await self._local.is_awaited.wait()
            await link.is_up.wait()
            waker = await link.ask(Verbs.take, BLOCK_SECONDS + ANSWER_SECONDS)
            # Our own is of a time when nobody waited here; whoever waits now has looked for work since. Another's may
            # have come when nobody waits here any more; then it goes on to the next.
            if waker and waker != self._name:
                self._local.wake()

    async def _hear(self) -> None:
        """Hear what other processes say."""
        await self._topics_have_changed.wait()
        link = self._linked
        await link.is_up.wait()
        verbs = link.verbs
        hearing = await verbs.hear()
        following = None
        try:
            await hearing.subscribe(verbs.key("words"))
            following = asyncio.create_task(self._follow(hearing))
            while link.verbs is verbs and link.is_up.is_set() and not following.done():
                self._heard(await hearing.get_message(timeout=BLOCK_SECONDS))
            if following.done():
                await following
        finally:
            if following is not None:
                await _end([following])
            await hearing.aclose()
            self._topics_have_changed.set()

    async def _follow(self, hearing: Hearing) -> None:
        """Subscribe to what is listened to."""
        subscribed: set[str] = set()
        key = self._linked.verbs.key
        while True:
            await self._topics_have_changed.wait()
            self._topics_have_changed.clear()
            wanted = self._local.topics()
            new, gone = wanted - subscribed, subscribed - wanted
            if new:
                await hearing.subscribe(*(key("words", topic) for topic in new))
            if gone:
                await hearing.unsubscribe(*(key("words", topic) for topic in gone))
            subscribed = wanted

    def _heard(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        topic = self._topic(message["channel"])
        if message["type"] == "subscribe" and topic is not None:
            self._local.publish(topic, "")  # what was said before is lost to us
        elif message["type"] == "message":
            name, _, word = message["data"].partition(" ")
            if name == self._name:
                return
            if topic is None:
                self._local.publish_loss()
            else:
                self._local.publish(topic, word)

    def _topic(self, channel: str) -> str | None:
        """A channel's topic; None: the channel of all."""
        name = self._linked.verbs.key("words")
        return None if channel == name else channel.removeprefix(f"{name}:")


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until it has an effect: `asyncio.wait_for` of Python 3.11, which redis-py writes with, may swallow it. One
    that fails while it ends has met the outage that ends it, which is known."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=0.05)
        await asyncio.gather(*ended, return_exceptions=True)
