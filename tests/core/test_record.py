"""What a decision writes down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.talk import CONTACT, NOW, Talk
from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import EffectKind
from frontdesk.core.event import (
    Address,
    AgentEchoed,
    AgentReplied,
    CallEnded,
    ConsentChanged,
    Contact,
    EffectFinished,
    EffectPostponed,
    Event,
    HandedOff,
    IdentityChanged,
    MediaFetched,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    NoteAdded,
    ReplyDrafted,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    StatusChanged,
    identify,
)
from frontdesk.core.message import Media, Message, MessageStatus, Text, Unsupported, advance
from frontdesk.core.record import (
    Keys,
    Settlement,
    addresses_gained,
    addresses_of,
    changed,
    concerned,
    conversation_id,
    is_in_lane,
    is_overtaken,
    is_stranger,
    new_messages,
    settlement,
    withdrawn,
)

EFFECT = {"effect_id": "e0.0"}


def make(kind: type[Event], **fields: Any) -> Any:
    return Talk().make(kind, **fields)


def status(reached: MessageStatus = MessageStatus.SENT, **fields: Any) -> StatusChanged:
    known: dict[str, Any] = {"provider_message_id": "wamid.out", "status": reached, "changed_at": NOW, **fields}
    made: StatusChanged = make(StatusChanged, **known)
    return made


POSTPONED = {"until": NOW, "reason": "busy"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (make(SendSucceeded, **EFFECT, provider_message_id="w"), Settlement(effect_id="e0.0", verdict="close")),
        (
            make(SendUnknown, **EFFECT, attempt=3, reason="r"),
            Settlement(effect_id="e0.0", verdict="park", attempt=3),
        ),
        (make(SendFailed, **EFFECT, code="1", reason="r"), Settlement(effect_id="e0.0", verdict="close", attempt=1)),
        (
            make(EffectPostponed, **EFFECT, **POSTPONED, counts=False),
            Settlement(effect_id="e0.0", verdict="postpone", attempt=1, until=NOW, counts=False),
        ),
        (make(EffectFinished, **EFFECT), Settlement(effect_id="e0.0", verdict="close", attempt=1)),
        (status(reference="e0.0"), Settlement(effect_id="e0.0", verdict="close")),
        (status(), None),
        (make(HandedOff, reason="r"), None),
    ],
)
def test_what_an_event_settles(event: Event, expected: Settlement | None) -> None:
    assert settlement(event) == expected


@pytest.mark.parametrize(
    ("event", "attempt", "is_late"),
    [
        pytest.param(make(SendFailed, **EFFECT, code="1", reason="r"), 1, False, id="the newest claim's"),
        pytest.param(make(SendFailed, **EFFECT, code="1", reason="r"), 2, True, id="an overtaken claim's"),
        pytest.param(make(ReplyDrafted, **EFFECT, text="x"), None, True, id="of an effect that is gone"),
        pytest.param(make(SendSucceeded, **EFFECT, provider_message_id="w"), None, False, id="success is a fact"),
        pytest.param(make(HandedOff, reason="r"), None, False, id="no outcome"),
    ],
)
def test_an_outcome_that_comes_too_late(event: Event, attempt: int | None, is_late: bool) -> None:
    assert is_overtaken(event, attempt) is is_late


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("send_message.bot", True), ("send_message.agent", True), ("draft_reply", False), ("wake_at.unknown", False)],
)
def test_only_messages_leave_in_a_lane(kind: EffectKind, expected: bool) -> None:
    assert is_in_lane(kind) is expected


def test_events_of_contacts_find_their_conversation_by_address() -> None:
    changing = make(IdentityChanged, addresses=(Address("phone", "2"),))
    assert addresses_of(changing) == CONTACT.addresses
    assert addresses_gained(changing) == (*CONTACT.addresses, Address("phone", "2"))
    assert addresses_gained(make(NoteAdded, agent="a", body="b")) == ()


def test_a_conversation_is_named_after_its_first_event_and_channel() -> None:
    assert conversation_id("main", "e1") == conversation_id("main", "e1")
    assert len({conversation_id("main", "e1"), conversation_id("main", "e2"), conversation_id("other", "e1")}) == 3


# New messages


def lines(talk: Talk, event: Event) -> list[tuple[str, str, str]]:
    talk.take(event)
    return [
        (message.author, getattr(message.content, "body", "?"), message.status)
        for message in new_messages("c", event, talk.decision)
    ]


def test_what_came_in_is_kept_before_what_is_to_leave() -> None:
    talk = Talk()
    talk.wrote("agent")
    event = talk.make(AgentReplied, agent="asha", content=Text(body="Here."))
    assert lines(talk, event) == [("agent", "Here.", "queued")]


def test_an_imported_message_keeps_the_time_of_the_past() -> None:
    talk = Talk()
    event = talk.make(MessageReceived, provider_message_id="w", sent_at=NOW.replace(year=2020), content=Text(body="x"))
    past = talk.make(
        MessageReceived,
        provider_message_id="w",
        sent_at=NOW.replace(year=2020),
        content=Text(body="x"),
        origin="history",
    )
    assert [new_messages("c", one, talk.decision)[0].at.year for one in (event, past)] == [2026, 2020]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            make(AgentEchoed, provider_message_id="w", content=Text(body="From nine.")),
            ("agent", "From nine.", "sent"),
        ),
        (make(NoteAdded, agent="asha", body="VIP"), ("note", "VIP", "received")),
        (make(CallEnded, call_id="1", called_at=NOW), ("system", "missed call from the contact", "received")),
        (
            make(CallEnded, call_id="1", called_at=NOW, is_missed=False, is_inbound=False, duration_seconds=7),
            ("system", "call of 7 s to the contact", "received"),
        ),
        (make(IdentityChanged, addresses=(), detail="moved"), ("system", "moved", "received")),
        (
            make(IdentityChanged, addresses=()),
            ("system", "the contact's address changed; it may be another person", "received"),
        ),
        (
            make(ConsentChanged, category="marketing", is_granted=True),
            ("system", "the contact allows marketing", "received"),
        ),
        (
            make(ConsentChanged, category="marketing", is_granted=False),
            ("system", "the contact refuses marketing", "received"),
        ),
    ],
)
def test_what_is_shown_in_the_conversation(event: Event, line: tuple[str, str, str]) -> None:
    assert lines(Talk(), event) == [line]


# Changes


@pytest.mark.parametrize(
    ("event", "keys"),
    [
        (make(SendSucceeded, **EFFECT, provider_message_id="w"), Keys(id="e0.0")),
        (status(reference="e0.0"), Keys(id="e0.0", provider_message_id="wamid.out")),
        (make(MessageRevoked, provider_message_id="w"), Keys(provider_message_id="w")),
        (
            make(MediaFetched, **EFFECT, message_id="m", stored_as="s", mime_type="t", size=1),
            Keys(id="m"),
        ),
        (make(HandedOff, reason="r"), None),
    ],
)
def test_which_message_an_event_changes(event: Event, keys: Keys | None) -> None:
    assert concerned(event) == keys


def message(reached: MessageStatus = MessageStatus.QUEUED, **fields: Any) -> Message:
    known: dict[str, Any] = {"content": Text(body="x"), **fields}
    return Message(id="e0.0", conversation_id="c", at=NOW, author="bot", status=reached, **known)


@pytest.mark.parametrize(
    ("event", "before", "after"),
    [
        (make(SendSucceeded, **EFFECT, provider_message_id="w"), "queued", ("accepted", "w", "")),
        (make(SendSucceeded, **EFFECT, provider_message_id="w"), "delivered", ("delivered", "w", "")),
        (make(SendFailed, **EFFECT, code="9", reason="no"), "queued", ("failed", None, "9: no")),
        (make(SendUnknown, **EFFECT, reason="time-out"), "queued", ("unknown", None, "time-out")),
        (status(MessageStatus.READ), "sent", ("read", "wamid.out", "")),
        (status(MessageStatus.FAILED), "read", ("read", "wamid.out", "")),
    ],
)
def test_how_far_a_message_has_come(event: Event, before: str, after: tuple[str, str | None, str]) -> None:
    now = changed(message(MessageStatus(before)), event)
    assert (now.status, now.provider_message_id, now.detail) == after


def test_a_report_of_what_is_known_changes_nothing() -> None:
    known = message(MessageStatus.READ, provider_message_id="wamid.out")
    assert changed(known, status(MessageStatus.SENT)) is known
    assert changed(known, make(HandedOff, reason="r")) is known
    assert changed(known, make(MediaFetched, **EFFECT, message_id="m", stored_as="s", mime_type="t", size=1)) is known


def test_an_edit_a_deletion_and_a_file_are_kept_with_the_message() -> None:
    edited = changed(message(), make(MessageEdited, provider_message_id="w", content=Text(body="y")))
    assert (edited.content, edited.detail) == (Text(body="y"), "edited")
    deleted = changed(message(), make(MessageRevoked, provider_message_id="w"))
    assert (deleted.content, deleted.detail) == (Unsupported(kind="deleted"), "deleted by the sender")
    fetched = make(MediaFetched, **EFFECT, message_id="m", stored_as="media/x.png", mime_type="t", size=1)
    kept = changed(message(content=Media(kind="image", media_id="1")), fetched)
    assert kept.content == Media(kind="image", media_id="1", stored_as="media/x.png")


def test_a_file_that_could_not_be_had_says_so_where_the_message_is_shown() -> None:
    gone = make(EffectFinished, **EFFECT, failure="the vendor keeps the file no longer", message_id="m")
    known = message(content=Media(kind="image", media_id="1"))
    assert concerned(gone) == Keys(id="m")
    assert changed(known, gone).detail == "the file could not be had: the vendor keeps the file no longer"
    done = make(EffectFinished, **EFFECT)
    assert concerned(done) is None
    assert changed(known, done) is known


@pytest.mark.parametrize(
    ("before", "after"), [("queued", "cancelled"), ("unknown", "unknown"), ("accepted", "accepted")]
)
def test_only_what_did_not_begin_to_leave_is_shown_as_withdrawn(before: str, after: str) -> None:
    assert withdrawn(message(MessageStatus(before))).status == after


# Statuses

OUTBOUND = [status for status in MessageStatus if status is not MessageStatus.RECEIVED]


@given(st.lists(st.sampled_from(OUTBOUND), min_size=1, max_size=8), st.randoms())
def test_statuses_only_move_forward_and_end_the_same_in_any_order(reports: list[MessageStatus], rng: Any) -> None:
    def fold(told: list[MessageStatus]) -> MessageStatus:
        known = MessageStatus.QUEUED
        for report in told:
            after = advance(known, report)
            assert advance(after, known) is after
            known = after
        return known

    shuffled = list(reports)
    rng.shuffle(shuffled)
    equal = {MessageStatus.CANCELLED, MessageStatus.UNKNOWN}
    first, second = fold(reports), fold(shuffled)
    assert first is second or {first, second} == equal


@pytest.mark.parametrize(
    ("known", "reported", "after"),
    [
        ("sent", "delivered", "delivered"),
        ("delivered", "sent", "delivered"),
        ("delivered", "failed", "delivered"),
        ("sent", "failed", "failed"),
        ("failed", "delivered", "delivered"),
        ("unknown", "accepted", "accepted"),
        ("received", "read", "received"),
    ],
)
def test_the_status_after_a_report(known: str, reported: str, after: str) -> None:
    assert advance(MessageStatus(known), MessageStatus(reported)) == after


# Ids


PARTS = st.lists(st.text(st.characters(exclude_characters="\x1f")), max_size=4)


@given(PARTS, PARTS)
def test_a_fact_has_one_id_and_other_facts_have_others(one: list[str], other: list[str]) -> None:
    assert len(identify(*one)) == 32
    if one != other and {tuple(one), tuple(other)} != {(), ("",)}:
        assert identify(*one) != identify(*other)


def test_ids_can_be_made_of_any_text_and_do_not_show_it() -> None:
    assert "15550100777" not in identify("wamid.15550100777", "\ud800")


def told_of(*addresses: Address) -> Any:
    return make(MessageReceived, contact=Contact(addresses=addresses), provider_message_id="w", sent_at=NOW, content=HI)


PHONE, OLD, NEW = Address("phone", "15550100777"), Address("scoped_id", "US.1"), Address("scoped_id", "US.2")
PARENT, MOVED = Address("parent_scoped_id", "US.ENT.1"), Address("phone", "15550100555")
HI = Text(body="hi")


@pytest.mark.parametrize(
    ("known", "told", "is_other"),
    [
        ((PHONE, OLD), (NEW, PHONE), True),
        ((PHONE, OLD), (OLD, PHONE), False),
        ((PHONE, OLD), (PHONE,), False),
        ((PHONE,), (NEW, PHONE), False),
        ((PHONE, OLD, PARENT), (NEW, PHONE, PARENT), False),
        ((MOVED, OLD), (NEW, PHONE), True),
        ((MOVED, OLD), (PHONE,), False),
    ],
)
def test_who_shares_a_phone_number_only_is_another_person(
    known: tuple[Address, ...], told: tuple[Address, ...], is_other: bool
) -> None:
    conversation = Conversation(id="c", channel="main", addresses=known)
    assert is_stranger(conversation, told_of(*told), PHONE) is is_other
    change = make(IdentityChanged, contact=Contact(addresses=told), addresses=told)
    assert not is_stranger(conversation, change, PHONE)


def test_who_is_found_by_an_id_of_their_own_is_no_stranger() -> None:
    conversation = Conversation(id="c", channel="main", addresses=(MOVED, NEW))
    assert not is_stranger(conversation, told_of(OLD, PHONE), OLD)
