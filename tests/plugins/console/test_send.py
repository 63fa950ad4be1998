"""What reaches the terminal of each kind of message, and what the configuration may say."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.core.capabilities import EVERYTHING
from frontdesk.core.event import Address
from frontdesk.core.message import (
    Button,
    Buttons,
    ContactCard,
    ContactCards,
    ContactInfoRequest,
    Content,
    Form,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Reaction,
    Row,
    Section,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
)
from frontdesk.plugin import ConfigError, Providers, Secret
from frontdesk.ports import OutcomeUnknown, PermanentFailure, TemporaryFailure
from frontdesk_plugins.console import register
from plugins.console.support import channel, outgoing, signature

pytestmark = pytest.mark.anyio

LINK = "https://shop.example.com/boots.jpg"
ROWS = (Row(id="r1", title="Order status", description="Where is my parcel?"), Row(id="r2", title="Complaint"))


def option(known: str, title: str, description: str = "") -> dict[str, str]:
    return {"id": known, "title": title, "description": description}


SHOWN: dict[str, tuple[Content, str, list[dict[str, str]]]] = {
    "text": (Text(body="Hello *you*"), "Hello *you*", []),
    "buttons": (
        Buttons(body="Help?", header="Top", footer="End", buttons=(Button(id="b1", title="Yes"),)),
        "Top\n\nHelp?\n\nEnd",
        [option("b1", "Yes")],
    ),
    "list_menu": (
        ListMenu(
            body="What?", button="Topics", sections=(Section(rows=ROWS), Section(title="More", rows=(ROWS[0],)))
        ),
        "What?",
        [
            option("r1", "Order status", "Where is my parcel?"),
            option("r2", "Complaint"),
            option("r1", "Order status", "More, Where is my parcel?"),
        ],
    ),
    "link_button": (
        LinkButton(body="Track it", label="Open", url="https://track.example.com/1", footer="End"),
        "Track it\n\nOpen: https://track.example.com/1\n\nEnd",
        [],
    ),
    "location_request": (
        LocationRequest(body="Where are you?"),
        "Where are you?\n\n(asks for your place: write /at LATITUDE LONGITUDE)",
        [],
    ),
    "location": (Location(latitude=12.5, longitude=-77.5, name="Shop"), "Shop, 12.5, -77.5", []),
    "contact_cards": (
        ContactCards(cards=(ContactCard(formatted_name="Asha Rao", phones=("+15550100045",)),)),
        "Asha Rao, +15550100045",
        [],
    ),
    **{
        kind: (Media(kind=kind, link=LINK, caption="Boots"), f"Boots\n\n({kind}) {LINK}", [])
        for kind in ("image", "video", "audio", "sticker")
    },
    "document": (Media(kind="document", link=LINK, filename="bill.pdf"), f"(document bill.pdf) {LINK}", []),
    "template": (
        Template(
            name="order_update",
            language="en",
            parts=(
                TemplatePart(part="header", parameters=(TemplateParameter(media=Media(kind="image", link=LINK)),)),
                TemplatePart(part="body", parameters=(TemplateParameter(text="A1001"),)),
                TemplatePart(part="button", button="quick_reply", parameters=(TemplateParameter(payload="stop"),)),
            ),
        ),
        f"(template order_update, en)\n(image) {LINK}\nA1001",
        [option("stop", "stop")],
    ),
}  # fmt: skip


class Screen:
    """A terminal that keeps what it is given."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.answer = answer or httpx.Response(200, json={"id": "console-effect-1.0"})
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer


@pytest.mark.parametrize("kind", SHOWN)
async def test_each_kind_is_text_and_options(kind: str) -> None:
    content, text, options = SHOWN[kind]
    screen = Screen()
    sent = await channel(screen).send(outgoing(content))
    (request,) = screen.requests
    assert sent.provider_message_id == "console-effect-1.0"
    assert (request.method, str(request.url)) == ("POST", "http://127.0.0.1:8092")
    assert request.headers["x-frontdesk-signature"] == signature(request.content)
    shown: Any = msgspec.json.decode(request.content)
    assert shown == {"to": "15550100777", "text": text, "reference": "effect-1.0", "options": options}


def offered() -> Any:
    providers = Providers()
    register(providers)
    return providers.channels["console"]


def test_what_is_declared_is_what_is_shown() -> None:
    assert offered().capabilities.sends == set(SHOWN)
    assert {"contact_info_request", "form", "reaction"} == EVERYTHING - set(SHOWN)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (Form(body="Fill in", label="Open", form_id="7"), "unsupported_content"),
        (ContactInfoRequest(body="Your number?"), "unsupported_content"),
        (Reaction(provider_message_id="line-1", emoji="👍"), "unsupported_content"),
        (Media(kind="image", media_id="7"), "media_missing"),
    ],
)
async def test_what_a_terminal_cannot_show_is_refused_before_it_leaves(content: Content, code: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        await channel().send(outgoing(content))
    assert failure.value.code == code


async def test_a_contact_is_known_by_number() -> None:
    screen = Screen()
    known = Address("scoped_id", "US.1"), Address("phone", "15550100045")
    await channel(screen).send(outgoing(Text(body="hi"), *known))
    assert msgspec.json.decode(screen.requests[0].content)["to"] == "15550100045"
    with pytest.raises(PermanentFailure, match="no phone number"):
        await channel().send(outgoing(Text(body="hi"), known[0]))


async def test_a_terminal_with_another_secret_pauses_the_channel_until_it_is_mended() -> None:
    with pytest.raises(TemporaryFailure, match="another secret") as failure:
        await channel(Screen(httpx.Response(401))).send(outgoing(Text(body="hi")))
    assert failure.value.concerns == "account"


async def test_whatever_else_answers_leaves_the_outcome_open() -> None:
    with pytest.raises(OutcomeUnknown, match="something other than a terminal"):
        await channel(Screen(httpx.Response(200, html="<html>Welcome</html>"))).send(outgoing(Text(body="hi")))


async def test_there_are_no_files() -> None:
    with pytest.raises(PermanentFailure, match="no images"):
        await channel().fetch(Media(kind="image", media_id="7"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"secret": Secret("fifteen letters")}, "[channels.main] secret has less than 16"),
        ({"url": "http://desk.example.com:8092"}, "use https, or http on 127.0.0.1"),
        ({"url": "no address"}, "[channels.main] url: 'no address'"),
    ],
)
def test_options_that_cannot_work_are_a_sentence(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        channel(**changes)
    assert says in str(error.value)


@pytest.mark.parametrize("url", ["https://desk.example.com/shown", "http://localhost:9", "http://[::1]:9"])
def test_places_that_may_see_messages(url: str) -> None:
    channel(url=url)
