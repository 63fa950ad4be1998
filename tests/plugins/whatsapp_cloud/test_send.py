"""Every content becomes the request that Meta documents, or a sentence that says why it cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from frontdesk.core.event import Address
from frontdesk.core.message import (
    Button,
    Buttons,
    CallPermission,
    Choice,
    ContactCard,
    ContactCards,
    ContactInfoRequest,
    Content,
    Form,
    FormAnswer,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Order,
    Reaction,
    Row,
    Section,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
    Unsupported,
)
from frontdesk.ports import MarksRead, OutcomeUnknown, OutgoingMessage, PermanentFailure, Sent
from plugins.whatsapp_cloud.support import OUR_NUMBER, PHONE, Meta, channel, load, outgoing

WAMID = "wamid.HBgLMTU1NTAxMDA3NzcVAgASGBQzQTQ2ODNCRERBREVGOTNGNTZDMwA="
SCOPED = Address("scoped_id", "GB.71820000000000000002")
GROUP = Address("group", "Y2FwaV9ncm91cDoxNTU1MDEwMDIwMDoxMjAzNjMwMDAwMDAwMDAwMDEZD")


def text(value: str, name: str | None = None) -> TemplateParameter:
    return TemplateParameter(text=value, name=name)


SENDS: dict[str, OutgoingMessage] = {
    "send_text.json": outgoing(Text(body="We are looking into it."), reference="v1|outbox=019a-5b1c"),
    "send_text_preview_url.json": outgoing(Text(body="Track here: https://example.com/t/8812", shows_preview=True)),
    "send_text_reply.json": outgoing(Text(body="About this one:"), in_reply_to=WAMID),
    "send_text_to_bsuid.json": outgoing(Text(body="Hello"), SCOPED),
    "send_text_group.json": outgoing(Text(body="Hello all"), GROUP),
    "send_image_id.json": outgoing(Media(kind="image", media_id="1420000000000001", caption="Replacement part")),
    "send_image_link.json": outgoing(
        Media(kind="image", link="https://files.example.com/part.jpg", caption="Replacement part")
    ),
    "send_document_id.json": outgoing(
        Media(kind="document", media_id="1420000000000002", caption="Invoice", filename="invoice-8812.pdf")
    ),
    "send_audio.json": outgoing(Media(kind="audio", link="https://files.example.com/a.mp3")),
    "send_audio_voice.json": outgoing(Media(kind="audio", media_id="1420000000000003", is_voice=True)),
    "send_video.json": outgoing(Media(kind="video", media_id="1420000000000004", caption="How to mount it")),
    "send_sticker.json": outgoing(Media(kind="sticker", media_id="1420000000000005")),
    "send_location.json": outgoing(
        Location(latitude=52.2297, longitude=21.0122, name="Example Shop", address="1 Invented Way")
    ),
    "send_contacts.json": outgoing(
        ContactCards(
            cards=(
                ContactCard(
                    formatted_name="Example Support",
                    first_name="Example",
                    phones=("+15550100200",),
                    emails=("help@example.com",),
                ),
            )
        )
    ),
    "send_reaction.json": outgoing(Reaction(provider_message_id=WAMID, emoji="✅"), in_reply_to="wamid.other"),
    "send_reaction_remove.json": outgoing(Reaction(provider_message_id=WAMID)),
    "send_interactive_buttons.json": outgoing(
        Buttons(
            body="Is your problem solved?",
            header="Ticket 8812",
            footer="Example Support",
            buttons=(
                Button(id="ticket:close:yes", title="Yes, solved"),
                Button(id="ticket:close:no", title="No"),
                Button(id="ticket:human", title="Talk to a human"),
            ),
        )
    ),
    "send_interactive_list.json": outgoing(
        ListMenu(
            body="What is it about?",
            button="Choose topic",
            header="Topics",
            footer="Pick one",
            sections=(
                Section(
                    title="Orders",
                    rows=(
                        Row(id="topic:delivery", title="Delivery", description="Where is my parcel"),
                        Row(id="topic:return", title="Return"),
                    ),
                ),
                Section(
                    title="Money",
                    rows=(Row(id="topic:billing", title="Billing", description="Invoices and refunds"),),
                ),
            ),
        )
    ),
    "send_interactive_cta_url.json": outgoing(
        LinkButton(
            body="Open your ticket",
            label="Open ticket",
            url="https://example.com/t/8812",
            header="Ticket 8812",
            footer="Example Support",
        )
    ),
    "send_interactive_location_request.json": outgoing(LocationRequest(body="Where are you?")),
    "send_interactive_request_contact_info.json": outgoing(
        ContactInfoRequest(body="Please share your phone number"), SCOPED
    ),
    "send_interactive_flow.json": outgoing(
        Form(
            body="How did we do?",
            label="Rate us",
            form_id="6600000000000001",
            token="ticket-8812",
            first_screen="RATE",
            data={"ticket": "8812"},
            header="Feedback",
            footer="2 questions",
        )
    ),
    "send_template_no_params.json": outgoing(Template(name="hello_world", language="en_US")),
    "send_template_named.json": outgoing(
        Template(
            name="ticket_reopened",
            language="en",
            parts=(TemplatePart(part="body", parameters=(text("Mira", "customer_name"), text("8812", "ticket"))),),
        )
    ),
    "send_template_positional.json": outgoing(
        Template(
            name="order_update",
            language="en_US",
            parts=(
                TemplatePart(
                    part="header",
                    parameters=(TemplateParameter(media=Media(kind="image", media_id="1420000000000001")),),
                ),
                TemplatePart(part="body", parameters=(text("Mira"), text("8812"))),
                TemplatePart(
                    part="button",
                    button="quick_reply",
                    index=0,
                    parameters=(TemplateParameter(payload="order:8812:cancel"),),
                ),
                TemplatePart(part="button", button="url", index=1, parameters=(text("8812"),)),
            ),
        )
    ),
}
CALLS = ("send_mark_read.json", "send_typing_indicator.json")
NOT_USED = ("send_text_identity_hash.json",)
"""The identity check is a setting of an account's that this provider does not offer."""

