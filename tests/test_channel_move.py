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
from frontdesk.core.effect import NotifyDesk
from frontdesk.core.event import Address, Event, SendSucceeded
from frontdesk.core.message import Media, Message, MessageStatus, Text
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.plugin import load_plugins
from frontdesk.ports import Decide, StoreUnavailable
from frontdesk.testing.contracts import rules
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import PHONE, replied, wrote
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


def meta_status(key: str, *, status: str = "delivered") -> dict[str, Any]:
    """What Meta tells of a message that it took."""
    hook = text_message("")
    value = hook["entry"][0]["changes"][0]["value"]
    del value["messages"], value["contacts"]
    value["statuses"] = [
        {"id": key, "status": status, "timestamp": str(int(SystemClock().now().timestamp())), "recipient_id": PHONE}
    ]
    return hook


async def meta_posts(http: httpx.AsyncClient, hook: dict[str, Any], secret: str = "") -> int:
    body = msgspec.json.encode(hook)
    headers = {"content-type": "application/json", "x-hub-signature-256": secret or signature(body)}
    return (await http.post("/webhooks/main", content=body, headers=headers)).status_code


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


FORMER = {section: section.replace("[channels.{name}]", "[channels.{name}.former]") for section in (META, MSG91)}


async def _sent_by_meta(container: Container, http: httpx.AsyncClient) -> str:
    """A message of a person's that Meta took; the conversation."""
    await by_meta(http, "main", "hello there", "wamid.1")
    known = (await said(container, "main"))[0].id
    decision = await container.engine().handle(replied(known, "hello back", SystemClock().now()))
    assert decision is not None
    sent = SendSucceeded(
        id="sent", at=SystemClock().now(), channel="main", conversation_id=known,
        effect_id=decision.effects[0].id, attempt=0, provider_message_id="wamid.ours",
    )  # fmt: skip
    await container.engine().handle(sent)
    return known


def test_the_vendor_before_is_still_heard_where_it_is_named(folder: Folder) -> None:
    folder.write(main=META)
    known = folder.serve(_sent_by_meta)
    folder.write(main=MSG91 + FORMER[META])

    async def after(container: Container, http: httpx.AsyncClient) -> tuple[list[int], list[Message], list[str]]:
        answers = [await meta_posts(http, meta_status("wamid.ours"))]
        answers += [await meta_posts(http, late_message()) for _ in range(2)]
        answers.append(await meta_posts(http, late_message(), secret="sha256=forged"))
        return answers, list(await container.store().messages(known)), container.engine().troubles()

    answers, messages, troubles = folder.serve(after)
    assert answers == [200, 200, 200, 401]
    assert [one.status for one in messages if one.provider_message_id == "wamid.ours"] == [MessageStatus.DELIVERED]
    assert [one.content for one in messages if one.author == "contact"] == [
        Text(body="hello there"),
        Text(body="are you there?"),
    ]
    # A stranger's forgery and nothing by MSG91 so far: that its word may be wrong is still said.
    assert len(troubles) == 1
    assert "webhooks are refused and none is accepted" in troubles[0]


