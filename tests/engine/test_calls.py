"""Calls of flows, against a real server that misbehaves in every way known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.config.hosts import HostSettings, is_public
from frontdesk.container import build_transport
from frontdesk.core.effect import CallHttp
from frontdesk.engine.answer import NoJson, pick
from frontdesk.engine.calls import BODY_BYTES_MAX, HostCalls, NoHosts, Reply, leads_out
from frontdesk.plugin import Secret
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.process import free_port

pytestmark = pytest.mark.anyio

ORDER = b'{"order": {"status": "shipped", "items": [{"name": "Mug"}, {"name": "Cup"}], "tags": ["a", 1, true, null]}}'


class Shop:
    """A host, by hand: what it was asked, and an answer for each path."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.port = 0
        self._hanging: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Shop:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in self._hanging:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._hanging.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(found[0].partition(b":")[2])) if found else b""
                self.asked.append(head + body)
                await self._answer(head.split(b" ")[1].decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        match path.removeprefix("/api"):
            case "/hang":
                return
            case "/cut":
                writer.transport.abort()
            case "/half":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + ORDER)
                writer.close()
            case "/stall":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + ORDER)
            case "/drip":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"1\r\n \r\n")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "/endless":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
                    await writer.drain()
            case "/no-http":
                writer.write(b"hello\r\n\r\n")
                writer.close()
            case _ as wanted:
                status, headers, body = ANSWERS.get(wanted, (200, "", ORDER))
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)


ANSWERS: dict[str, tuple[int, str, bytes]] = {
    "/empty": (204, "", b""),
    "/html": (200, "Content-Type: text/html\r\n", b"<html>log in, please</html>"),
    "/garbage": (200, "", b'{"order": '),
    "/moved": (302, "Location: /api/elsewhere\r\n", b"{}"),
    "/moved-for-good": (301, "Location: http://169.254.169.254/\r\n", b"{}"),
    "/missing": (404, "", b'{"order": {"status": "unknown"}}'),
    "/broken": (500, "", b"Traceback"),
    "/busy": (503, "Retry-After: 7\r\n", b"{}"),
    "/too-many": (429, "Retry-After: Sun, 01 Nov 2026 09:00:12 GMT\r\n", b"{}"),
    "/large": (200, "", b'"' + b"x" * (BODY_BYTES_MAX - 2) + b'"'),
    "/too-large": (200, "", b'"' + b"x" * BODY_BYTES_MAX + b'"'),
}


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with Shop() as shop:
        yield shop


@pytest.fixture
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    transport = build_transport()
    yield transport
    await transport.aclose()


@pytest.fixture
def host(shop: Shop) -> HostSettings:
    headers = {"Authorization": Secret("Bearer s3cret"), "X-Shop": "sample", "accept": "application/vnd.shop+json"}
    base_url = f"http://127.0.0.1:{shop.port}/api/"
    return HostSettings(base_url=base_url, headers=headers, is_private=True, timeout_seconds_max=5.0)


@pytest.fixture
def calls(host: HostSettings, transport: httpx.AsyncBaseTransport) -> HostCalls:
    return HostCalls({"shop": host}, transport, ManualClock())


def effect(path: str = "/orders/A1001", **fields: Any) -> CallHttp:
    known: dict[str, Any] = {
        "method": "GET",
        "timeout_seconds": 2.0,
        "wants": (("status", "order.status"), ("second", "order.items.1.name")),
    }
    return CallHttp(id="e1.0", due_at=ManualClock().now(), host="shop", path=path, **(known | fields))


async def test_what_is_wanted_comes_back_and_what_is_sent_is_what_was_asked_for(calls: HostCalls, shop: Shop) -> None:
    reply = await calls.ask(effect("/orders/A1001?lang=en&q=%2F%C3%A9", method="POST", body='{"number": "A1"}'))
    assert reply == Reply(status=200, values={"status": "shipped", "second": "Cup"})
    (asked,) = shop.asked
    head, _, body = asked.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /api/orders/A1001?lang=en&q=%2F%C3%A9 HTTP/1.1"
    assert body == b'{"number": "A1"}'
    sent = {name.lower(): value for name, _, value in (one.partition(": ") for one in headers)}
    assert sent == {
        "host": f"127.0.0.1:{shop.port}",
        "authorization": "Bearer s3cret",
        "x-shop": "sample",
        "accept": "application/vnd.shop+json",
        "user-agent": "Frontdesk",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": "16",
        "idempotency-key": "e1.0",
    }


async def test_a_call_without_a_body_has_no_type(calls: HostCalls, shop: Shop) -> None:
    await calls.ask(effect())
    assert b"content-type" not in shop.asked[0].lower()
    assert b"idempotency-key: e1.0" in shop.asked[0].lower()


