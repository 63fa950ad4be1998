"""A number that goes to another channel keeps its conversations, and a channel that changes its provider keeps all."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from frontdesk.cli import cli
from frontdesk.commands.channel import move_channel
from frontdesk.config import load
from frontdesk.container import Container, SystemClock
from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Address, Event
from frontdesk.core.message import Text
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.plugin import load_plugins
from frontdesk.ports import Decide, StoreUnavailable
from frontdesk.testing.contracts import rules
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import PHONE, wrote
from http_fixtures import SECRET, signature, text_message

ENVIRON = {"WORD": SECRET}
META = """
[channels.{name}]
provider = "whatsapp_cloud"
phone_number_id = "310700000000042"
base_url = "http://127.0.0.1:9"
access_token = {{ env = "WORD" }}
app_secret = {{ env = "WORD" }}
verify_token = {{ env = "WORD" }}
"""
MSG91 = """
[channels.{name}]
provider = "msg91"
integrated_number = "15550100200"
base_url = "http://127.0.0.1:9/api/v5"
authkey = {{ env = "WORD" }}
webhook_secret = {{ env = "WORD" }}
poll_logs = "off"
"""
CONSOLE = """
[channels.{name}]
provider = "console"
url = "http://127.0.0.1:9"
secret = {{ env = "WORD" }}
"""
ORDER = """
title: Order
starts_on: {keywords: [order]}
steps:
  number: {ask: Which number?, save: flow.number}
  done: {say: "Order {{flow.number}} is on its way."}
  over: {end: true}
