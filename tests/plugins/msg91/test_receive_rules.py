"""What is uncertain about MSG91's webhooks, each point both ways; and what a wrong set-up is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from frontdesk.core.event import Pricing
from frontdesk.core.message import Choice, Media, MessageStatus, Order, Text, Unsupported
from frontdesk.plugin import Secret
from frontdesk.ports import Received, RequestRefused, WebhookRequest
from frontdesk_plugins.msg91 import Msg91
from frontdesk_plugins.msg91.options import InboundMap
from frontdesk_plugins.msg91.template import INBOUND, STATUS, body_template
from plugins.msg91.support import (
    RECEIVED_AT,
    SECRET,
    channel,
    inbound,
    load,
    only_message,
    only_status,
    options,
    post,
    receive,
    report,
    texts,
    tools,
)

WRITTEN_AT = datetime(2026, 11, 20, 4, 45, 30, tzinfo=UTC)


def kinds(received: Received) -> list[str]:
    return [notice.kind for notice in received.notices]


def filled(part: str, values: dict[str, str], *, escapes: bool) -> bytes:
    """The operator's template as MSG91 fills it in, with or without escaping what it puts in."""
    text = body_template(part)
    for name in INBOUND if part == "inbound" else STATUS:
        value = values.get(name, "")
        text = text.replace("{{" + name + "}}", json.dumps(value, ensure_ascii=False)[1:-1] if escapes else value)
    return text.encode()


@pytest.mark.parametrize("part", ["inbound", "status"])
def test_the_shipped_template_is_that_of_the_dashboard(part: str) -> None:
    name = {"inbound": "inbound", "status": "outbound"}[part]
    assert json.loads(body_template(part)) == load(f"dashboard_body_template_{name}.json")


@pytest.mark.parametrize("words", ["plain", 'He said "hi"', "back\\slash", "two\nlines\tand a tab", "👩‍🌾 नमस्ते"])
def test_text_that_msg91_escapes_arrives_as_it_was_written(words: str) -> None:
    body = filled("inbound", inbound(text=words), escapes=True)
    assert texts(receive(body, "inbound")) == [words]


@pytest.mark.parametrize("words", ["plain", "two\nlines\tand a tab", "👩‍🌾 नमस्ते"])
def test_line_breaks_that_msg91_does_not_escape_are_mended(words: str) -> None:
    body = filled("inbound", inbound(text=words), escapes=False)
    assert texts(receive(body, "inbound")) == [words]


def test_what_cannot_be_mended_is_kept_and_a_person_is_told() -> None:
    received = receive(filled("inbound", inbound(text='He said "hi"'), escapes=False), "inbound")
    (notice,) = received.notices
    assert (notice.kind, notice.is_alarm) == ("quarantine", True)
    assert 'He said "hi"' in notice.raw


def test_nobody_can_write_another_senders_number_into_a_text() -> None:
    forged = 'x", "customerNumber": "15550100099'
    received = receive(filled("inbound", inbound(text=forged), escapes=False), "inbound")
    assert not received.events
    assert kinds(received) == ["quarantine"]


@pytest.mark.parametrize(
    "body",
    [
        msgspec.json.encode(inbound()),
        b"\xef\xbb\xbf" + msgspec.json.encode(inbound()),
        msgspec.json.encode([inbound()]),
        msgspec.json.encode({"data": [inbound()]}),
        msgspec.json.encode({"data": inbound()}),
        msgspec.json.encode({"entry": [inbound()]}),
        msgspec.json.encode({"data": [inbound()], "ok": 1}),
        msgspec.json.encode({"object": "whatsapp", "entry": [inbound(), None]}),
        urlencode({"data": json.dumps(inbound())}).encode(),
        urlencode({"payload": json.dumps([inbound()])}).encode(),
    ],
    ids=[
        "object",
        "byte order mark",
        "list",
        "data list",
        "data object",
        "entry",
        "data beside",
        "entry beside",
        "form data",
        "form payload",
    ],
)
def test_a_post_may_be_wrapped(body: bytes) -> None:
    assert texts(receive(body, "inbound")) == ["hello"]