@pytest.mark.parametrize(
    ("path", "status", "is_passing", "may_be_done", "failure"),
    [
        ("/empty", 204, False, False, ""),
        ("/html", 200, False, True, "host shop does not answer with JSON (JSON is malformed: invalid character"),
        ("/garbage", 200, False, True, "host shop does not answer with JSON"),
        ("/moved", 302, False, True, "host shop answers 302, a redirect, which is not followed; correct base_url"),
        ("/moved-for-good", 301, False, False, "host shop answers 301, a redirect"),
        ("/missing", 404, False, False, "host shop answers 404; look at its log"),
        ("/broken", 500, False, True, "host shop answers 500; look at its log"),
        ("/busy", 503, True, True, "host shop answers 503"),
        ("/too-many", 429, True, False, "host shop answers 429"),
        ("/too-large", 200, False, True, "host shop answers with more than 262144 bytes; let it answer with less"),
        ("/endless", 200, False, True, "host shop answers with more than 262144 bytes"),
        ("/cut", 0, True, True, "host shop broke off before its answer was whole ("),
        ("/half", 0, True, True, "host shop broke off before its answer was whole ("),
        ("/no-http", 0, True, True, "host shop broke off before its answer was whole ("),
    ],
)
async def test_every_kind_of_answer_is_understood(
    calls: HostCalls, path: str, status: int, is_passing: bool, may_be_done: bool, failure: str
) -> None:
    reply = await calls.ask(effect(path))
    assert (reply.status, reply.is_passing, reply.may_be_done) == (status, is_passing, may_be_done)
    assert reply.failure.startswith(failure), reply.failure
    assert bool(reply.failure) == bool(failure)


@pytest.mark.parametrize("path", ["/hang", "/stall", "/drip"])
async def test_the_time_counts_for_the_whole_call(calls: HostCalls, path: str) -> None:
    began_at = asyncio.get_running_loop().time()
    reply = await calls.ask(effect(path, timeout_seconds=0.3))
    assert 0.25 < asyncio.get_running_loop().time() - began_at < 2
    assert reply == Reply(
        failure="host shop has not answered within 0.3 s; look at it, or give it more time",
        may_be_done=True,
        is_passing=True,
    )


async def test_the_hosts_own_limit_of_time_counts_too(host: HostSettings, transport: httpx.AsyncBaseTransport) -> None:
    hasty = msgspec.structs.replace(host, timeout_seconds_max=0.2)
    reply = await HostCalls({"shop": hasty}, transport, ManualClock()).ask(effect("/hang", timeout_seconds=60))
    assert "within 0.2 s" in reply.failure


async def test_a_redirect_is_not_followed(calls: HostCalls, shop: Shop) -> None:
    await calls.ask(effect("/moved"))
    assert len(shop.asked) == 1


async def test_of_a_refusal_what_is_wanted_comes_back_too(calls: HostCalls) -> None:
    assert (await calls.ask(effect("/missing"))).values == {"status": "unknown", "second": None}
    assert (await calls.ask(effect("/broken"))).values == {"status": None, "second": None}


async def test_the_host_says_when_it_may_be_asked_again(calls: HostCalls) -> None:
    assert (await calls.ask(effect("/busy"))).retry_after == 7.0
    assert (await calls.ask(effect("/too-many"))).retry_after == 12.0
    assert (await calls.ask(effect("/broken"))).retry_after is None


async def test_as_much_as_may_be_read_is_read(calls: HostCalls) -> None:
    reply = await calls.ask(effect("/large", wants=(("all", "x"),)))
    assert (reply.status, reply.values, reply.failure) == (200, {"all": None}, "")


async def test_a_page_of_which_nothing_is_wanted_may_be_anything(calls: HostCalls) -> None:
    assert await calls.ask(effect("/html", wants=())) == Reply(status=200)


async def test_a_host_that_is_away_was_never_asked(transport: httpx.AsyncBaseTransport) -> None:
    away = HostSettings(base_url=f"http://127.0.0.1:{free_port()}", is_private=True)
    reply = await HostCalls({"shop": away}, transport, ManualClock()).ask(effect())
    assert (reply.status, reply.is_passing, reply.may_be_done) == (0, True, False)
    assert reply.failure == "host shop cannot be reached; check that it runs, and hosts.shop.base_url"


async def test_a_host_that_is_not_on_the_list_is_not_called(calls: HostCalls) -> None:
    expected = "there is no host 'other'; add [hosts.other] to the configuration"
    wanted = msgspec.structs.replace(effect(), host="other")
    assert [(await one.ask(wanted)).failure for one in (calls, NoHosts())] == [expected] * 2


async def test_a_path_that_leads_elsewhere_is_not_sent(calls: HostCalls, shop: Shop) -> None:
    reply = await calls.ask(effect("/orders/..%2f..%2fadmin"))
    assert reply.failure.startswith("the path of a call would leave host shop or cannot be sent; let it begin with /")
    assert (reply.is_passing, reply.may_be_done, shop.asked) == (False, False, [])


@pytest.mark.parametrize(
    "path",
    [
        "", "orders", "http://evil.example/", "//evil.example/", "/a//b", "/..", "/../x", "/a/../b", "/a/./b", "/.",
        "/%2e%2e/x", "/.%2E/x", "/a/%2e", "/%252e%252e/x", "/a%2f..%2fb", "/a/..%5cb", "/..%252fb", "/\\evil.example",
        "/a\\..\\b", "/a b", "/a\nb", "/a#b", "/ä", "/a%", "/a%zz", "/a\x00", "@evil.example", ":80@evil.example/",
        "/" + "a" * 8_192,
    ],
)  # fmt: skip
def test_what_would_step_out_is_seen_in_every_spelling(path: str) -> None:
    assert leads_out(path)


