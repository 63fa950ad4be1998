"""What every signal promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontdesk.ports import Signal
from frontdesk.testing.process import until

LONG = 5.0
"""Seconds that no test waits to the end."""

SOON = 3.0
"""Seconds within which other processes hear of something, and a fresh connection is made."""


async def heard(words: AsyncIterator[str], seconds: float = SOON) -> str:
    """The next word that is not "": that one may come at any time."""
    async with asyncio.timeout(seconds):
        while True:
            word = await anext(words)
            if word:
                return word


class SignalContract:
    """The promises of `frontdesk.ports.Signal`. A subclass adds the fixture `signal`, open."""

    pytestmark = pytest.mark.anyio

    async def waited(self, signal: Signal, timeout_seconds: float) -> float:
        """How long a wait took."""
        began_at = asyncio.get_running_loop().time()
        await signal.wait(timeout_seconds)
        return asyncio.get_running_loop().time() - began_at

    async def test_a_wake_up_before_the_wait_is_not_lost(self, signal: Signal) -> None:
        signal.wake()
        assert await self.waited(signal, LONG) < 1

    async def test_a_wake_up_ends_the_wait(self, signal: Signal) -> None:
        waiting = asyncio.create_task(self.waited(signal, LONG))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        signal.wake()
        assert await waiting < 1

    async def test_without_a_wake_up_the_wait_ends_at_its_time_out(self, signal: Signal) -> None:
        assert 0.04 < await self.waited(signal, 0.05) < 1

    async def test_a_wait_of_no_time_ends_at_once(self, signal: Signal) -> None:
        assert await self.waited(signal, 0) < 0.5

    async def test_many_wake_ups_are_one(self, signal: Signal) -> None:
        for _ in range(100):
            signal.wake()
        assert await self.waited(signal, LONG) < 1
        assert await self.waited(signal, 0.05) > 0.04

    async def test_a_wake_up_for_later_comes_then_and_not_before(self, signal: Signal) -> None:
        signal.wake(0.2)
        assert await self.waited(signal, 0.05) > 0.04
        assert 0.05 < await self.waited(signal, LONG) < 2

    async def test_one_for_later_does_not_delay_one_for_now(self, signal: Signal) -> None:
        signal.wake(LONG)
        signal.wake()
        assert await self.waited(signal, LONG) < 1

    async def test_a_wake_up_reaches_everybody_who_waits(self, signal: Signal) -> None:
        waiting = [asyncio.create_task(self.waited(signal, LONG)) for _ in range(10)]
        await asyncio.sleep(0.05)
        signal.wake()
        assert max(await asyncio.gather(*waiting)) < 1

    async def test_it_wakes_again_and_again(self, signal: Signal) -> None:
        for _ in range(20):
            signal.wake()
            assert await self.waited(signal, LONG) < 1

    async def test_a_wait_that_is_cancelled_costs_the_next_nothing(self, signal: Signal) -> None:
        waiting = asyncio.create_task(signal.wait(LONG))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        signal.wake()
        assert await self.waited(signal, LONG) < 1

    async def test_nothing_is_wrong(self, signal: Signal) -> None:
        assert signal.trouble == ""

    async def test_every_listener_of_a_topic_hears_its_words_in_their_order(self, signal: Signal) -> None:
        listeners = [signal.listen("desk"), signal.listen("desk")]
        signal.publish("desk", "a")
        signal.publish("desk", "b")
        for words in listeners:
            assert [await heard(words), await heard(words)] == ["a", "b"]

    async def test_a_word_is_heard_once(self, signal: Signal) -> None:
        words = signal.listen("desk")
        signal.publish("desk", "a")
        assert await heard(words) == "a"
        with pytest.raises(TimeoutError):
            await heard(words, 0.2)

    async def test_a_word_goes_to_its_topic_only(self, signal: Signal) -> None:
        words, others = signal.listen("desk"), signal.listen("desk:1")
        signal.publish("desk:1", "a")
        assert await heard(others) == "a"
        signal.publish("desk", "b")
        assert await heard(words) == "b"

    async def test_words_without_a_listener_go_nowhere(self, signal: Signal) -> None:
        for number in range(1_000):
            signal.publish(f"topic {number}", "a")
        words = signal.listen("topic 1")
        signal.publish("topic 1", "b")
        assert await heard(words) == "b"

    async def test_a_listener_who_was_away_for_long_is_told_to_look_at_everything_again(self, signal: Signal) -> None:
        words = signal.listen("desk")
        for number in range(100_000):
            signal.publish("desk", str(number))
        async with asyncio.timeout(SOON):
            seen: list[str] = []
            while not seen or seen[-1] != "99999":
                seen.append(await anext(words))
        assert "" in seen
        assert len(seen) < 5_000

    async def test_the_end_of_the_signal_ends_the_listening(self, signal: Signal) -> None:
        async def listen() -> None:
            async for _ in signal.listen("desk"):
                pass

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.01)
        await signal.__aexit__(None, None, None)
        await asyncio.wait_for(listening, SOON)

    async def test_who_entered_is_there_until_leaving(self, signal: Signal) -> None:
        assert await signal.present("c1") == frozenset()
        await signal.enter("c1", "asha", 60)
        await signal.enter("c1", "ravi", 60)
        await signal.enter("c2", "mira", 60)
        assert await signal.present("c1") == {"asha", "ravi"}
        await signal.leave("c1", "asha")
        await signal.leave("c1", "nobody")
        assert await signal.present("c1") == {"ravi"}
        assert await signal.present("c2") == {"mira"}

    async def test_who_does_not_stay_is_gone_after_the_time(self, signal: Signal) -> None:
        await signal.enter("c1", "asha", 0.3)
        await signal.enter("c1", "ravi", 60)
        assert await signal.present("c1") == {"asha", "ravi"}
        await until(lambda: self.are_present(signal, "c1", {"ravi"}), SOON, "asha is gone")

    async def test_whoever_enters_again_stays_longer(self, signal: Signal) -> None:
        await signal.enter("c1", "asha", 0.2)
        await signal.enter("c1", "asha", 60)
        await asyncio.sleep(0.3)
        assert await signal.present("c1") == {"asha"}

    async def are_present(self, signal: Signal, room: str, people: set[str]) -> bool:
        """Whether just these are there."""
        return await signal.present(room) == people

    async def test_a_limit_is_taken_and_then_refused(self, signal: Signal) -> None:
        assert [await signal.allow("login asha", 3, 60) for _ in range(3)] == [0.0, 0.0, 0.0]
        assert 15 < await signal.allow("login asha", 3, 60) <= 21
        assert await signal.allow("login ravi", 3, 60) == 0.0

    async def test_a_refused_try_takes_nothing(self, signal: Signal) -> None:
        assert await signal.allow("login", 1, 60) == 0.0
        refused = [await signal.allow("login", 1, 60) for _ in range(20)]
        assert all(50 < seconds <= 61 for seconds in refused)
        assert refused[-1] <= refused[0]

    async def test_after_the_time_that_was_said_it_may_be_tried_again(self, signal: Signal) -> None:
        assert [await signal.allow("api", 2, 0.4) for _ in range(2)] == [0.0, 0.0]
        for _ in range(3):
            seconds = await signal.allow("api", 2, 0.4)
            assert 0 < seconds <= 0.3
            await asyncio.sleep(seconds)
            assert await signal.allow("api", 2, 0.4) == 0.0

    async def test_of_many_at_once_only_the_limit_is_taken(self, signal: Signal) -> None:
        answers = await asyncio.gather(*(signal.allow("flood", 10, 3_600) for _ in range(100)))
        assert answers.count(0.0) == 10

    async def test_any_text_may_be_a_key_a_room_or_a_topic(self, signal: Signal) -> None:
        for text in ("", "{a}:*?[x]\n\r\n", "ключ 🔑", "x" * 10_000):
            assert await signal.allow(text, 1, 60) == 0.0
            assert await signal.allow(text, 1, 60) > 0
            await signal.enter(text, text, 60)
            assert await signal.present(text) == {text}
            words = signal.listen(text)
            signal.publish(text, text or "word")
            assert await heard(words) == (text or "word")