def test_what_stands_beside_other_fields_is_a_field() -> None:
    own = {"map": 2, "data": {"who": "15550100045"}, "uuid": "wamid.GOOD", "text": "hello", "entry": []}
    received = receive(own, "inbound", inbound_map=InboundMap(from_=("data.who",)))
    assert texts(received) == ["hello"]


@pytest.mark.parametrize("odd", [7, "hello", None, {}, []])
def test_a_part_that_is_no_post_costs_the_others_nothing(odd: object) -> None:
    received = receive([odd, inbound(), odd], "inbound")
    assert texts(received) == ["hello"]
    assert set(kinds(received)) == {"quarantine"}
    assert kinds(receive([odd], "inbound")) == ["quarantine"]


def test_a_form_is_known_by_its_content_type_too() -> None:
    body = urlencode({"x": "1", "data": json.dumps(inbound())}).encode()
    request = post(body, "inbound", **{"content-type": "application/x-www-form-urlencoded"})
    assert texts(channel().receive(request)) == ["hello"]


@pytest.mark.parametrize("direction", ["0", 0, "INBOUND", "inbound", None])
@pytest.mark.parametrize("event", ["delivered", "received", "message.received", None])
@pytest.mark.parametrize("part", ["inbound", ""])
def test_an_inbound_post_may_call_itself_anything(direction: object, event: str | None, part: str) -> None:
    assert texts(receive(inbound(direction=direction, eventName=event), part)) == ["hello"]


@pytest.mark.parametrize("direction", ["1", 1, "OUTBOUND", None])
@pytest.mark.parametrize("part", ["status", ""])
def test_a_report_is_one_with_and_without_a_direction(direction: object, part: str) -> None:
    assert only_status(receive(report(direction=direction), part)).status is MessageStatus.DELIVERED


@pytest.mark.parametrize(("kind", "is_inbound"), [("inbound", True), ("outbound", False), ("7", True)])
def test_without_address_and_direction_the_webhook_type_tells(kind: str, is_inbound: bool) -> None:
    """Its numbers are unexplained and tell nothing."""
    received = receive(inbound(direction=None, webhookType=kind, eventName="sent"))
    assert bool(texts(received)) is is_inbound


def test_where_address_and_direction_disagree_direction_is_right() -> None:
    received = receive(inbound(), "status")
    assert texts(received) == ["hello"]
    assert kinds(received) == ["wrong_address"]
    assert only_status(receive(report(), "inbound")).status is MessageStatus.DELIVERED


def test_our_own_message_that_comes_back_is_no_message_of_a_contact() -> None:
    assert kinds(receive(inbound(customerNumber="15550100001"), "inbound")) == ["echo"]
    says_so = receive(inbound(direction="1", eventName="sent", crqid="effect-9.0"), "inbound")
    assert only_status(says_so).reference == "effect-9.0"
    assert only_message(receive(inbound(), "inbound")).may_be_echo


def test_news_of_another_number_is_kept_and_not_applied() -> None:
    received = receive(inbound(integratedNumber="15550100099"), "inbound")
    assert not received.events
    assert kinds(received) == ["wrong_number"]
    assert texts(receive(inbound(integratedNumber=None), "inbound")) == ["hello"]
    assert texts(receive(inbound(integratedNumber="+1 555 010-0001"), "inbound")) == ["hello"]


def test_msg91s_own_answer_to_a_keyword_is_ignored() -> None:
    assert kinds(receive(inbound(inbound_setting="Callback"), "inbound")) == ["callback"]


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-20T10:15:30+05:30",
        "2026-11-20T04:45:30Z",
        "1795149930",
        1795149930,
        "1795149930000",
        "2026-11-20 10:15:30",
        "2026-11-20T10:15:30",
    ],
)
def test_a_time_without_a_zone_is_indias(time: object) -> None:
    assert only_message(receive(inbound(ts=time), "inbound")).sent_at == WRITTEN_AT


@pytest.mark.parametrize("time", [None, "", "soon", "{{ts}}", "9999999999999999999", "2030-01-01 00:00:00", "-5"])
def test_a_time_that_is_none_or_to_come_is_now(time: str | None) -> None:
    assert only_message(receive(inbound(ts=time), "inbound")).sent_at == RECEIVED_AT


