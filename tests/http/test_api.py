"""A program asks for a flow: who may, in which conversation, with which values, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.config import build
from frontdesk.container import Container, SystemClock
from frontdesk.core.event import Event, FlowRequested
from frontdesk.plugin import load_plugins
from frontdesk.ports import StoreUnavailable
from http_fixtures import ENVIRON, Post, settings_tree, text_message

pytestmark = pytest.mark.anyio

TOKEN = "Bearer w0rd-of-the-api"
PHONE = "15550100777"
STATUS = """\
title: Order status
starts_on: {request: true}
variables:
  flow.number: {type: text, longest: 12}
  flow.count: number
  flow.is_gift: yes_no
  flow.day: date
  flow.goods: list
steps:
  say_it: {say: "{{ flow.number }} {{ flow.count }} {{ flow.is_gift }} {{ flow.day }} {{ flow.goods }}"}
  bye: {end: true}
"""
CLOSED = "title: Closed\nstarts_on: {keywords: [closed]}\nsteps: {say_it: {say: Hello}, bye: {end: true}}\n"
ADDRESS = f"/api/v1/conversations/main:{PHONE}/flow"

Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def container(tmp_path: Path, flows: Path) -> Container:
    tree = settings_tree(tmp_path / "data") | {"api": {"token": {"env": "API"}}, "flows": {"folder": str(flows)}}
    settings = build(tree, ENVIRON | {"API": TOKEN.partition(" ")[2]}, where="the test")
    return Container(settings=settings, offers=load_plugins(settings.plugins()))


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "order_status.yaml").write_text(STATUS)
    (folder / "closed.yaml").write_text(CLOSED)
    return folder


@pytest.fixture
async def known(container: Container, post: Post) -> str:
    """A conversation's id; its contact has just written."""
    body = text_message("hello")
    (message,) = body["entry"][0]["changes"][0]["value"]["messages"]
    message["timestamp"] = str(int(SystemClock().now().timestamp()))
    await post(body)
    found: str = await container.store().find("main", PHONE)
    return found


@pytest.fixture
def ask(http: httpx.AsyncClient) -> Ask:
    async def run(body: Any, address: str = ADDRESS, **headers: str | bytes) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        sent = {"authorization": TOKEN} | {name.replace("_", "-"): value for name, value in headers.items()}
        raw = {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in sent.items()}
        return await http.post(address, content=content, headers=raw)

    return run


async def journal(container: Container, known: str) -> list[Event]:
    return [entry.event async for entry in container.store().journal(known)]


async def requests(container: Container, known: str) -> list[FlowRequested]:
    return [event for event in await journal(container, known) if isinstance(event, FlowRequested)]


async def said(container: Container, known: str) -> list[str]:
    return [one.content.body for one in await container.store().messages(known) if one.author == "bot"]


async def test_a_flow_begins_with_the_values_that_were_sent(container: Container, ask: Ask, known: str) -> None:
    values = {"number": "A1001", "count": 2, "is_gift": True, "day": "2026-12-24", "goods": ["boots", 2]}
    answer = await ask({"flow": "order_status", "values": values, "id": "parcel-1"})
    (event,) = await requests(container, known)
    assert (answer.status_code, answer.json()) == (202, {"id": event.id})
    assert (event.channel, event.flows) == ("main", container.library().current)
    assert event.values == values | {"goods": ("boots", 2)}
    assert (await said(container, known))[-1] == "A1001 2 yes 2026-12-24 boots, 2"


@pytest.mark.parametrize("address", [ADDRESS, f"/api/v1/conversations/main:+{PHONE}/flow", "id"])
async def test_a_conversation_is_named_by_its_id_or_an_address(
    container: Container, ask: Ask, known: str, address: str
) -> None:
    answer = await ask({"flow": "order_status"}, address.replace("id", f"/api/v1/conversations/{known}/flow"))
    assert answer.status_code == 202
    assert len(await requests(container, known)) == 1


