"""Who a message is from, when it was sent, and what is kept though nothing follows from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from frontdesk.core.event import Address, AgentEchoed, CallEnded, MessageReceived, Pricing, StatusChanged
from frontdesk.core.message import Unsupported
from plugins.whatsapp_cloud.support import (
    OUR_NUMBER,
    RECEIVED_AT,
    body_of,
    channel,
    ids,
    message,
    only_event,
    post,
    receive,
    texts,
)


@pytest.mark.parametrize(
    ("timestamp", "year"),
    [("1793520007", 2026), (1793520007, 2026), ("1793520007000", 2026), (1793520007.5, 2026)],
)
def test_times_are_read_however_they_are_written(timestamp: Any, year: int) -> None:
    event = only_event(receive(body_of(messages=[message(timestamp=timestamp)])))
    assert isinstance(event, MessageReceived)
    assert (event.sent_at.year, event.sent_at.month, event.sent_at.day) == (year, 11, 1)


@pytest.mark.parametrize("timestamp", [None, "", "soon", -5, 0, "9" * 400, [], True, "1893456000"])
def test_a_time_that_is_none_or_to_come_is_now(timestamp: Any) -> None:
    event = only_event(receive(body_of(messages=[message(timestamp=timestamp)])))
    assert isinstance(event, MessageReceived)
    assert event.sent_at == RECEIVED_AT


def test_contacts_are_matched_by_id_and_not_by_place() -> None:
    mira = {"profile": {"name": "Mira"}, "wa_id": "15550100777"}
    tom = {"profile": {"name": "Tom"}, "user_id": "GB.2"}
    ada = message(id="wamid.2", from_user_id="GB.2", **{"from": None})
    nobody = message(id="wamid.3", from_user_id=None, **{"from": "15550100999"})
    received = receive(body_of(messages=[message(), ada, nobody], contacts=[tom, mira]))
    names = [event.contact.name for event in received.events if isinstance(event, MessageReceived)]
    assert names == ["Mira", "Tom", None]


def test_a_contact_adds_the_number_that_the_message_left_out() -> None:
    known = {"wa_id": "15550100777", "user_id": "US.1", "parent_user_id": "US.ENT.1"}
    event = only_event(receive(body_of(messages=[message(from_user_id="US.1", **{"from": None})], contacts=[known])))
    assert isinstance(event, MessageReceived)
    assert event.contact.addresses == (
        Address("scoped_id", "US.1"),
        Address("phone", "15550100777"),
        Address("parent_scoped_id", "US.ENT.1"),
    )


def test_the_messages_own_number_counts_more_than_the_contacts() -> None:
    known = {"wa_id": "15550100999", "user_id": "US.1"}
    event = only_event(receive(body_of(messages=[message(from_user_id="US.1")], contacts=[known])))
    assert isinstance(event, MessageReceived)
    assert event.contact.addresses == (Address("scoped_id", "US.1"), Address("phone", "15550100777"))


@pytest.mark.parametrize("latitude", ["nan", "inf", "north", "", None, []])
def test_a_place_that_is_nowhere_is_shown_to_a_person(latitude: Any) -> None:
    place = {"latitude": latitude, "longitude": 21.0}
    event = only_event(receive(body_of(messages=[message(type="location", location=place)])))
    assert isinstance(event, MessageReceived)
    assert isinstance(event.content, Unsupported)


def test_an_id_where_the_number_should_be_is_an_id() -> None:
    event = only_event(receive(body_of(messages=[message(from_user_id=None, **{"from": "US.13491208655302741918"})])))
    assert isinstance(event, MessageReceived)
    assert event.contact.addresses == (Address("scoped_id", "US.13491208655302741918"),)


@pytest.mark.parametrize("number", ["310700000000043", "", None, 7, [], {}])
def test_another_numbers_news_never_reaches_our_conversations(number: Any) -> None:
    body = body_of(messages=[message()], statuses=[{"id": "x", "status": "read"}], metadata={"phone_number_id": number})
    received = receive(body)
    assert received.events == ()
    assert [(notice.kind, notice.is_alarm) for notice in received.notices] == [("wrong_number", True)] * 2


def test_our_number_counts_when_it_is_written_as_a_number() -> None:
    body = body_of(messages=[message()], metadata={"phone_number_id": int(OUR_NUMBER)})
    assert texts(receive(body)) == ["hello"]


def test_a_list_beside_those_that_are_known_is_kept() -> None:
    received = receive(body_of(messages=[message()], polls=[{"id": "1"}]))
    assert texts(received) == ["hello"]
    assert [notice.kind for notice in received.notices] == ["messages"]


def test_what_nobody_knows_of_another_number_is_kept_too() -> None:
    received = receive(body_of(polls=[{"id": "1"}], metadata={"phone_number_id": "1"}))
    assert [notice.kind for notice in received.notices] == ["wrong_number"]


ECHO = {"id": "wamid.1", "timestamp": "1793520007"}
TO_GROUP = {"to": "G1", "recipient_type": "group"}
SAYS = {"type": "text", "text": {"body": "answer"}}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("messages", {"statuses": [{"id": "wamid.1"}]}, "quarantine"),
        ("messages", {"statuses": [7]}, "quarantine"),
        ("messages", {"errors": [7]}, "errors"),
        ("messages", {"messages": 7}, "quarantine"),
        ("messages", {"messages": [message(type="system", text=None, system={"type": "new"})]}, "system"),
        ("smb_message_echoes", {"message_echoes": [{**ECHO, **SAYS}]}, "quarantine"),
        ("smb_message_echoes", {"message_echoes": [SAYS]}, "quarantine"),
        ("standby", {"standby": {"message_echoes": [{**ECHO, "message": SAYS}]}}, "quarantine"),
        ("standby", {"standby": {"message_echoes": [ECHO]}}, "quarantine"),
        ("standby", {"standby": 7}, "quarantine"),
        ("history", {"history": [7]}, "quarantine"),
        ("history", {"history": [{"threads": [7]}]}, "quarantine"),
        ("history", {"history": [{"threads": [{"id": "1", "messages": [7]}]}]}, "history"),
        ("calls", {"calls": [{}]}, "quarantine"),
        ("calls", {"calls": [{"id": "wacid.1", "event": "terminate"}]}, "calls"),
        ("user_preferences", {"user_preferences": [{"user_id": "US.1", "value": "maybe"}]}, "user_preferences"),
        ("user_preferences", {"user_preferences": [{"value": "stop"}]}, "user_preferences"),
        ("user_id_update", {"user_id_update": [{"wa_id": "15550100777"}]}, "user_id_update"),
    ],
)
def test_what_cannot_be_applied_is_kept(field: str, value: dict[str, Any], kind: str) -> None:
    received = receive(body_of(field, **value))
    assert received.events == ()
    assert [notice.kind for notice in received.notices] == [kind]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("smb_message_echoes", {"message_echoes": [{**ECHO, **SAYS, **TO_GROUP}]}),
        ("smb_message_echoes", {"message_echoes": [{**ECHO, **SAYS, "group_id": "G1"}]}),
        (
            "standby",
            {"standby": {"message_echoes": [{**ECHO, "message": {**SAYS, "to": "G1", "recipient_type": "group"}}]}},
        ),
    ],
)
def test_an_echo_to_a_group_belongs_to_the_group(field: str, value: dict[str, Any]) -> None:
    event = only_event(receive(body_of(field, **value)))
    assert isinstance(event, AgentEchoed)
    assert event.contact.addresses == (Address("group", "G1"),)
    assert event.is_standby == (field == "standby")


@pytest.mark.parametrize("value", [7, "words", None, [7]])
@pytest.mark.parametrize("field", ["messages", "account_update", "something_new"])
def test_a_value_that_is_no_object_is_kept(field: str, value: Any) -> None:
    body = body_of(field)
    body["entry"][0]["changes"][0]["value"] = value
    received = receive(body)
    assert received.events == ()
    assert [notice.kind for notice in received.notices] == ["quarantine" if field == "messages" else field]


def test_a_templates_quality_has_no_event() -> None:
    value = {"previous_quality_score": "GREEN", "new_quality_score": "RED", "message_template_name": "t"}
    (notice,) = receive(body_of("message_template_quality_update", **value)).notices
    assert "from quality GREEN to RED" in notice.text


def test_a_price_inside_the_conversation_is_found() -> None:
    report = {"id": "wamid.1", "status": "sent", "conversation": {"id": "c", "pricing": {"category": "group_service"}}}
    event = only_event(receive(body_of(statuses=[report])))
    assert isinstance(event, StatusChanged)
    assert event.pricing == Pricing(category="group_service")


def test_a_call_status_under_messages_is_no_message_status() -> None:
    received = receive(
        body_of(statuses=[{"id": "wacid.1", "type": "call", "status": "read", "timestamp": "1793520007"}])
    )
    assert received.events == ()
    assert received.notices[0].kind == "calls"


def test_standby_messages_are_marked_as_such() -> None:
    event = only_event(receive(body_of("standby", standby={"messages": [message()]})))
    assert isinstance(event, MessageReceived)
    assert event.origin == "standby"


def test_a_file_of_the_past_follows_its_placeholder() -> None:
    media = message(id="wamid.OLD", type="image", image={"id": "14100001"}, text=None)
    placeholder = message(id="wamid.OLD", type="media_placeholder", text=None)
    follow_up = only_event(receive(body_of("history", messages=[media])))
    thread = {"id": "15550100777", "messages": [placeholder]}
    first = only_event(receive(body_of("history", history=[{"threads": [thread]}])))
    assert isinstance(follow_up, MessageReceived)
    assert isinstance(first, MessageReceived)
    assert follow_up.origin == first.origin == "history"
    assert follow_up.id != first.id


def test_what_the_business_wrote_in_the_past_is_kept_and_silences_nobody() -> None:
    ours = message(id="wamid.OURS", to="15550100777", **{"from": "15550109999"})
    thread = {"id": "15550100777", "messages": [ours, message()]}
    received = receive(body_of("history", history=[{"threads": [thread]}]))
    assert texts(received) == ["hello"]
    (notice,) = received.notices
    assert notice.kind == "history"
    assert "wamid.OURS" in notice.raw


def test_the_same_trouble_on_another_day_is_another_notice() -> None:
    body = msgspec.json.encode(body_of(errors=[{"code": 130429, "title": "Rate limit hit"}]))
    days = (RECEIVED_AT, RECEIVED_AT + timedelta(hours=1), RECEIVED_AT + timedelta(days=1))
    requests = (msgspec.structs.replace(post(body), received_at=day) for day in days)
    found = [channel().receive(request).notices[0].id for request in requests]
    assert found[0] == found[1] != found[2]


def test_a_missed_call_of_ours_names_who_was_called() -> None:
    call = {"id": "wacid.1", "event": "terminate", "direction": "BUSINESS_INITIATED", "from": "15550100200"}
    event = only_event(receive(body_of("calls", calls=[{**call, "to": "15550100777", "timestamp": "1793520007"}])))
    assert isinstance(event, CallEnded)
    assert event.contact.addresses == (Address("phone", "15550100777"),)
    assert not event.is_inbound


def test_a_status_with_odd_parts_still_counts() -> None:
    odd = {"id": "wamid.1", "status": "failed", "errors": 7, "pricing": "x", "recipient_id": [], "timestamp": {}}
    event = only_event(receive(body_of(statuses=[odd])))
    assert isinstance(event, StatusChanged)
    assert event.changed_at == RECEIVED_AT


def test_participants_of_a_group_report_for_themselves() -> None:
    one = {
        "id": "wamid.1",
        "status": "read",
        "recipient_type": "group",
        "recipient_id": "G1",
        "timestamp": "1793520007",
    }
    statuses = [{**one, "recipient_participant_id": number} for number in ("15550100777", "15550100888")]
    received = receive(body_of(statuses=statuses))
    assert len(ids(received)) == 2
    contacts = {
        event.contact.addresses for event in received.events if isinstance(event, StatusChanged) and event.contact
    }
    assert contacts == {(Address("group", "G1"),)}
