"""Alive, ready, measured; and the guards on the socket."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from frontdesk.config import ServerSettings, build
from frontdesk.container import Container
from frontdesk.core.money import Hold
from frontdesk.http.server import Server, bind, server
from frontdesk.plugin import ConfigError, load_plugins
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.process import free_port, until
from http_fixtures import ENVIRON, Post, settings_tree, text_message

pytestmark = pytest.mark.anyio


async def test_it_lives_and_is_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).text == "ok"
    response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "troubles": []})


async def test_a_full_disk_is_not_ready_and_says_what_to_do(container: Container, http: httpx.AsyncClient) -> None:
    async def answers(status: int) -> bool:
        return (await http.get("/readyz")).status_code == status

    connection = container.store()._connection
    connection.execute("PRAGMA query_only = ON")
    await until(lambda: answers(503), 5, "it refuses")
    assert "nothing was lost" in (await http.get("/readyz")).json()["troubles"][0]
    connection.execute("PRAGMA query_only = OFF")
    await until(lambda: answers(200), 5, "it is ready again")


async def test_a_store_that_refuses_is_not_ready_while_it_is_asked_again(
    container: Container, http: httpx.AsyncClient
) -> None:
    answered = asyncio.Event()

    async def refuse() -> None:
        await answered.wait()
        raise StoreUnavailable("the disk is full")

    container.store().check = refuse
    answered.set()
    await until(lambda: answers(http, 503), 5, "it refuses")
    answered.clear()
    await asyncio.sleep(1.1)
    asking = asyncio.create_task(http.get("/readyz"))
    await asyncio.sleep(0.05)
    assert not asking.done()
    assert (await http.get("/readyz")).status_code == 503
    answered.set()
    assert (await asking).status_code == 503


async def answers(http: httpx.AsyncClient, status: int) -> bool:
    """Whether `/readyz` says so."""
    return (await http.get("/readyz")).status_code == status


async def test_the_store_is_asked_once_a_second_at_most(container: Container, http: httpx.AsyncClient) -> None:
    store, asked = container.store(), 0
    check = store.check

    async def count() -> None:
        nonlocal asked
        asked += 1
        await check()

    store.check = count
    for _ in range(20):
        await http.get("/readyz")
    assert asked <= 2


async def test_a_paused_channel_is_degraded_and_names_the_reason(container: Container, http: httpx.AsyncClient) -> None:
    gate = container.engine().gate("main")
    gate.barred(container.clock().now(), "the access token has expired", None)
    response = await http.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "degraded",
        "troubles": ["channel main is paused: the access token has expired"],
    }


async def test_flows_that_were_changed_but_not_taken_are_degraded(
    container: Container, http: httpx.AsyncClient
) -> None:
    container.flows().trouble = "the flows in config/flows were changed but not taken: menu.yaml:1:1: …"
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["troubles"] == [container.flows().trouble]


async def test_a_language_model_that_is_left_out_is_degraded_and_measured(
    container: Container, http: httpx.AsyncClient
) -> None:
    (rung,) = container.language_model().rungs
    rung.breaker.trip(container.clock().now(), "the key is wrong; set api_key")
    response = await http.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "degraded",
        "troubles": [
            "the language model first is left out and tried again now and then: the key is wrong; set api_key"
        ],
    }
    assert 'frontdesk_model_breaker{backend="first",model=""} 1.0' in (await http.get("/metrics")).text


async def test_a_cap_that_is_reached_is_degraded_and_measured(tmp_path: Path) -> None:
    settings = build(settings_tree(tmp_path) | {"money": {"per_month": "0.000001"}}, ENVIRON, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        now = container.clock().now()
        hold = Hold(effect_id="e", attempt=1, conversation_id="c", channel="main", at=now, nano_usd=1_000)
        await container.store().reserve(hold, container.budget().caps)
        answer = (await http.get("/readyz")).json()
        assert answer["status"] == "degraded"
        (trouble,) = answer["troubles"]
        assert trouble.startswith("money.per_month is reached: 0.000001 of 0.000001 USD are spent or reserved; it is")
        assert 'frontdesk_cap_reached{cap="per_month"} 1.0' in (await http.get("/metrics")).text


async def test_without_a_channel_it_is_degraded(tmp_path: Path) -> None:
    settings = build({"data_dir": str(tmp_path), "flows": {"folder": ""}}, {}, where="the test")
    app = Container(settings=settings, offers=load_plugins(settings.plugins())).app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        assert (await http.get("/readyz")).json()["troubles"] == [
            "no channel is configured; add [channels.…] to the configuration"
        ]


@pytest.mark.parametrize(
    ("role", "webhooks", "worker"), [("all", 400, True), ("web", 400, False), ("worker", 404, True)]
)
async def test_a_role_takes_or_works_and_is_ready(tmp_path: Path, role: str, webhooks: int, worker: bool) -> None:
    tree = settings_tree(tmp_path)
    tree["server"]["role"] = role
    settings = build(tree, ENVIRON, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        assert (await http.get("/webhooks/main")).status_code == webhooks
        assert (await http.get("/readyz")).json() == {"status": "ready", "troubles": []}
        assert f'frontdesk_process_info{{number="0",role="{role}"}} 1.0' in (await http.get("/metrics")).text
        working = getattr(app.state, "working", None)
        assert (working is not None and not working.done()) == worker


async def test_a_dead_worker_is_not_ready(container: Container, http: httpx.AsyncClient) -> None:
    container.worker().stop()

    async def is_refused() -> bool:
        return (await http.get("/readyz")).status_code == 503

    await until(is_refused, 5, "the worker's end shows")
    assert (await http.get("/readyz")).json()["troubles"][0] == "the worker does not run; restart the service"


async def test_metrics_count_what_happened(http: httpx.AsyncClient, post: Post) -> None:
    await post(text_message("hello"))
    await post(text_message("hello"))
    await post(b"{}", **{"x-hub-signature-256": "wrong"})
    text = (await http.get("/metrics")).text
    assert 'frontdesk_webhooks_total{channel="main",status="200"} 2.0' in text
    assert 'frontdesk_webhooks_total{channel="main",status="401"} 1.0' in text
    assert "frontdesk_turns_total 1.0" in text
    assert "frontdesk_duplicates_total 1.0" in text
    assert 'frontdesk_outbox{state="unknown"} 0.0' in text
    assert "frontdesk_oldest_pending_seconds" in text


async def test_metrics_are_shown_while_the_store_cannot_be_read(container: Container, http: httpx.AsyncClient) -> None:
    store = container.store()
    reader, store._reader = store._reader, sqlite3.connect(":memory:", check_same_thread=False)
    response = await http.get("/metrics")
    store._reader.close()
    store._reader = reader
    assert response.status_code == 200
    assert "frontdesk_turns_total 0.0" in response.text


async def test_a_worker_that_fails_says_why(container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a row that cannot be read")

    container.store().claim = fail
    app = container.app()
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.05)
    assert "a row that cannot be read" in "".join(capsys.readouterr())


async def test_a_process_whose_worker_failed_ends(container: Container) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a row that cannot be read")

    container.store().claim = fail
    settings = msgspec.structs.replace(container.settings().server, port=free_port())
    running = server(container.app(), settings)
    await asyncio.wait_for(running._serve([bind(settings)]), 10)
    assert running.has_failed


async def test_every_answer_carries_the_security_headers(http: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/nowhere", "/webhooks/main"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "server" not in headers


@pytest.fixture
async def running(container: Container) -> AsyncIterator[Server]:
    running = server(container.app(), container.settings().server)
    serving = asyncio.create_task(running._serve([bind(ServerSettings(port=0))]))
    await until(lambda: running.started, 10, "the server started")
    yield running
    running.should_exit = True
    await serving


@pytest.fixture
def address(running: Server) -> tuple[str, int]:
    address: tuple[str, int] = running.servers[0].sockets[0].getsockname()
    return address


async def _answer_to(address: tuple[str, int], sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_request_that_is_on_its_way_at_the_end_is_answered(running: Server, address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    await until(lambda: running.server_state.connections, 5, "the connection was taken")
    running.should_exit = True
    await until(lambda: not running.servers[0].is_serving(), 5, "nobody else is taken")
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer
    writer.close()
    await writer.wait_closed()


async def test_a_half_sent_body_is_408(address: tuple[str, int]) -> None:
    head = b"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nconnection: close\r\n\r\n"
    assert (await _answer_to(address, head + b'{"half":')).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"POST /webhooks/main HTTP/1.1\r\nhost:"])
async def test_a_connection_that_never_asks_is_closed(address: tuple[str, int], sent: bytes) -> None:
    assert await _answer_to(address, sent) == b""


async def test_endless_headers_are_cut_off(address: tuple[str, int]) -> None:
    lines = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 1_000) for number in range(64))
    assert await _answer_to(address, b"GET /healthz HTTP/1.1\r\n" + lines) == b""


async def test_a_taken_port_is_one_sentence(address: tuple[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1:\d+ .*set another server\.port"):
        bind(ServerSettings(port=address[1]))
