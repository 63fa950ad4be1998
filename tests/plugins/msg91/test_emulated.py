"""The provider and the emulated MSG91 over real HTTP: they were written from the same facts and share no code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from frontdesk.container import SystemClock, build_transport
from frontdesk.core.event import Event, MessageReceived, StatusChanged
from frontdesk.core.message import (
    Button,
    Buttons,
    Choice,
    Content,
    LinkButton,
    ListMenu,
    Location,
    Media,
    MessageStatus,
    Reaction,
    Row,
    Section,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
)
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import (
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    ProviderFailure,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk.testing.process import Customers, account, emulated, free_port, serving
from frontdesk_plugins.msg91 import Msg91, Options
from frontdesk_plugins.msg91.template import body_template
from plugins.msg91.support import outgoing

pytestmark = pytest.mark.anyio

PHONE = "15550100045"


class World:
    """The emulator, the channel, and the events of all that was told."""

    def __init__(self, customers: Customers, channel: Msg91) -> None:
        self.customers = customers
        self.channel = channel
        self.events: list[Event] = []

    async def take(self, request: Request) -> Response:
        """The service's side of the webhook."""
        received = self.channel.receive(
            WebhookRequest(
                method=request.method,
                query=dict(request.query_params),
                headers=dict(request.headers),
                body=await request.body(),
                received_at=datetime.now(UTC),  # noqa: TID251 -- a real server's clock
                part=request.path_params.get("part", ""),
            )
        )
        assert not received.notices, received.notices
        self.events += received.events
        return Response()

    async def says(self, **utterance: object) -> MessageReceived:
        """A customer writes; the event that the channel makes of it."""
        url = f"/_emulator/contacts/{PHONE}/messages?wait=1"
        (await self.customers.http.post(url, json=utterance)).raise_for_status()
        event = self.events[-1]
        assert isinstance(event, MessageReceived)
        return event

    def statuses(self, reference: str) -> list[MessageStatus]:
        return [one.status for one in self.events if isinstance(one, StatusChanged) and one.reference == reference]

    async def until(self, reference: str, status: MessageStatus) -> None:
        async with asyncio.timeout(5):
            while status not in self.statuses(reference):  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.01)


def section(options: EmulatorOptions, **changes: Any) -> Options:
    known: dict[str, Any] = {
        "integrated_number": options.display_phone_number,
        "base_url": f"{options.public_url}/api/v5",
        "authkey": Secret(options.authkey),
        "webhook_secret": Secret(options.webhook_secret),
        "poll_logs": "inbound",
    }
    return Options(**{**known, **changes})