variables: {flow.number: {type: text, longest: 20}}
"""


class Folder:
    """A configuration that a test changes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "frontdesk.toml"
        (folder / "flows").mkdir()
        (folder / "flows" / "order.yaml").write_text(ORDER, encoding="utf-8")
        self._head = f'data_dir = "{folder}/data"\n[flows]\nfolder = "{folder}/flows"\n[policy]\ngreeting = ""\n'

    def write(self, **providers: str) -> None:
        """One channel each, by its name."""
        sections = (section.format(name=name) for name, section in providers.items())
        self.file.write_text(self._head + "".join(sections), encoding="utf-8")

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--config", str(self.file)], env=ENVIRON)

    def serve(self, run: Callable[[Container, httpx.AsyncClient], Awaitable[Any]]) -> Any:
        """The service for as long as `run` takes; its vendors are away, so nothing leaves."""
        settings = load(self.file, ENVIRON)

        async def serving() -> Any:
            container = Container(settings=settings, offers=load_plugins(settings.plugins()))
            app = container.app()
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
            ):
                return await run(container, http)

        return asyncio.run(serving())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def by_meta(http: httpx.AsyncClient, channel: str, text: str, key: str) -> None:
    message = text_message(text, wamid=key)
    message["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = str(int(SystemClock().now().timestamp()))
    body = msgspec.json.encode(message)
    headers = {"content-type": "application/json", "x-hub-signature-256": signature(body)}
    (await http.post(f"/webhooks/{channel}", content=body, headers=headers)).raise_for_status()


async def by_msg91(http: httpx.AsyncClient, channel: str, text: str, key: str) -> None:
    post = {"customerNumber": PHONE, "direction": "0", "uuid": key, "contentType": "text", "text": text}
    answer = await http.post(f"/webhooks/{channel}/inbound", json=post, headers={"x-webhook-secret": SECRET})
    answer.raise_for_status()


async def by_console(http: httpx.AsyncClient, channel: str, text: str, key: str) -> None:
    body = msgspec.json.encode({"id": key, "from": PHONE, "text": text})
    headers = {"x-frontdesk-signature": hmac.digest(SECRET.encode(), body, "sha256").hex()}
    (await http.post(f"/webhooks/{channel}", content=body, headers=headers)).raise_for_status()


Writes = Callable[[httpx.AsyncClient, str, str, str], Awaitable[None]]


async def said(container: Container, channel: str) -> tuple[Conversation, list[str]]:
    """The contact's conversation, and all words in it."""
    store = container.store()
    known = await store.find(channel, PHONE)
    state = await store.conversation(known)
    assert state is not None
    words = [one.content.body for one in await store.messages(known) if isinstance(one.content, Text)]
    return state, words


@pytest.mark.parametrize(("section", "writes"), [(MSG91, by_msg91), (CONSOLE, by_console)], ids=["msg91", "console"])
def test_a_channel_that_changes_its_provider_keeps_everything(folder: Folder, section: str, writes: Writes) -> None:
    """Only `provider` and its keys change; the same flow goes on where it was."""
    folder.write(main=META)

    async def before(container: Container, http: httpx.AsyncClient) -> Conversation:
        await by_meta(http, "main", "order", "wamid.1")
        return (await said(container, "main"))[0]

    state = folder.serve(before)
    assert state.run is not None
    folder.write(main=section)

    async def after(container: Container, http: httpx.AsyncClient) -> tuple[Conversation, list[str]]:
        await writes(http, "main", "A1001", "wamid.2")
        return await said(container, "main")

    later, words = folder.serve(after)
    assert later.id == state.id
    assert words == ["order", "Which number?", "A1001", "Order A1001 is on its way."]


def test_a_number_that_is_moved_keeps_its_conversations(folder: Folder) -> None:
    folder.write(main=META, india=MSG91)

    async def before(container: Container, http: httpx.AsyncClient) -> Conversation:
        await by_meta(http, "main", "order", "wamid.1")
        return (await said(container, "main"))[0]

    state = folder.serve(before)
    moved = folder.run("channel", "move", "main", "india")
    assert (moved.exit_code, moved.output) == (0, "1 conversations go on by india, and are found there\n")
    again = folder.run("channel", "move", "main", "india")
    assert again.output == "0 conversations go on by india, and are found there\n"

    async def after(container: Container, http: httpx.AsyncClient) -> tuple[Conversation, list[str], list[Any]]:
        await by_msg91(http, "india", "A1001", "wamid.2")
        rows = container.store()._connection.execute("SELECT DISTINCT channel FROM outbox WHERE kind LIKE 'send%'")
        return (*await said(container, "india"), rows.fetchall())

    later, words, channels = folder.serve(after)
    assert (later.id, later.channel, later.window_until >= state.window_until) == (state.id, "india", True)
    remark = "goes on by channel india, before by main"
    assert words == ["order", "Which number?", remark, "A1001", "Order A1001 is on its way."]
    assert channels == [("india",)]
    replayed = folder.run("replay", state.id)
    assert replayed.exit_code == 0, replayed.output


def test_a_contact_who_is_known_on_both_keeps_both(folder: Folder) -> None:
    folder.write(main=META, india=MSG91)

    async def write(container: Container, http: httpx.AsyncClient) -> str:
        await by_meta(http, "main", "hello there", "wamid.1")
        await by_msg91(http, "india", "hello there", "wamid.2")
        return (await said(container, "main"))[0].id

    known = folder.serve(write)
    moved = folder.run("channel", "move", "main", "india", "--json")
    assert moved.exit_code == 1
    found = json.loads(moved.output)
    assert (found["moved"], found["left"], found["astray"]) == (0, [known], [])
    assert (
        f"1 stay on main, for their contact has another one on india: {known}"
        in folder.run("channel", "move", "main", "india").output
    )


def test_a_store_that_is_served_is_not_touched(folder: Folder) -> None:
    folder.write(main=META, india=MSG91)

    async def while_served(container: Container, http: httpx.AsyncClient) -> Result:
        await by_meta(http, "main", "hello there", "wamid.1")
        return await asyncio.to_thread(folder.run, "channel", "move", "main", "india")

    moved = folder.serve(while_served)
    assert moved.exit_code == 1
    assert "is in use by another frontdesk" in str(moved.exception)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("main", "main"), "name two channels"),
        (("main", "nowhere"), "there is no [channels.nowhere]"),
        (("main", "india"), "there is no database"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(folder: Folder, words: tuple[str, str], says: str) -> None:
    folder.write(main=META, india=MSG91)
    moved = folder.run("channel", "move", *words)
    assert moved.exit_code == 1
    assert says in str(moved.exception)


class Failing(MemoryStore):
    """Is away after so many writes."""

    left = 1_000

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        self.left -= 1
        if self.left < 0:
            raise StoreUnavailable("the disk is full")
        return await super().apply(event, decide)


@asynccontextmanager
async def crowd(count: int) -> AsyncIterator[tuple[Failing, ManualClock]]:
    clock = ManualClock()
    store = Failing(clock)
    for number in range(count):
        await store.apply(wrote("hi", clock.now(), phone=f"1555{number:07}"), rules)
    yield store, clock


@pytest.mark.anyio
async def test_a_move_that_was_interrupted_goes_on_where_it_was() -> None:
    async with crowd(10) as (store, clock):
        store.left = 4
        with pytest.raises(StoreUnavailable):
            await move_channel(store, "main", "india", Policy(), clock.now)
        assert len([state async for state in store.conversations_on("india")]) == 4
        store.left = 1_000
        found = await move_channel(store, "main", "india", Policy(), clock.now)
        assert (found.moved, found.left, found.astray) == (6, (), ())
        assert await store.find("main", "15550000009") is None
        assert await store.find("india", "15550000009") is not None


@pytest.mark.anyio
async def test_there_and_back_again() -> None:
    async with crowd(3) as (store, clock):
        for source, target in (("main", "india"), ("india", "main"), ("main", "india")):
            found = await move_channel(store, source, target, Policy(), clock.now)
            assert found.moved == 3


@pytest.mark.anyio
async def test_what_is_not_where_it_should_be_is_named() -> None:
    class Losing(Failing):
        async def find(self, channel: str, address: str) -> str | None:
            return None if channel == "india" else await super().find(channel, address)

    clock = ManualClock()
    store = Losing(clock)
    await store.apply(wrote("hi", clock.now()), rules)
    found = await move_channel(store, "main", "india", Policy(), clock.now)
    assert (found.moved, len(found.astray)) == (1, 1)
    assert Address("phone", PHONE) in (await store.conversation(found.astray[0])).addresses  # type: ignore[union-attr]