@pytest.mark.parametrize(
    "path",
    ["/", "/orders/A1001", "/a/b?x=../y&z=//", "/a..b/...", "/%C3%A9", "/a%2Fb", "/a:b@c/~x", "/a/", "/?q=a%26b"],
)
def test_what_stays_inside_is_let_through(path: str) -> None:
    assert not leads_out(path)


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07::1", True), ("::ffff:93.184.215.14", True),
        ("64:ff9b::5db8:d70e", True), ("127.0.0.1", False), ("127.8.8.8", False), ("0.0.0.0", False),
        ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("ff02::1", False), ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False), ("64:ff9b::a00:1", False), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_an_address_is_known_to_be_public_or_not(address: str, is_so: bool) -> None:
    assert is_public(address) is is_so


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.1", "2130706433"])
async def test_a_host_that_leads_inside_is_not_called(
    shop: Shop, transport: httpx.AsyncBaseTransport, name: str
) -> None:
    inside = HostSettings(base_url=f"http://{name}:{shop.port}/api")
    reply = await HostCalls({"shop": inside}, transport, ManualClock()).ask(effect())
    assert shop.asked == []
    assert "which is not on the public internet; set hosts.shop.is_private = true if that is meant" in reply.failure
    assert (reply.is_passing, reply.may_be_done) == (False, False)


async def test_one_inner_address_among_public_ones_is_enough(shop: Shop, transport: httpx.AsyncBaseTransport) -> None:
    async def resolve(name: str, port: int) -> Sequence[str]:
        assert (name, port) == ("shop.example", 443)
        return ["93.184.215.14", "10.0.0.7"]

    public = HostSettings(base_url="https://shop.example")
    reply = await HostCalls({"shop": public}, transport, ManualClock(), resolve=resolve).ask(effect())
    assert "host shop leads to 10.0.0.7" in reply.failure


async def test_a_name_that_nobody_knows_is_a_host_that_cannot_be_reached(transport: httpx.AsyncBaseTransport) -> None:
    async def resolve(name: str, port: int) -> Sequence[str]:
        raise OSError(f"{name} is not known")

    public = HostSettings(base_url="https://shop.example")
    reply = await HostCalls({"shop": public}, transport, ManualClock(), resolve=resolve).ask(effect())
    assert (reply.failure[:29], reply.is_passing) == ("host shop cannot be reached; ", True)


async def test_while_developing_any_host_may_be_private(
    host: HostSettings, transport: httpx.AsyncBaseTransport
) -> None:
    public = msgspec.structs.replace(host, is_private=False)
    calls = HostCalls({"shop": public}, transport, ManualClock(), is_development=True)
    assert (await calls.ask(effect())).status == 200


async def test_nothing_of_a_call_is_logged(calls: HostCalls, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("/orders/4111", "/broken", "/cut"):
        await calls.ask(effect(path))
    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("text", "é👩‍🌾"), ("yes", True), ("whole", -7), ("real", 2.5), ("none", None), ("missing", None),
        ("missing.deep", None), ("text.0", None), ("object", None), ("list", ("a", 1, None, True)), ("list.0", "a"),
        ("list.9", None), ("list.-1", None), ("list.x", None), ("objects", None), ("objects.1.name", "Cup"),
        ("nested", None), ("nested.0.0", 1), ("large", "12345678901234567890"), ("exact", 9007199254740992),
        ("", None), (".", None), ("list.²", None), ("list.99999999999999999999", None),
    ],
)  # fmt: skip
def test_values_are_found_by_their_paths(path: str, value: object) -> None:
    body = (
        '{"text": "é👩‍🌾", "yes": true, "whole": -7, "real": 2.5, "none": null, "object": {"a": 1},'
        ' "list": ["a", 1, null, true], "objects": [{"name": "Mug"}, {"name": "Cup"}], "nested": [[1]],'
        ' "large": 12345678901234567890, "exact": 9007199254740992}'
    )
    assert pick(body.encode(), [("it", path)]) == {"it": value}


def test_values_have_bounds() -> None:
    body = msgspec.json.encode({"text": "x" * 5_000, "list": list(range(150))})
    found = pick(b"\xef\xbb\xbf" + body, [("text", "text"), ("list", "list")])
    assert found == {"text": "x" * 4_096, "list": tuple(range(100))}


@pytest.mark.parametrize("body", [b"[" * 50_000, b'"\\ud800"', b"9" * 5_000, b"1e999", b"NaN", b"\xff\xfe", b"'a'"])
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(NoJson):
        pick(body, [("it", "x")])
    assert pick(body, []) == {}


def test_nothing_answered_is_nothing_found() -> None:
    assert pick(b" \r\n", [("it", "x")]) == {"it": None}