@asynccontextmanager
async def open_world(changes: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[World]:
    port, service_port = free_port(), free_port()
    templates = {"inbound_template": body_template("inbound"), "status_template": body_template("status")}
    quick = {"sent_after_seconds": 0.005, "delivered_after_seconds": 0.01, "read_after_seconds": 0.015}
    given = account(port, service_port, **{"vendor": "msg91", "reads": "auto", **quick, **templates, **options})
    transport = build_transport()
    tools = Tools(
        http=httpx.AsyncClient(transport=transport), transport=transport, clock=SystemClock(), data_dir=Path()
    )
    async with emulated(given, port) as customers, tools.http:
        world = World(customers, Msg91("main", section(given, **(changes or {})), tools))
        app = Starlette(routes=[Route("/webhooks/main/{part}", world.take, methods=["POST"])])
        async with serving(app, service_port):
            yield world


def to_phone(content: Content, reference: str = "effect-1.0") -> OutgoingMessage:
    return outgoing(content, reference=reference)


WORDS = TemplateParameter(text="Asha")
SENT: tuple[Content, ...] = (
    Text(body='He said "hi"\nto me 👩‍🌾'),
    Media(kind="image", link="https://files.example.org/a.png", caption="c"),
    Media(kind="document", link="https://files.example.org/a.pdf", filename="a.pdf"),
    Media(kind="audio", link="https://files.example.org/a.mp3"),
    Media(kind="video", link="https://files.example.org/a.mp4"),
    Buttons(body="Well?", buttons=(Button(id="yes", title="Yes"),)),
    ListMenu(body="Which?", button="Show", sections=(Section(rows=(Row(id="a", title="A"),)),)),
    LinkButton(body="Track", label="Here", url="https://track.example.org/1"),
    Location(latitude=12.97, longitude=77.59, name="Office"),
    Template(name="follow_up", language="en", parts=(TemplatePart(part="body", parameters=(WORDS,)),)),
)


@pytest.mark.parametrize(("style", "transport"), [("attachment_url", "json"), ("nested", "query"), ("payload", "json")])
async def test_all_that_it_sends_is_taken_and_comes_back_as_read(style: str, transport: str) -> None:
    async with open_world({"media_style": style, "text_transport": transport}) as world:
        await world.says(type="text", text="hi")
        for number, content in enumerate(SENT):
            reference = f"effect-{number}.0"
            sent = await world.channel.send(to_phone(content, reference))
            await world.until(reference, MessageStatus.READ)
            ids = {one.provider_message_id for one in world.events if isinstance(one, StatusChanged)}
            assert sent.provider_message_id in ids
        ledger = await world.customers.ledger()
        assert [entry["reference"] for entry in ledger] == [f"effect-{number}.0" for number in range(len(SENT))]


@pytest.mark.parametrize("escapes", [True, False])
async def test_all_that_customers_do_comes_in(escapes: bool) -> None:
    """Without escaping, JSON inside JSON breaks; a template without those fields is what an operator has then."""
    names = ("customerNumber", "uuid", "contentType", "text", "url", "caption", "direction", "ts")
    bare = json.dumps({name: f"{{{{{name}}}}}" for name in names})
    templates: dict[str, Any] = {} if escapes else {"inbound_template": bare}
    async with open_world(msg91_escapes=escapes, **templates) as world:
        said = await world.says(type="text", text="नमस्ते 👩‍🌾\nwell")
        assert said.content == Text(body="नमस्ते 👩‍🌾\nwell")
        assert said.contact.addresses[0].value == PHONE
        picture = await world.says(type="image", content="aGVsbG8=", caption="broken box", mime_type="image/png")
        assert isinstance(picture.content, Media)
        assert (picture.content.kind, picture.content.caption) == ("image", "broken box")
        assert (await world.channel.fetch(picture.content)).body == b"hello"


async def test_taps_places_and_reactions_come_in_whole() -> None:
    async with open_world() as world:
        assert (await world.says(type="text", text='say "hi" \\ bye')).content == Text(body='say "hi" \\ bye')
        tapped = await world.says(type="button_reply", id="yes", title="Yes")
        assert tapped.content == Choice(id="yes", title="Yes")
        picked = await world.says(type="list_reply", id="a", title="A", description="d")
        assert picked.content == Choice(id="a", title="A", kind="list", description="d")
        replied = await world.says(type="template_reply", id="go", title="Go")
        assert replied.content == Choice(id="go", title="Go", kind="template_button")
        placed = await world.says(type="location", latitude=12.5, longitude=77.5)
        assert placed.content == Location(latitude=12.5, longitude=77.5)
        felt = await world.says(type="reaction", reply_to="wamid.X", emoji="👍")
        assert felt.content == Reaction(provider_message_id="wamid.X", emoji="👍")
        quoting = await world.says(type="text", text="that one", reply_to="wamid.X")
        assert quoting.in_reply_to == "wamid.X"


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"kind": "refuse"}, OutcomeUnknown),
        ({"kind": "http_5xx"}, OutcomeUnknown),
        ({"kind": "accept_then_drop"}, OutcomeUnknown),
        ({"kind": "accept_then_hang", "value": 3}, OutcomeUnknown),
        ({"kind": "error", "value": 131056}, TemporaryFailure),
        ({"kind": "error", "value": 131026}, PermanentFailure),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else value.__name__,
)
async def test_trouble_is_one_of_the_three_failures(rule: dict[str, Any], kind: type[ProviderFailure]) -> None:
    async with open_world({"timeout_seconds": 0.5}) as world:
        await world.says(type="text", text="hi")
        await world.customers.break_({"on": "send", **rule})
        with pytest.raises(kind):
            await world.channel.send(to_phone(Text(body="hello")))


async def test_a_vendor_that_is_away_is_tried_again() -> None:
    async with open_world({"base_url": f"http://127.0.0.1:{free_port()}/api/v5"}) as world:
        with pytest.raises(TemporaryFailure):
            await world.channel.send(to_phone(Text(body="hello")))


@pytest.mark.parametrize("returns", [True, False])
async def test_a_send_whose_answer_was_lost_is_found_in_the_log(returns: bool) -> None:
    async with open_world(msg91_returns_reference=returns) as world:
        await world.says(type="text", text="hi")
        await world.customers.break_({"on": "send", "kind": "accept_then_drop", "count": 1})
        before = datetime.now(UTC)  # noqa: TID251 -- a real server's clock
        message = to_phone(Text(body="hello"))
        with pytest.raises(OutcomeUnknown):
            await world.channel.send(message)
        async with asyncio.timeout(5):
            while not (found := await world.channel.look_up(message, before)).events:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)
        (status,) = found.events
        assert isinstance(status, StatusChanged)
        assert status.reference == message.reference
        if returns:
            await world.until(message.reference, MessageStatus.READ)


async def test_what_webhooks_lost_is_in_the_log_with_the_same_ids() -> None:
    async with open_world() as world:
        said = await world.says(type="text", text="hi")
        await world.channel.send(to_phone(Text(body="hello")))
        await world.until("effect-1.0", MessageStatus.READ)
        polled = (await world.channel.poll()).events
        assert said.id in {event.id for event in polled}
        read = next(one for one in world.events if isinstance(one, StatusChanged) and one.status is MessageStatus.READ)
        assert read.id in {event.id for event in polled}


@pytest.mark.parametrize("word", ["failed", "hold"])
async def test_a_failure_is_one_however_it_is_called(word: str) -> None:
    async with open_world(msg91_failures=word) as world:
        await world.channel.send(to_phone(Text(body="outside the window")))
        await world.until("effect-1.0", MessageStatus.FAILED)
        status = world.events[-1]
        assert isinstance(status, StatusChanged)
        assert status.errors[0].code == "131047"