ACCEPTED = (
    "response_send_ok.json",
    "response_send_ok_bsuid.json",
    "response_send_ok_group.json",
    "response_send_ok_template.json",
    "response_send_ok_template_held.json",
    "response_send_ok_wa_id_differs.json",
)


def documented(name: str) -> Any:
    """The example, with what we always add and without what says nothing."""
    body = load(name)
    body.setdefault("biz_opaque_callback_data", "effect-1")
    if body.get("text", {}).get("preview_url") is False:
        del body["text"]["preview_url"]
    if name == "send_interactive_cta_url.json":  # the example's header is an image; ours are words
        body["interactive"]["header"] = {"type": "text", "text": "Ticket 8812"}
    return body


@pytest.mark.parametrize("name", SENDS)
def test_a_content_becomes_the_documented_request(name: str) -> None:
    meta = Meta()
    sent = asyncio.run(channel(meta).send(SENDS[name]))
    assert sent == Sent(provider_message_id="wamid.NEW")
    assert meta.asked == documented(name)


def test_a_request_carries_the_token_and_little_else() -> None:
    meta = Meta()
    asyncio.run(channel(meta, graph_version="v25.0").send(outgoing(Text(body="hi"))))
    (request,) = meta.requests
    assert str(request.url) == f"https://graph.facebook.com/v25.0/{OUR_NUMBER}/messages"
    assert request.headers["authorization"] == "Bearer EAAtoken"
    assert set(request.headers) == {"host", "authorization", "content-type", "user-agent", "content-length"}
    assert request.extensions["timeout"] == {"read": 20.0}


