"""The log: what webhooks did not tell, and what became of a send whose answer was lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from frontdesk.core.message import Button as Option, Buttons, Content, Media, MessageStatus, Template, Text
from frontdesk.ports import Received, TemporaryFailure
from frontdesk_plugins.msg91.options import InboundMap
from plugins.msg91.support import (
    REQUEST_ID,
    Vendor,
    channel,
    inbound,
    load,
    only_message,
    only_status,
    outgoing,
    receive,
    report,
    texts,
)

SENT_AT = datetime(2026, 11, 20, 4, 46, tzinfo=UTC)
SHIPS = Text(body="Your order 4471 ships tomorrow.")


def row(**changes: Any) -> dict[str, Any]:
    return {**load("logs_wa_flat.json")["body"]["data"][0], **changes}


def log(*rows: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"data": list(rows), "metadata": {"total": len(rows), **metadata}}


def polled(answer: Any, **changes: Any) -> tuple[Received, Vendor]:
    vendor = answer if isinstance(answer, Vendor) else Vendor(answer)
    return asyncio.run(channel(vendor, **{"poll_logs": "inbound", **changes}).poll()), vendor


def found(*rows: dict[str, Any], content: Content = SHIPS, **changes: Any) -> Received:
    one = channel(Vendor(log(*rows)), **changes)
    return asyncio.run(one.look_up(outgoing(content), SENT_AT))


def test_the_flat_example_is_a_status() -> None:
    received, vendor = polled(load("logs_wa_flat.json")["body"])
    assert {event.status for event in received.events} == {MessageStatus.DELIVERED}  # type: ignore[union-attr]
    (request,) = vendor.requests
    assert (request.method, request.url.path) == ("GET", "/api/v5/report/logs/wa")
    assert dict(request.url.params) == {"startDate": "2026-11-19", "endDate": "2026-11-20", "limit": "1000"}


def test_the_wrapped_example_is_a_message() -> None:
    received, _ = polled(load("logs_wa_wrapped_values.json")["body"])
    assert texts(received) == ["Hi, where is my order?"]
    assert only_message(received).sent_at == datetime(2026, 11, 20, 4, 45, 30, tzinfo=UTC)


@pytest.mark.parametrize("content", [{"text": "hello"}, {"value": {"text": "hello"}, "metaData": None}])
def test_what_is_nested_in_a_row_is_read(content: dict[str, Any]) -> None:
    messages = [{"from": "15550100045", "id": "wamid.N", "type": "text", "text": {"body": "hello"}}]
    for fields in ({"content": content}, {"content": None, "messages": messages}):
        said = polled(log(row(direction="INBOUND", status=None, **fields)))[0]
        assert texts(said) == ["hello"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), ({"hasError": True, "errors": "Internal Server Error"}, 200), (b"", 502), ({}, 500), ({}, 408)],
)
def test_a_question_has_no_unknown_outcome(body: Any, status: int) -> None:
    with pytest.raises(TemporaryFailure):
        polled(Vendor(body, status=status))


def test_contacts_messages_are_taken_only_where_that_is_wanted() -> None:
    example = load("logs_wa_wrapped_values.json")["body"]
    assert polled(example, poll_logs="reconcile")[0].events == ()


def test_the_same_fact_has_the_same_id_as_by_webhook() -> None:
    by_log, _ = polled(log(row(uuid="wamid.OURS")))
    by_webhook = receive(report(crqid=None), "status")
    assert [event.id for event in by_log.events] == [event.id for event in by_webhook.events]
    message = row(direction="INBOUND", status=None, uuid="wamid.GOOD", content='{"text": "hello"}')
    assert polled(log(message))[0].events[0].id == receive(inbound(), "inbound").events[0].id


@pytest.mark.parametrize("direction", ["1", "0", None])
def test_a_number_does_not_tell_the_direction_here(direction: str | None) -> None:
    told = polled(log(row(direction=direction)))[0]
    assert {event.status for event in told.events} == {MessageStatus.DELIVERED}  # type: ignore[union-attr]
    said = polled(log(row(direction=direction, status=None, content='{"text": "hello"}')))[0]
    assert texts(said) == ["hello"]


def test_news_of_other_numbers_and_rows_without_a_status_are_left() -> None:
    other = row(integratedNumber="15550100099")
    pending = row(status=None)
    assert polled(log(other, pending))[0].events == ()


def test_it_is_asked_by_post_where_that_was_configured() -> None:
    _, vendor = polled(log(row()), log_method="POST")
    assert vendor.requests[0].method == "POST"


def test_every_page_is_read() -> None:
    full = log(*[row(requestId=f"r{number}") for number in range(1_000)], paginationToken="next")
    received, vendor = polled(Vendor(full, log(row(requestId="last"))))
    assert len({event.provider_message_id for event in received.events}) == 1_002  # type: ignore[union-attr]
    assert [request.url.params.get("paginationToken") for request in vendor.requests] == [None, "next"]


def test_a_log_without_rows_is_a_sentence_with_its_cure() -> None:
    with pytest.raises(TemporaryFailure, match="poll_logs"):
        polled({"status": "success", "data": "no"})


def test_a_map_that_does_not_fit_the_log_is_a_sentence() -> None:
    """It is the one of the webhooks, whose names are the operator's own."""
    own = InboundMap(from_=("who",))
    message = row(direction="INBOUND", status=None, content='{"text": "hello"}')
    received, _ = polled(log(row(), message), inbound_map=own)
    assert received.events
    assert "no field named who holds who wrote" in (received.troubles or {})["log"]
    assert [notice.kind for notice in received.notices] == ["mapping"]
    fitting, _ = polled(log(row(), message, {**message, "who": "15550100045"}), inbound_map=own)
    assert (fitting.troubles, fitting.notices) == ({}, ())