@pytest.mark.parametrize(
    "nothing", ["", "null", "undefined", "None", "-", "{{customerName}}", "{{ customerName }}", None]
)
def test_what_was_not_filled_in_is_absent(nothing: str | None) -> None:
    assert only_message(receive(inbound(customerName=nothing), "inbound")).contact.name is None


@pytest.mark.parametrize("words", ["-", "null", "None", "undefined"])
def test_but_a_contact_may_write_these_words(words: str) -> None:
    assert texts(receive(inbound(text=words), "inbound")) == [words]
    inner = json.dumps([{"from": "15550100045", "id": "wamid.1", "type": "text", "text": {"body": words}}])
    assert texts(receive(inbound(text=words, messages=inner), "inbound")) == [words]


@pytest.mark.parametrize("text", [{"body": "hello"}, {"text": "hello"}, '{"body": "hello"}'])
def test_text_may_be_an_object(text: object) -> None:
    assert texts(receive(inbound(text=text), "inbound")) == ["hello"]


@pytest.mark.parametrize(
    "content",
    [{"text": "hello"}, '{"text": "hello"}', '{"body": "hello"}', "hello"],
    ids=["object", "text", "body", "bare"],
)
def test_text_may_stand_in_content(content: object) -> None:
    assert texts(receive(inbound(text=None, content=content), "inbound")) == ["hello"]


@pytest.mark.parametrize("messages", ["", "not json", "[]", "null", "[7]", '{"id": 7', "[" * 5_000])
def test_the_flat_fields_stand_in_for_messages(messages: str) -> None:
    assert texts(receive(inbound(messages=messages), "inbound")) == ["hello"]


@pytest.mark.parametrize("wrap", [json.dumps, lambda messages: messages], ids=["string", "list"])
def test_messages_may_be_a_string_or_a_list(wrap: Any) -> None:
    messages = [{"from": "15550100045", "id": "wamid.M", "type": "text", "text": {"body": "inner"}}]
    message = only_message(receive(inbound(messages=wrap(messages)), "inbound"))
    assert message.content == Text(body="inner")
    assert message.provider_message_id == "wamid.M"


def test_the_inbox_ending_of_an_id_is_taken_off() -> None:
    plain, marked = (receive(inbound(uuid=uuid), "inbound") for uuid in ("wamid.GOOD", "wamid.GOOD_hello"))
    assert plain.events == marked.events


def test_without_an_id_the_words_make_one() -> None:
    first, again = (only_message(receive(inbound(uuid=None), "inbound")) for _ in range(2))
    assert first.id == again.id
    assert first.provider_message_id.startswith("sha256.")
    others = [
        inbound(uuid=None, **change) for change in ({"text": "x"}, {"ts": "1"}, {"customerNumber": "15550100046"})
    ]
    assert len({first.id, *(only_message(receive(other, "inbound")).id for other in others)}) == 4


def test_an_id_does_not_depend_on_the_time_that_is_told() -> None:
    """The log tells another time of the same message."""
    first, later = (only_message(receive(inbound(ts=ts), "inbound")) for ts in ("1795149930", "1795149999"))
    assert first.id == later.id


def test_each_status_of_a_message_is_a_fact_of_its_own() -> None:
    words = ("sent", "delivered", "read", "failed")
    assert len({only_status(receive(report(eventName=word), "status")).id for word in words}) == 4


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Submitted", MessageStatus.ACCEPTED),
        ("queued", MessageStatus.ACCEPTED),
        ("accepted", MessageStatus.ACCEPTED),
        ("request", MessageStatus.ACCEPTED),
        ("SENT", MessageStatus.SENT),
        ("send", MessageStatus.SENT),
        ("Delivered", MessageStatus.DELIVERED),
        ("read", MessageStatus.READ),
        ("seen", MessageStatus.READ),
        ("failed", MessageStatus.FAILED),
        ("undelivered", MessageStatus.FAILED),
        ("rejected", MessageStatus.FAILED),
        ("expired", MessageStatus.FAILED),
        ("deny", MessageStatus.FAILED),
    ],
)
def test_every_word_of_a_report(word: str, status: MessageStatus) -> None:
    assert only_status(receive(report(eventName=word), "status")).status is status


