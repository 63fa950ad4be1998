"""Redis is killed, is away at the start, refuses us: said once, shown, and gone by itself when it is back."""

from __future__ import annotations

import asyncio
import gc
import signal as signals
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.plugin import ConfigError, Secret, load_plugins
from frontdesk.testing.contracts.signal import LONG, heard
from frontdesk.testing.process import free_port, until
from frontdesk.testing.servers import Server
from frontdesk_plugins.redis.options import SignalOptions
from frontdesk_plugins.redis.signal import UNTOLD_MAX, RedisSignal, _end

pytestmark = pytest.mark.anyio

BACK_SECONDS = 10.0


@pytest.fixture
def options(server: Server) -> SignalOptions:
    return SignalOptions(url=Secret(server.url), connect_timeout_seconds=0.5)


async def is_back(*processes: RedisSignal) -> None:
    await until(lambda: not any(one.trouble for one in processes), BACK_SECONDS, "Redis is used again")


async def is_lost(*processes: RedisSignal) -> None:
    await until(lambda: all(one.trouble for one in processes), BACK_SECONDS, "the loss is seen")


async def test_a_server_that_is_killed_costs_latency_and_comes_back(
    one: RedisSignal, other: RedisSignal, server: Server
) -> None:
    near, far = one.listen("desk"), other.listen("desk")
    waiting = asyncio.create_task(other.wait(LONG))
    assert [await one.allow("login", 2, 3_600) for _ in range(2)] == [0.0, 0.0]
    with capture_logs() as logs:
        server.kill()
        await is_lost(one, other)
        assert "check that the server runs" in one.trouble
        await works_alone(one, near)
        one.wake()
        assert not waiting.done()
        server.start()
        await is_back(one, other)
    assert [entry["event"] for entry in logs] == ["redis is away"] * 2 + ["redis is back"] * 2
    one.wake()
    await asyncio.wait_for(waiting, 1)
    while await asyncio.wait_for(anext(far), BACK_SECONDS) != "":
        pass
    one.publish("desk", "c2")
    assert await heard(far) == "c2"


async def works_alone(one: RedisSignal, near: AsyncIterator[str]) -> None:
    """All that one process can do is done at once."""
    async with asyncio.timeout(1):
        assert await one.allow("login", 2, 3_600) > 1_000, "what was taken before is still counted"
        assert [await one.allow("another", 1, 60) > 0 for _ in range(2)] == [False, True]
        await one.enter("c1", "asha", 60)
        assert await one.present("c1") == {"asha"}
        await one.leave("c1", "asha")
        assert await one.present("c1") == frozenset()
        one.publish("desk", "c1")
        assert await heard(near) == "c1"
        one.wake()
        await one.wait(60)


async def test_words_of_the_time_without_redis_become_look_at_everything(
    one: RedisSignal, other: RedisSignal, server: Server
) -> None:
    far = other.listen("desk")
    await asyncio.wait_for(anext(far), LONG)
    server.kill()
    await is_lost(one)
    for number in range(10 * UNTOLD_MAX):
        one.publish("desk", str(number))
    assert len(one._untold) <= UNTOLD_MAX
    server.start()
    assert await asyncio.wait_for(anext(far), BACK_SECONDS) == ""
    await is_back(one, other)


async def test_a_server_that_hangs_keeps_nobody_waiting(options: SignalOptions, server: Server) -> None:
    patient = msgspec.structs.replace(options, connect_timeout_seconds=5.0)
    async with RedisSignal(patient) as one:
        assert server._process is not None
        server._process.send_signal(signals.SIGSTOP)
        async with asyncio.timeout(1.5):
            assert await one.allow("login", 1, 60) == 0.0
        assert one.trouble
        async with asyncio.timeout(0.2):
            assert await one.allow("login", 1, 60) > 0
            await one.enter("c1", "asha", 60)
            assert await one.present("c1") == {"asha"}
        server._process.send_signal(signals.SIGCONT)
        await is_back(one)


async def test_a_loss_is_seen_by_who_asks_nothing(one: RedisSignal, server: Server) -> None:
    server.kill()
    await is_lost(one)


async def test_without_a_server_it_starts_and_uses_the_server_when_it_comes(
    options: SignalOptions, server: Server
) -> None:
    server.kill()
    async with RedisSignal(options) as one:
        assert one.trouble.startswith("Redis cannot be used (")
        assert await one.allow("login", 1, 60) == 0.0
        server.start()
        await is_back(one)
        async with Redis.from_url(server.url) as bare:
            assert await one.allow("shared", 1, 60) == 0.0
            assert await bare.keys("frontdesk:limit:*")


async def test_listeners_whose_connection_is_cut_are_told_to_look_again(one: RedisSignal, server: Server) -> None:
    words = one.listen("desk")
    assert await asyncio.wait_for(anext(words), LONG) == ""
    async with Redis.from_url(server.url) as bare:
        for _ in range(3):
            await bare.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
            assert await asyncio.wait_for(anext(words), BACK_SECONDS) == ""
    await is_back(one)


