"""Every content becomes the request that MSG91 is reported to take, or a sentence that says why it cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.core.event import Address
from frontdesk.core.message import (
    Button,
    Buttons,
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
from frontdesk.ports import OutcomeUnknown, OutgoingMessage, PermanentFailure, Sent
from frontdesk_plugins.msg91 import CAPABILITIES
from plugins.msg91.support import REQUEST_ID, TAKEN, Vendor, channel, load, outgoing

INVOICE = "https://files.example.org/a/invoice-4471.pdf"


def words(text: str) -> TemplateParameter:
    return TemplateParameter(text=text)


SENDS: dict[str, tuple[OutgoingMessage, dict[str, Any]]] = {
    "req_session_text_json.json": (outgoing(Text(body="Your order 4471 ships tomorrow.")), {}),
    "req_session_text_query.json": (
        outgoing(Text(body="Your order 4471 ships tomorrow.")),
        {"text_transport": "query"},
    ),
    "req_session_image.json": (
        outgoing(
            Media(kind="image", link="https://files.example.org/a/receipt-4471.jpg", caption="Receipt for order 4471")
        ),
        {},
    ),
    "req_session_document.json": (
        outgoing(Media(kind="document", link=INVOICE, caption="Invoice", filename="invoice-4471.pdf")),
        {},
    ),
    "req_session_media_alternate_nested.json": (
        outgoing(Media(kind="document", link=INVOICE, caption="Invoice", filename="invoice-4471.pdf")),
        {"media_style": "nested"},
    ),
    "req_session_buttons.json": (
        outgoing(
            Buttons(
                body="Did this solve your problem?",
                footer="Acme support",
                buttons=(
                    Button(id="csat:yes:T-318", title="Yes, thanks"),
                    Button(id="csat:no:T-318", title="No, need help"),
                ),
            )
        ),
        {},
    ),
    "req_session_list.json": (
        outgoing(
            ListMenu(
                header="Acme support",
                body="What do you need?",
                footer="Pick one",
                button="Show options",
                sections=(
                    Section(
                        title="Topics",
                        rows=(
                            Row(id="topic:billing", title="Billing", description="Invoices and refunds"),
                            Row(id="topic:delivery", title="Delivery", description="Where is my parcel"),
                        ),
                    ),
                ),
            )
        ),
        {},
    ),
    "req_session_cta_url.json": (
        outgoing(LinkButton(body="Track your parcel here.", label="Track", url="https://track.example.org/4471")),
        {},
    ),
    "req_template_bulk.json": (
        outgoing(
            Template(
                name="ticket_update_v2",
                language="en",
                parts=(
                    TemplatePart(
                        part="header",
                        parameters=(
                            TemplateParameter(media=Media(kind="document", link=INVOICE, filename="invoice-4471.pdf")),
                        ),
                    ),
                    TemplatePart(part="body", parameters=(words("Asha"), words("T-318"))),
                    TemplatePart(part="button", button="url", index=0, parameters=(words("T-318"),)),
                ),
            ),
            reference="01JD3Z8QW5-ticket-318",
        ),
        {"template_namespace": "aaaa1111_bbbb_2222_cccc_333344445555"},
    ),
    "req_template_otp.json": (
        outgoing(
            Template(
                name="login_code",
                language="en_US",
                parts=(
                    TemplatePart(part="body", parameters=(words("402913"),)),
                    TemplatePart(part="button", button="url", index=0, parameters=(words("402913"),)),
                ),
            )
        ),
        {},
    ),
}


def sent(message: OutgoingMessage, vendor: Vendor | None = None, **changes: Any) -> tuple[Sent, Vendor]:
    vendor = vendor or Vendor()
    return asyncio.run(channel(vendor, **changes).send(message)), vendor


@pytest.mark.parametrize("name", SENDS)
def test_a_message_becomes_the_documented_request(name: str) -> None:
    message, changes = SENDS[name]
    example = load(name)
    known, vendor = sent(message, session_reference=False, **changes)
    assert known.provider_message_id == REQUEST_ID
    (request,) = vendor.requests
    if example["body"] is None:
        assert dict(request.url.params) == example["query"]
        assert request.content == b""
    else:
        found = msgspec.json.decode(request.content)
        expected = example["body"]
        if "payload" in expected:
            expected["CRQID"] = message.reference
        assert found == expected
        assert request.headers["content-type"] == "application/json"
    is_template = isinstance(message.content, Template)
    assert request.url.path == f"/api/v5/whatsapp/whatsapp-outbound-message/{'bulk/' if is_template else ''}"
    assert request.headers["authkey"] == "the-authkey"


@pytest.mark.parametrize("transport", ["json", "query"])
def test_our_reference_goes_with_free_form_messages_unless_switched_off(transport: str) -> None:
    for wants, reference in ((True, "effect-1.0"), (False, None)):
        _, vendor = sent(outgoing(Text(body="hi")), text_transport=transport, session_reference=wants)
        (request,) = vendor.requests
        body = dict(request.url.params) if transport == "query" else msgspec.json.decode(request.content)
        assert body.get("CRQID") == reference


def test_a_long_text_does_not_go_into_an_address() -> None:
    _, vendor = sent(outgoing(Text(body="न" * 4_096)), text_transport="query")
    assert vendor.asked["text"] == "न" * 4_096
    assert not vendor.requests[0].url.query


@pytest.mark.parametrize("first", ["json", "query"])
@pytest.mark.parametrize("field", ["recipient_number", "text"])
def test_where_one_way_of_texts_is_not_read_the_other_is_tried_once_and_kept(first: str, field: str) -> None:
    refusal = load("resp_err_missing_field.json")["body"] | {"errors": f"{field} not found in request"}
    vendor = Vendor(refusal, TAKEN)

    async def both() -> list[Sent]:
        one = channel(vendor, text_transport=first)
        return [await one.send(outgoing(Text(body=text))) for text in ("first", "second")]

    assert [one.provider_message_id for one in asyncio.run(both())] == [REQUEST_ID] * 2
    ways = ["query" if request.url.query else "json" for request in vendor.requests]
    other = {"json": "query", "query": "json"}[first]
    assert ways == [first, other, other]
    with pytest.raises(PermanentFailure):
        sent(outgoing(Text(body="hi")), Vendor(refusal))
    with pytest.raises(PermanentFailure):
        sent(outgoing(Media(kind="image", link=INVOICE)), Vendor(refusal))


def test_the_third_spelling_of_files() -> None:
    _, vendor = sent(outgoing(Media(kind="image", link=INVOICE, caption="c")), media_style="payload")
    assert vendor.asked["payload"] == {"type": "image", "image": {"link": INVOICE, "caption": "c"}}


def test_a_place_goes_as_one_program_sends_it() -> None:
    _, vendor = sent(outgoing(Location(latitude=12.97, longitude=77.59, name="Office")))
    place = {"latitude": 12.97, "longitude": 77.59, "name": "Office"}
    assert vendor.asked["payload"] == {"type": "location", "location": place}


def test_the_values_of_a_template_are_one_line() -> None:
    parts = (
        TemplatePart(part="body", parameters=(words("two\nlines\tand    gaps"),)),
        TemplatePart(part="button", button="quick_reply", index=1, parameters=(TemplateParameter(payload="go on"),)),
    )
    _, vendor = sent(outgoing(Template(name="t", language="en", parts=parts)))
    (one,) = vendor.asked["payload"]["template"]["to_and_components"]
    assert one == {
        "to": ["15550100045"],
        "components": {
            "body_1": {"type": "text", "value": "two lines and gaps"},
            "button_2": {"subtype": "quick_reply", "type": "payload", "value": "go on"},
        },
    }
    assert "namespace" not in vendor.asked["payload"]["template"]


def test_what_is_quoted_is_left_out() -> None:
    _, vendor = sent(outgoing(Text(body="About this one:"), in_reply_to="wamid.X"))
    assert "wamid.X" not in vendor.requests[0].content.decode()


@pytest.mark.parametrize(
    "content",
    [
        Reaction(provider_message_id="wamid.X", emoji="👍"),
        LocationRequest(body="Where?"),
        ContactInfoRequest(body="Who?"),
        Form(body="b", label="l", form_id="1"),
        Media(kind="sticker", link=INVOICE),
    ],
    ids=lambda content: type(content).__name__,
)
def test_what_msg91_cannot_send_is_a_sentence(content: Content) -> None:
    with pytest.raises(PermanentFailure, match="MSG91 cannot send"):
        asyncio.run(channel().send(outgoing(content)))
    assert "can be sent by it" in CAPABILITIES.obstacle(content, outgoing(content).to)


def test_what_it_cannot_send_is_what_it_declares() -> None:
    refused = {"reaction", "location_request", "contact_info_request", "form", "sticker", "contact_cards"}
    assert not CAPABILITIES.sends & refused
    assert {"text", "template", "buttons", "list_menu", "location"} <= CAPABILITIES.sends
    assert CAPABILITIES.shows_buttons


@pytest.mark.parametrize("name", sorted(SENDS))
def test_what_it_can_send_could_have_been_meant_for_another_channel(name: str) -> None:
    message, _ = SENDS[name]
    assert CAPABILITIES.obstacle(message.content, message.to) == ""


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (outgoing(Text(body="hi"), Address("scoped_id", "IN.1")), "no_address"),
        (outgoing(Media(kind="image", media_id="1")), "media_missing"),
        (
            outgoing(
                Template(
                    name="t",
                    language="en",
                    parts=(
                        TemplatePart(
                            part="header", parameters=(TemplateParameter(media=Media(kind="image", media_id="1")),)
                        ),
                    ),
                )
            ),
            "media_missing",
        ),
        (outgoing(Text(body="x" * 4_097)), "over_limit"),
    ],
)
def test_what_cannot_leave_is_refused_before_it_does(message: OutgoingMessage, code: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        asyncio.run(channel().send(message))
    assert failure.value.code == code


@pytest.mark.parametrize("answer", load("resp_ok_session_variants.json")["variants"], ids=range(5))
def test_an_id_is_found_wherever_it_is(answer: dict[str, Any]) -> None:
    known, _ = sent(outgoing(Text(body="hi")), Vendor(answer))
    assert known.provider_message_id in msgspec.json.encode(answer).decode()
    assert known.provider_message_id != "effect-1.0"


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ({"request_id": "a", "requestId": "b"}, "a"),
        ({"requestId": "b", "data": {"request_id": "c"}}, "b"),
        ({"data": {"request_id": "c", "requestId": "d"}}, "c"),
        ({"data": {"requestId": "d", "message_uuid": "e"}}, "d"),
        ({"data": {"message_uuid": "e", "id": "f"}}, "e"),
        ({"data": {"id": 7}, "message_id": "g"}, "7"),
        ({"message_id": "g", "uuid": "wamid.h"}, "g"),
        ({"uuid": "wamid.h_hello"}, "wamid.h"),
        ({"data": {"uuid": "wamid.i"}}, "wamid.i"),
        ({"data": [{"id": "j"}]}, None),
        ({"uuid": "no-wamid", "status": "success"}, "effect-1.0"),
        ({"status": "success", "hasError": False, "data": "in process"}, "effect-1.0"),
        ({"hasError": False}, "effect-1.0"),
    ],
)
def test_ids_are_looked_for_in_this_order_and_without_one_ours_stands_in(
    answer: dict[str, Any], known: str | None
) -> None:
    if known is None:
        with pytest.raises(OutcomeUnknown):
            sent(outgoing(Text(body="hi")), Vendor(answer))
    else:
        assert sent(outgoing(Text(body="hi")), Vendor(answer))[0].provider_message_id == known


def test_the_answer_is_json_whatever_it_is_called() -> None:
    vendor = Vendor(b"\xef\xbb\xbf" + msgspec.json.encode(TAKEN), headers={"content-type": "text/html"})
    assert sent(outgoing(Text(body="hi")), vendor)[0].provider_message_id == REQUEST_ID


def test_the_bulk_answer_is_one_too() -> None:
    vendor = Vendor(load("resp_ok_bulk.json"))
    known, _ = sent(outgoing(Template(name="t", language="en")), vendor)
    assert known.provider_message_id == REQUEST_ID


def test_nothing_is_asked_of_a_vendor_over_a_strangers_line() -> None:
    for url in ("http://control.msg91.com/api/v5", "ftp://127.0.0.1", "https://a:b@x.org", "nowhere"):
        with pytest.raises(Exception, match="base_url"):
            channel(base_url=url)
    _, vendor = sent(outgoing(Text(body="hi")), base_url="https://api.msg91.com/api/v5/")
    assert vendor.requests[0].url == httpx.URL("https://api.msg91.com/api/v5/whatsapp/whatsapp-outbound-message/")