def test_hold_with_a_reason_is_a_failure_and_without_one_still_queued() -> None:
    held = only_status(receive(report(eventName="hold", reason="131026: Message undeliverable"), "status"))
    assert held.status is MessageStatus.FAILED
    assert held.errors[0].code == "131026"
    for nothing in (None, "", "null", "{{reason}}"):
        waiting = only_status(receive(report(eventName="hold", reason=nothing, statusCode="0"), "status"))
        assert (waiting.status, waiting.errors) == (MessageStatus.ACCEPTED, ())


@pytest.mark.parametrize(
    ("told", "worth", "pricing"),
    [
        ("0.12", "0.0119", Pricing(category="template", cost_usd="0.001428")),
        ("0.12", "", Pricing(category="template")),
        (0.12, "1", Pricing(category="template", cost_usd="0.12")),
        ("0", "", Pricing(category="template", cost_usd="0")),
        ("", "1", None),
        ("-1", "1", None),
        ("1e999999", "1", None),
        ("NaN", "1", None),
        ("free", "1", None),
        ("{{price}}", "1", None),
        (None, "1", None),
    ],
)
def test_a_report_says_what_the_message_costs_in_the_accounts_currency(
    told: object, worth: str, pricing: Pricing | None
) -> None:
    body = report(price=told, messageType="template")
    assert only_status(receive(body, "status", price_usd=worth)).pricing == pricing


def test_a_click_and_an_unknown_word_change_no_status() -> None:
    for word, kind in (("clicked", "clicked"), ("url_click", "clicked"), ("teleported", "status")):
        received = receive(report(eventName=word), "status")
        assert not received.events
        assert kinds(received) == [kind]


def test_a_report_is_told_by_our_reference_or_by_every_id_it_bears() -> None:
    assert only_status(receive(report(), "status")).reference == "effect-1.0"
    bare = receive(report(crqid=None), "status")
    ids = [getattr(event, "provider_message_id", "") for event in bare.events]
    assert ids == ["0f1e2d3c4b5a69788796a5b4c3d2e1f0", "wamid.OURS"]
    by_uuid = only_status(receive(report(crqid=None, requestId=""), "status"))
    assert by_uuid.provider_message_id == "wamid.OURS"
    by_reference = only_status(receive(report(requestId="", uuid=""), "status"))
    assert (by_reference.reference, by_reference.provider_message_id) == ("effect-1.0", "effect-1.0")


def test_a_failure_of_the_accounts_bars_the_channel_and_tells_people() -> None:
    received = receive(report(eventName="failed", reason="131042: Business eligibility payment issue"), "status")
    assert only_status(received).errors[0].bars_account
    (notice,) = received.notices
    assert (notice.kind, notice.is_alarm) == ("account", True)
    assert "payment" in notice.text


def test_a_voice_note_needs_its_address() -> None:
    message = only_message(receive(inbound(contentType="voice", url="https://x.phone91.com/a/9", text=None), "inbound"))
    assert message.content == Media(kind="audio", media_id="9", link="https://x.phone91.com/a/9")
    bare = only_message(receive(inbound(contentType="audio", text=None), "inbound"))
    assert isinstance(bare.content, Unsupported)


@pytest.mark.parametrize("missing", [{"customerNumber": None}, {"contentType": None, "text": None}, {"text": None}])
def test_a_wrong_mapping_is_a_sentence_and_an_alarm(missing: dict[str, None]) -> None:
    received = receive(inbound(**missing), "inbound")
    trouble = (received.troubles or {})["inbound"]
    assert trouble.startswith("inbound posts arrive but no field named ")
    assert "[channels.main.inbound_map]" in trouble
    notice = next(notice for notice in received.notices if notice.kind == "mapping")
    assert notice.is_alarm
    assert notice.text == f"{trouble}."


