"""The signal of several processes keeps the promises of a signal, and carries them from one process to another."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from frontdesk.ports import Signal
from frontdesk.testing.contracts import SignalContract
from frontdesk.testing.contracts.signal import LONG, SOON, heard
from frontdesk.testing.process import until
from frontdesk_plugins.redis.options import SignalOptions
from frontdesk_plugins.redis.signal import UNTOLD_MAX, RedisSignal

pytestmark = pytest.mark.anyio


class TestRedisSignal(SignalContract):
    @pytest.fixture
    def signal(self, one: RedisSignal) -> Signal:
        return one


async def waited(signal: Signal, seconds: float) -> float:
    began_at = asyncio.get_running_loop().time()
    await signal.wait(seconds)
    return asyncio.get_running_loop().time() - began_at


async def subscribed(bare: Redis, options: SignalOptions, topic: str, processes: int) -> None:
    """Wait until so many processes hear a topic."""
    channel = f"{options.prefix}:words:{topic}"

    async def holds() -> bool:
        return (await bare.pubsub_numsub(channel))[0][1] == processes

    await until(holds, SOON, f"{processes} hear {topic}")


async def test_a_wake_up_crosses_to_a_process_that_waits(one: RedisSignal, other: RedisSignal) -> None:
    for _ in range(5):
        waiting = asyncio.create_task(waited(other, LONG))
        await asyncio.sleep(0.05)
        one.wake()
        assert await waiting < 0.5


async def test_a_delayed_wake_up_crosses_too_and_not_before_its_time(one: RedisSignal, other: RedisSignal) -> None:
    waiting = asyncio.create_task(waited(other, LONG))
    one.wake(0.3)
    assert 0.25 < await waiting < 1.5


async def test_who_waits_here_is_woken_and_nobody_else(one: RedisSignal, other: RedisSignal, bare: Redis) -> None:
    there = asyncio.create_task(waited(other, 0.5))
    await asyncio.sleep(0.05)  # the first in Redis' line
    here = asyncio.create_task(waited(one, LONG))
    await asyncio.sleep(0.05)
    one.wake()
    assert await here < 0.5
    assert await there >= 0.5
    assert not await bare.exists(f"{one._options.prefix}:wake")


async def test_one_wake_up_wakes_exactly_one_of_those_who_wait(one: RedisSignal, options: SignalOptions) -> None:
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(RedisSignal(options)) for _ in range(4)]
        waiting = [asyncio.create_task(waited(worker, 1.5)) for worker in workers]
        await asyncio.sleep(0.1)
        one.wake()
        times = sorted(await asyncio.gather(*waiting))
        assert times[0] < 0.7
        assert times[1] > 1.4


async def test_wake_ups_that_nobody_takes_do_not_heap_up(
    one: RedisSignal, other: RedisSignal, options: SignalOptions, bare: Redis
) -> None:
    for _ in range(50):
        one.wake()
        other.wake()
        await asyncio.sleep(0.01)
    key = f"{options.prefix}:wake"
    assert 1 <= await bare.llen(key) <= 16
    assert 0 < await bare.pttl(key) <= 5_000


async def test_ten_thousand_wake_ups_are_few_commands(one: RedisSignal, bare: Redis) -> None:
    before = (await bare.info("commandstats"))["cmdstat_eval"]["calls"]
    for _ in range(10_000):
        one.wake()
    await asyncio.sleep(0.2)
    assert (await bare.info("commandstats"))["cmdstat_eval"]["calls"] - before <= 12


async def test_words_cross_once_and_in_their_order(
    one: RedisSignal, other: RedisSignal, options: SignalOptions, bare: Redis
) -> None:
    near, far = one.listen("desk"), other.listen("desk")
    await subscribed(bare, options, "desk", 2)
    for number in range(50):
        one.publish("desk", f"c{number}")
    assert [await heard(far) for _ in range(50)] == [f"c{number}" for number in range(50)]
    assert [await heard(near) for _ in range(50)] == [f"c{number}" for number in range(50)]
    with pytest.raises(TimeoutError):
        await heard(near, 0.2)


async def test_who_begins_to_listen_is_told_to_look(one: RedisSignal) -> None:
    assert await asyncio.wait_for(anext(one.listen("desk")), SOON) == ""


async def test_who_let_go_of_the_words_is_forgotten(one: RedisSignal, options: SignalOptions, bare: Redis) -> None:
    words = one.listen("desk")
    await subscribed(bare, options, "desk", 1)
    del words
    kept = one.listen("another")
    await subscribed(bare, options, "desk", 0)
    assert kept is not None


async def test_more_words_than_can_be_told_become_look_at_everything(
    one: RedisSignal, other: RedisSignal, options: SignalOptions, bare: Redis
) -> None:
    far = other.listen("desk")
    await subscribed(bare, options, "desk", 1)
    assert await anext(far) == ""
    for number in range(UNTOLD_MAX + 1):
        one.publish("elsewhere", str(number))
    assert len(one._untold) == UNTOLD_MAX
    assert await asyncio.wait_for(anext(far), SOON) == ""


async def test_people_and_limits_are_shared(one: RedisSignal, other: RedisSignal) -> None:
    await one.enter("c1", "asha", 60)
    assert await other.present("c1") == {"asha"}
    await other.leave("c1", "asha")
    assert await one.present("c1") == frozenset()
    assert [await signal.allow("login", 3, 60) for signal in (one, other, one)] == [0.0, 0.0, 0.0]
    assert 15 < await other.allow("login", 3, 60) <= 21
    assert 15 < await one.allow("login", 3, 60) <= 21


async def test_a_try_that_is_refused_in_common_takes_nothing_here(one: RedisSignal, other: RedisSignal) -> None:
    assert await other.allow("login", 1, 1.0) == 0.0
    refusals = [await one.allow("login", 1, 1.0) for _ in range(20)]
    assert all(0 < seconds <= 1.0 for seconds in refusals)
    await asyncio.sleep(refusals[-1])
    assert await one.allow("login", 1, 1.0) == 0.0


async def test_nothing_of_a_person_is_in_the_keys_and_nothing_stays(
    one: RedisSignal, options: SignalOptions, bare: Redis
) -> None:
    await one.allow("asha@shop.example", 5, 60)
    await one.enter("c1", "asha", 60)
    keys = [key async for key in bare.scan_iter(f"{options.prefix}:*")]
    assert keys
    assert not [key for key in keys if "shop.example" in key]
    assert all([await bare.pttl(key) > 0 for key in keys])


async def test_installations_with_other_prefixes_do_not_hear_one_another(
    one: RedisSignal, shared_url: str, options: SignalOptions
) -> None:
    stranger = SignalOptions(url=options.url, prefix=f"{options.prefix}-stranger")
    async with RedisSignal(stranger) as signal:
        assert await one.allow("login", 1, 60) == 0.0
        assert await signal.allow("login", 1, 60) == 0.0
        waiting = asyncio.create_task(waited(signal, 0.4))
        await asyncio.sleep(0.05)
        one.wake()
        assert await waiting >= 0.4


async def test_callers_who_give_up_leave_nobody_with_anothers_answer(one: RedisSignal) -> None:
    """redis-py #2624, #2665: a cancelled command's answer went to the connection's next user."""
    chance = random.Random(7)
    await asyncio.gather(*(one.enter(f"room {number}", f"who {number}", 60) for number in range(20)))

    async def ask(number: int) -> None:
        for _ in range(30):
            asking = asyncio.create_task(one.present(f"room {number}"))
            await asyncio.sleep(chance.random() * 0.002)
            if chance.random() < 0.6:
                asking.cancel()
            (found,) = await asyncio.gather(asking, return_exceptions=True)
            assert isinstance(found, asyncio.CancelledError) or found == frozenset([f"who {number}"])

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert one.trouble == ""
    assert await one.allow("key", 1, 60) == 0.0


async def test_it_lives_on_while_everything_is_forgotten_again_and_again(
    one: RedisSignal, other: RedisSignal, options: SignalOptions, bare: Redis
) -> None:
    far = other.listen("desk")
    await subscribed(bare, options, "desk", 1)
    is_over = False

    async def forget() -> None:
        while not is_over:
            await bare.flushall()
            await asyncio.sleep(0.003)

    forgetting = asyncio.create_task(forget())
    woken = 0
    for number in range(30):
        waiting = asyncio.create_task(waited(other, 0.25))
        await asyncio.sleep(0.01)
        one.wake()
        one.publish("desk", f"c{number}")
        await one.enter("c1", "asha", 60)
        assert await one.present("c1") <= {"asha"}
        await other.allow("flushed", 5, 3_600)
        woken += await waiting < 0.24
        assert await heard(far) == f"c{number}"
    is_over = True
    await forgetting
    assert woken > 15
    assert (one.trouble, other.trouble) == ("", "")
    assert await other.allow("flushed", 5, 3_600) > 0, "emptying Redis opens no door"