async def test_the_same_key_is_the_same_request(container: Container, ask: Ask, known: str) -> None:
    body = {"flow": "order_status"}
    by_header = [await ask(body, idempotency_key="k1") for _ in range(2)]
    by_body = [await ask({**body, "id": "k2"}, idempotency_key=other) for other in ("a", "b")]
    without = [await ask(body) for _ in range(2)]
    assert {one.status_code for one in (*by_header, *by_body, *without)} == {202}
    ids = [one.json()["id"] for one in (*by_header, *by_body, *without)]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert len(set(ids)) == 4
    assert [event.id for event in await requests(container, known)] == list(dict.fromkeys(ids))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer w0rd", f"{TOKEN}x", TOKEN.upper(), "Basic w0rd-of-the-api", b"Bearer \xe4"],
)
async def test_without_the_token_nothing_is_asked(container: Container, ask: Ask, known: str, header: Any) -> None:
    answer = await ask({"flow": "order_status"}, authorization=header)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "send Authorization: Bearer" in answer.json()["error"]
    assert await requests(container, known) == []


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "the body cannot be read ("),
        (b"[]", 400, "the body cannot be read (Expected `object`"),
        (b'{"flow": 1}', 400, "the body cannot be read (Expected `str`"),
        (b'{"flow": "x", "flwo": 1}', 400, "the body cannot be read (Object contains unknown field"),
        (b'{"flow": "order_status", "values": {"number": {"a": 1}}}', 400, "the body cannot be read ("),
        (b'{"flow": "order_status", "values": ' + b"[" * 50_000, 400, "the body cannot be read ("),
        (b'{"flow": "order_status", "id": "' + b"x" * 201 + b'"}', 400, "the body cannot be read ("),
        (b'{"flow": "' + b"x" * 70_000 + b'"}', 413, "the body is too large; at most 65536 bytes are read"),
        ({"flow": "order_statu"}, 404, "there is no flow order_statu; did you mean order_status"),
        ({"flow": "closed"}, 409, "the flow closed may not be requested; write request: true"),
        ({"flow": "order_status", "values": {"nubmer": "1"}}, 400, "has no variable flow.nubmer; did you mean number"),
        ({"flow": "order_status", "values": {"number": 1}}, 400, "values.number does not fit its variable"),
        ({"flow": "order_status", "values": {"number": "x" * 5_000}}, 400, "send a text of bounded"),
        ({"flow": "order_status", "values": {"count": "1"}}, 400, "send a number"),
        ({"flow": "order_status", "values": {"count": True}}, 400, "send a number"),
        ({"flow": "order_status", "values": {"count": 2**53 + 1}}, 400, "send a number of bounded size"),
        ({"flow": "order_status", "values": {"is_gift": 1}}, 400, "send true or false"),
        ({"flow": "order_status", "values": {"day": "tomorrow"}}, 400, "send a date such as 2026-12-24"),
        ({"flow": "order_status", "values": {"day": "20261224"}}, 400, "send a date such as 2026-12-24"),
        ({"flow": "order_status", "values": {"goods": "boots"}}, 400, "send a list"),
        ({"flow": "order_status", "values": {"goods": ["x"] * 101}}, 400, "send a list of bounded size"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_said_with_its_cure(
    container: Container, ask: Ask, known: str, body: Any, status: int, sentence: str
) -> None:
    answer = await ask(body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert await requests(container, known) == []


async def test_nothing_is_a_value_too(container: Container, ask: Ask, known: str) -> None:
    values = {"number": None, "day": None, "is_gift": None}
    assert (await ask({"flow": "order_status", "values": values})).status_code == 202


@pytest.mark.parametrize("named", ["nobody", "main:1999", "other:15550100777", ":", "main:", f"{PHONE}"])
async def test_a_conversation_that_there_is_not_is_404(ask: Ask, known: str, named: str) -> None:
    answer = await ask({"flow": "order_status"}, f"/api/v1/conversations/{named}/flow")
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "there is no such conversation; name it by its id, or as channel:address",
    )


async def test_while_the_store_is_away_it_is_503_and_the_same_key_works_later(
    container: Container, ask: Ask, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("the network is cut")

    for verb in ("find", "apply"):
        with monkeypatch.context() as cut:
            cut.setattr(container.store(), verb, away)
            answer = await ask({"flow": "order_status", "id": "k"})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert "the network is cut" not in answer.text
    assert (await ask({"flow": "order_status", "id": "k"})).status_code == 202
    assert len(await requests(container, known)) == 1


async def test_the_scheme_may_be_written_small(ask: Ask, known: str) -> None:
    assert (await ask({"flow": "order_status"}, authorization=TOKEN.replace("B", "b"))).status_code == 202


async def test_a_get_is_not_a_request(http: httpx.AsyncClient) -> None:
    assert (await http.get(ADDRESS)).status_code == 405


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A service whose API is not switched on."""
    settings = build(settings_tree(tmp_path / "closed"), ENVIRON, where="the test")
    app = Container(settings=settings, offers=load_plugins(settings.plugins())).app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client,
    ):
        yield client


async def test_without_a_token_in_the_configuration_there_is_no_api(closed: httpx.AsyncClient) -> None:
    answer = await closed.post(ADDRESS, json={"flow": "order_status"}, headers={"authorization": "Bearer "})
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("the API is not switched on; set [api] token = { env")