@pytest.mark.parametrize("password", ["", ":wrong-hunter2@", "nobody:wrong-hunter2@"])
async def test_a_wrong_password_is_refused_at_the_start_in_one_sentence(
    server: Server, options: SignalOptions, password: str
) -> None:
    async with Redis.from_url(server.url) as bare:
        await bare.config_set("requirepass", "right")
    url = server.url.replace("redis://", f"redis://{password}")
    with pytest.raises(ConfigError, match=r"check the user and the password in `signal\.url`$") as refused:
        await RedisSignal(msgspec.structs.replace(options, url=Secret(url))).__aenter__()
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_password_that_is_changed_later_is_a_trouble_only(one: RedisSignal, server: Server) -> None:
    async with Redis.from_url(server.url) as bare:
        await bare.config_set("requirepass", "right")
        await bare.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]
        await until(lambda: "check the user and the password" in one.trouble, BACK_SECONDS, "it is said")
        assert await one.allow("login", 1, 60) == 0.0
        await bare.config_set("requirepass", "")
    await is_back(one)


COMMANDS = (
    "+eval +exists +blpop +zrem +publish +subscribe +time +get +set +zadd +zrange +zrangebyscore"
    " +zremrangebyscore +pexpire +pexpireat +lpush +ltrim"
)


async def test_a_user_with_the_rights_that_are_documented_has_enough_and_one_with_less_is_refused(
    server: Server, options: SignalOptions
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert COMMANDS in " ".join(page.split())
    limited = msgspec.structs.replace(options, url=Secret(server.url.replace("redis://", "redis://desk:pw@")))
    rights = ["reset", "resetchannels", "on", ">pw", "~frontdesk:*", "&frontdesk:*", *COMMANDS.split()]
    async with Redis.from_url(server.url) as bare:
        await bare.execute_command("ACL", "SETUSER", "desk", *rights)  # type: ignore[no-untyped-call]
        async with RedisSignal(limited) as one:
            assert one.trouble == ""
            words = one.listen("desk")
            assert await asyncio.wait_for(anext(words), LONG) == ""
            assert one.trouble == ""
        for lesser in ("-subscribe", "-blpop", "-zadd", "resetkeys", "resetchannels"):
            await bare.execute_command("ACL", "SETUSER", "desk", *rights, lesser)  # type: ignore[no-untyped-call]
            with pytest.raises(ConfigError, match=r"give the user the commands, keys and channels"):
                await RedisSignal(limited).__aenter__()


async def test_a_server_that_only_reads_is_a_trouble(server: Server, options: SignalOptions) -> None:
    async with Redis.from_url(server.url) as bare:
        await bare.replicaof("127.0.0.1", str(free_port()))
        async with RedisSignal(options) as one:
            assert "check" in one.trouble or "primary" in one.trouble
            assert await one.allow("login", 1, 60) == 0.0
            await bare.replicaof("NO", "ONE")
            await is_back(one)


async def test_a_connection_that_uvloop_finds_closed_is_an_outage_like_others(one: RedisSignal) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    with capture_logs() as logs:
        one._linked.verbs._client.execute_command = fail  # type: ignore[method-assign]
        assert await one.allow("login", 1, 60) == 0.0
        await is_back(one)
    assert [entry["event"] for entry in logs] == ["redis is away", "redis is back"]


async def test_what_fails_again_at_once_is_tried_more_and_more_seldom(one: RedisSignal, server: Server) -> None:
    """The rehearsal has keys of its own: it goes well though somebody else's word lies where the wake-ups should be."""
    async with Redis.from_url(server.url) as bare:
        await bare.set("frontdesk:wake", "garbage")
        with capture_logs() as logs:
            one.wake()
            await asyncio.sleep(2)
        assert 1 <= [entry["event"] for entry in logs].count("redis is away") <= 15
        await bare.delete("frontdesk:wake")
    await asyncio.sleep(1)
    await is_back(one)


async def test_readyz_is_degraded_and_metrics_say_so(server: Server, tmp_path: Path) -> None:
    tree = {
        "data_dir": str(tmp_path),
        "flows": {"folder": ""},
        "signal": {"provider": "redis", "url": {"env": "REDIS"}, "connect_timeout_seconds": 0.5},
    }
    settings = build(tree, {"REDIS": server.url}, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        assert "frontdesk_signal_connected 1.0" in (await http.get("/metrics")).text
        server.kill()
        await is_lost(container.signal())
        response = await http.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (200, "degraded")
        assert [text for text in response.json()["troubles"] if text.startswith("Redis cannot be used (")]
        assert "frontdesk_signal_connected 0.0" in (await http.get("/metrics")).text
        server.start()
        await is_back(container.signal())
        assert "frontdesk_signal_connected 1.0" in (await http.get("/metrics")).text


async def test_what_fails_while_it_is_ended_is_not_reported_as_forgotten() -> None:
    """An outage strikes between the last look at a task and its end."""
    forgotten: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: forgotten.append(context))

    async def fail_at_the_end() -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            raise ConnectionError("refused")

    task = asyncio.create_task(fail_at_the_end())
    await asyncio.sleep(0)
    await _end([task])
    assert task.done()
    del task
    gc.collect()
    assert forgotten == []