def late_message() -> dict[str, Any]:
    """A contact's, which Meta could not bring in time."""
    hook = text_message("are you there?", wamid="wamid.late")
    sent_at = str(int(SystemClock().now().timestamp()))
    hook["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = sent_at
    return hook


def test_the_vendor_before_is_refused_where_it_is_not_named_and_repeats_itself(folder: Folder) -> None:
    folder.write(main=META)
    known = folder.serve(_sent_by_meta)
    folder.write(main=MSG91)

    async def after(container: Container, http: httpx.AsyncClient) -> tuple[list[int], list[MessageStatus]]:
        answers = [await meta_posts(http, meta_status("wamid.ours")), await meta_posts(http, late_message())]
        messages = await container.store().messages(known)
        return answers, [one.status for one in messages if one.provider_message_id == "wamid.ours"]

    assert folder.serve(after) == ([401, 401], [MessageStatus.ACCEPTED])


def test_the_posts_of_msg91_are_heard_by_a_channel_that_is_metas_now(folder: Folder) -> None:
    folder.write(main=META + FORMER[MSG91])

    async def run(container: Container, http: httpx.AsyncClient) -> tuple[list[str], list[str]]:
        asked = {"hub.mode": "subscribe", "hub.verify_token": "another", "hub.challenge": "1"}
        assert (await http.get("/webhooks/main", params=asked)).status_code == 403
        await by_msg91(http, "main", "from the one before", "wamid.1")
        await by_meta(http, "main", "from this one", "wamid.2")
        post, headers = {"direction": "0", "uuid": "3", "text": "by nobody"}, {"x-webhook-secret": SECRET}
        (await http.post("/webhooks/main/inbound", json=post, headers=headers)).raise_for_status()
        return (await said(container, "main"))[1], container.engine().troubles()

    words, troubles = folder.serve(run)
    assert len(troubles) == 1
    assert "inbound posts arrive but no field named" in troubles[0]
    assert words[:2] == ["from the one before", "from this one"]


def test_what_is_wrong_with_the_provider_before_is_said_of_its_section(folder: Folder) -> None:
    folder.write(main=META + FORMER[MSG91].replace("http://127.0.0.1:9/api/v5", "http://msg91.example"))
    checked = folder.run("check")
    assert str(checked.exception).startswith("[channels.main.former] base_url: ")
    folder.write(main=META + FORMER[MSG91].replace('"msg91"', '"msg19"'))
    assert "msg19" in str(folder.run("check").exception)
    folder.write(main=META + FORMER[MSG91] + "word = 1\n")
    assert "channels.main.former" in str(folder.run("check").exception)


def test_a_number_that_is_moved_keeps_its_conversations(folder: Folder) -> None:
    folder.write(main=META, india=MSG91)

    async def before(container: Container, http: httpx.AsyncClient) -> Conversation:
        await by_meta(http, "main", "order", "wamid.1")
        return (await said(container, "main"))[0]

    state = folder.serve(before)
    moved = folder.run("channel", "move", "main", "india")
    assert (moved.exit_code, moved.output) == (0, "1 conversations go on by india, and are found there\n")
    again = folder.run("channel", "move", "main", "india")
    assert again.output == "no conversation is on main: all have been moved, or its name is another one\n"
    slip = folder.run("channel", "move", "mian", "india")
    assert slip.output == "no conversation is on mian: all have been moved, or its name is another one\n"

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


STICKER = Media(kind="sticker", link="https://shop.example/thanks.webp")


async def _people_send_a_sticker(container: Container, http: httpx.AsyncClient) -> str:
    """While the vendor is away, so that it waits."""
    await by_meta(http, "main", "hello there", "wamid.1")
    known = (await said(container, "main"))[0].id
    reply = replied(known, "a sticker", SystemClock().now())
    await container.engine().handle(msgspec.structs.replace(reply, content=STICKER))
    return known


def test_what_the_target_cannot_carry_is_said_before_anything_moves(folder: Folder) -> None:
    folder.write(main=META, india=MSG91)
    known = folder.serve(_people_send_a_sticker)
    refused = folder.run("channel", "move", "main", "india")
    assert refused.exit_code == 1
    assert str(refused.exception) == (
        "nothing was moved, for india cannot carry what is still to be sent in 1 conversations: "
        f"{known} (no message of kind sticker can be sent by it); let main send it first, or add --anyway: then it "
        "fails, and people see it"
    )

    async def look(container: Container, _: httpx.AsyncClient) -> str:
        return (await said(container, "main"))[0].channel

    assert folder.serve(look) == "main"


def test_what_is_moved_anyway_fails_for_people_to_see(folder: Folder) -> None:
    folder.write(main=META, india=MSG91)
    known = folder.serve(_people_send_a_sticker)
    moved = folder.run("channel", "move", "main", "india", "--anyway")
    assert moved.exit_code == 0
    told = f"1 hold what india cannot carry; it fails when it is sent, and people see it: {known}"
    assert told in moved.output

    async def until_people_know(container: Container, _: httpx.AsyncClient) -> list[str]:
        store = container.store()
        async with asyncio.timeout(20):
            while True:
                effects = [effect async for entry in store.journal(known) for effect in entry.effects]
                if reasons := [effect.reason for effect in effects if isinstance(effect, NotifyDesk)]:
                    return reasons
                await asyncio.sleep(0.05)

    (reason,) = folder.serve(until_people_know)
    assert reason == "a message could not be sent: MSG91 cannot send a message of kind sticker"


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