def test_what_is_missing_in_reports_is_named_too() -> None:
    for gone in ({"eventName": None}, {"crqid": None, "requestId": None, "uuid": None}):
        received = receive(report(**gone), "status")
        assert not received.events
        assert (received.troubles or {})["status"].startswith("status posts arrive but no field named ")


def test_a_part_that_works_takes_its_trouble_back() -> None:
    assert receive(inbound(), "inbound").troubles == {"inbound": ""}
    assert receive(report(), "status").troubles == {"status": ""}


def test_a_day_of_wrong_posts_is_one_notice() -> None:
    bodies = [inbound(customerNumber=None, text=text) for text in ("one", "two")]
    first, second = (
        next(notice for notice in receive(body, "inbound").notices if notice.kind == "mapping") for body in bodies
    )
    assert first.id == second.id
    tomorrow = msgspec.structs.replace(post(bodies[0], "inbound"), received_at=RECEIVED_AT + timedelta(days=1))
    assert channel().receive(tomorrow).notices[0].id != first.id


def test_the_operators_own_names_are_found() -> None:
    own = InboundMap(from_=("who.number",), text=("what",))
    body = inbound(customerNumber=None, text=None, who={"number": "+91 98765 43210"}, what="mine")
    message = only_message(receive(body, "inbound", inbound_map=own))
    assert message.contact.addresses[0].value == "919876543210"
    assert message.content == Text(body="mine")


def test_the_word_comes_in_the_header_that_was_chosen_and_only_if_allowed_in_the_address() -> None:
    by_header = post(inbound(), "inbound", **{"x-webhook-secret": "", "x-other": SECRET})
    assert texts(channel(webhook_secret_header="X-Other").receive(by_header)) == ["hello"]
    by_token = msgspec.structs.replace(post(inbound(), "inbound"), headers={}, query={"token": SECRET})
    assert texts(channel(accept_query_token=True).receive(by_token)) == ["hello"]
    with pytest.raises(RequestRefused):
        channel().receive(by_token)


def test_the_word_can_be_changed_without_a_gap() -> None:
    changed = channel(webhook_secret=Secret("new"), previous_webhook_secrets=(Secret(SECRET),))
    assert texts(changed.receive(post(inbound(), "inbound"))) == ["hello"]


def test_a_console_that_looks_is_answered() -> None:
    looked = WebhookRequest(method="GET", query={}, headers={}, body=b"", received_at=RECEIVED_AT, part="inbound")
    assert channel().receive(looked).answer


def test_in_development_anybody_is_believed() -> None:
    believing = Msg91("main", options(webhook_secret=None), tools(is_development=True))
    assert texts(believing.receive(post(inbound(), "inbound", **{"x-webhook-secret": ""}))) == ["hello"]


def test_an_order_may_stand_in_a_field_of_its_own() -> None:
    orders = {"catalog_id": "c", "product_items": [{"product_retailer_id": "p", "quantity": 2, "item_price": "9.90"}]}
    message = only_message(receive(inbound(contentType="order", text=None, orders=json.dumps(orders)), "inbound"))
    assert isinstance(message.content, Order)
    assert (message.content.items[0].product_id, message.content.items[0].quantity) == ("p", 2)


def test_a_tap_is_found_where_the_operator_put_it_or_by_its_words() -> None:
    own = InboundMap(reply_id=("tapped",), reply_title=("title",))
    body = inbound(contentType="interactive", text=None, tapped="yes", title="Yes")
    assert only_message(receive(body, "inbound", inbound_map=own)).content == Choice(id="yes", title="Yes")
    bare = only_message(receive(inbound(contentType="interactive", text="Yes"), "inbound"))
    assert bare.content == Choice(id="Yes", title="Yes")
    nothing = only_message(receive(inbound(contentType="interactive", text=None), "inbound"))
    assert isinstance(nothing.content, Unsupported)


def test_a_message_of_a_form_that_nobody_foresaw_is_kept_whole() -> None:
    odd = json.dumps([{"from": "15550100045", "id": "wamid.1", "type": "text", "text": {"body": {"deep": 1}}}])
    message = only_message(receive(inbound(messages=odd, text=None), "inbound"))
    assert isinstance(message.content, Unsupported)
    assert "wamid.1" in message.content.raw