@pytest.mark.parametrize(("mode", "seconds"), [("off", 0.0), ("reconcile", 1_800.0), ("inbound", 1_800.0)])
def test_how_often_it_is_asked(mode: str, seconds: float) -> None:
    assert channel(poll_logs=mode).poll_seconds == seconds


def test_an_unknown_send_is_found_by_contact_words_and_time() -> None:
    status = only_status(found(row()))
    assert (status.reference, status.provider_message_id) == ("effect-1.0", REQUEST_ID)
    assert status.status is MessageStatus.DELIVERED


@pytest.mark.parametrize(
    "other",
    [
        {"customerNumber": "15550100046"},
        {"content": '{"text": "Something else"}'},
        {"requestedAt": "2026-11-20 10:13:00"},
        {"requestedAt": "soon"},
        {"direction": "INBOUND"},
        {"status": None},
        {"crqid": "effect-0.0"},
    ],
)
def test_what_is_not_the_message_is_not_taken_for_it(other: dict[str, Any]) -> None:
    assert found(row(**other)).events == ()


def test_of_two_that_are_alike_nobody_can_tell() -> None:
    assert found(row(), row(requestId="another")).events == ()
    told = found(row(), row(requestId="another", crqid="effect-1.0"))
    assert only_status(told).provider_message_id == "another"


def test_a_template_is_found_by_its_name_and_a_question_by_its_words() -> None:
    template = Template(name="ticket_update_v2", language="en")
    assert found(row(templateName="ticket_update_v2", content=None), content=template).events
    assert not found(row(templateName="other"), content=template).events
    question = Buttons(body="Well?", buttons=(Option(id="1", title="Yes"),))
    assert not found(row(content=""), content=question).events
    assert not found(row(content=""), content=Media(kind="image", link="https://x.org/a.png")).events


def test_nothing_is_asked_where_the_log_is_switched_off() -> None:
    one = channel(poll_logs="off")
    assert asyncio.run(one.look_up(outgoing(SHIPS), SENT_AT)) == Received()