def test_a_number_is_preferred_and_never_goes_with_an_id() -> None:
    meta = Meta()
    asyncio.run(channel(meta).send(outgoing(Text(body="hi"), SCOPED, PHONE)))
    assert meta.asked["to"] == "+15550100777"
    assert "recipient" not in meta.asked


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_message_is_known_by_its_id(name: str) -> None:
    body = load(name)
    sent = asyncio.run(channel(Meta(body)).send(outgoing(Text(body="hi"))))
    assert sent.provider_message_id == body["messages"][0]["id"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>ok</html>", {"messages": []}, {"messages": [{}]}, {"messages": [{"id": ""}]}]
)
def test_200_without_an_id_is_unknown(body: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        asyncio.run(channel(Meta(body)).send(outgoing(Text(body="hi"))))


@pytest.mark.parametrize(("name", "is_typing"), list(zip(CALLS, (False, True), strict=True)))
def test_a_message_is_marked_as_read(name: str, is_typing: bool) -> None:
    meta = Meta(load("response_success_true.json"))
    provider = channel(meta)
    assert isinstance(provider, MarksRead)
    asyncio.run(provider.mark_read(WAMID, is_typing=is_typing))
    assert meta.asked == load(name)


@pytest.mark.parametrize(
    "content",
    [
        Choice(id="1", title="one"),
        FormAnswer(name="flow", answers="{}"),
        Order(catalog_id="1", items=()),
        CallPermission(is_granted=True),
        Unsupported(kind="poll"),
    ],
    ids=lambda content: type(content).__name__,
)
def test_what_only_contacts_can_say_is_refused(content: Content) -> None:
    with pytest.raises(PermanentFailure) as failure:
        asyncio.run(channel().send(outgoing(content)))
    assert failure.value.code == "unsupported_content"


def buttons(*titles: str, body: str = "?") -> Buttons:
    return Buttons(body=body, buttons=tuple(Button(id=f"b{place}", title=title) for place, title in enumerate(titles)))


def menu(*rows: Row, sections: int = 1, title: str | None = "T") -> ListMenu:
    whole = tuple(Section(title=title, rows=rows) for _ in range(sections))
    return ListMenu(body="?", button="Choose", sections=whole)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (Text(body="x" * 4097), "4096"),
        (Text(body=" \n"), "empty"),
        (Media(kind="image"), "neither"),
        (Media(kind="image", link="file:///etc/passwd"), "https"),
        (Media(kind="image", media_id="1", caption="x" * 1025), "1024"),
        (Location(latitude=91, longitude=0), "on earth"),
        (Location(latitude=float("nan"), longitude=0), "on earth"),
        (ContactCards(cards=()), "name"),
        (ContactCards(cards=(ContactCard(),)), "name"),
        (buttons(), "1 to 3"),
        (buttons("a", "b", "c", "d"), "1 to 3"),
        (buttons("a" * 21), "20"),
        (buttons("a", "a"), "differ"),
        (buttons(""), "empty"),
        (buttons("a", body="x" * 1025), "1024"),
        (Buttons(body="?", buttons=(Button(id="1", title="a"), Button(id="1", title="b"))), "differ"),
        (Buttons(body="?", buttons=(Button(id="1" * 257, title="a"),)), "256"),
        (Buttons(body="?", header="x" * 61, buttons=(Button(id="1", title="a"),)), "60"),
        (Buttons(body="?", footer="x" * 61, buttons=(Button(id="1", title="a"),)), "60"),
        (menu(), "1 to 10"),
        (menu(*(Row(id=str(place), title="t") for place in range(11))), "1 to 10"),
        (menu(Row(id="1", title="t"), Row(id="1", title="u")), "differ"),
        (menu(Row(id="1", title="t" * 25)), "24"),
        (menu(Row(id="1", title="t", description="d" * 73)), "72"),
        (menu(Row(id="1" * 201, title="t")), "200"),
        (menu(Row(id="1", title="t"), title="t" * 25), "24"),
        (menu(Row(id="1", title="t"), sections=2, title=None), "empty"),
        (menu(sections=11), "1 to 10"),
        (LinkButton(body="?", label="x" * 21, url="https://example.com"), "20"),
        (LinkButton(body="?", label="x", url="javascript:alert(1)"), "https"),
        (Form(body="?", label="x" * 31, form_id="1"), "30"),
        (Template(name="t", language="en", parts=(TemplatePart(part="body", parameters=(text(" "),)),)), "empty"),
    ],
)
def test_what_meta_would_refuse_never_leaves(content: Content, says: str) -> None:
    with pytest.raises(PermanentFailure, match=says):
        asyncio.run(channel().send(outgoing(content)))


@pytest.mark.parametrize(
    "content",
    [Text(body="x" * 4096), buttons("a" * 20, "b", "c"), menu(*(Row(id=str(n), title="t" * 24) for n in range(10)))],
)
def test_the_limits_themselves_are_allowed(content: Content) -> None:
    assert asyncio.run(channel(Meta()).send(outgoing(content))).provider_message_id == "wamid.NEW"


def test_a_contact_without_an_address_is_refused() -> None:
    message = OutgoingMessage(reference="effect-1", to=(), content=Text(body="hi"))
    with pytest.raises(PermanentFailure) as failure:
        asyncio.run(channel().send(message))
    assert failure.value.code == "no_address"


def test_a_template_value_is_one_line() -> None:
    meta = Meta()
    parts = (TemplatePart(part="body", parameters=(text("1 Way\n\tTown     Land"),)),)
    asyncio.run(channel(meta).send(outgoing(Template(name="t", language="en", parts=parts))))
    assert meta.asked["template"]["components"][0]["parameters"] == [{"type": "text", "text": "1 Way Town Land"}]


def test_a_card_always_has_two_names() -> None:
    meta = Meta()
    asyncio.run(channel(meta).send(outgoing(ContactCards(cards=(ContactCard(formatted_name="Shop"),)))))
    assert meta.asked["contacts"] == [{"name": {"formatted_name": "Shop", "first_name": "Shop"}}]
