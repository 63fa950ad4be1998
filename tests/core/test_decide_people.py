"""When people get the conversation, while they have it, and when they give it back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.talk import QUIET, Talk, with_policy
from frontdesk.core.conversation import Handler
from frontdesk.core.decide import decide, give_up
from frontdesk.core.event import (
    Address,
    AddressesLost,
    AgentEchoed,
    AgentReplied,
    Assigned,
    CallEnded,
    ConsentChanged,
    EffectPostponed,
    ErrorReport,
    IdentityChanged,
    MessageEdited,
    NoteAdded,
    Resolved,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    TimerFired,
)
from frontdesk.core.handing import BOT_WORK
from frontdesk.core.message import Choice, Content, MessageStatus, Template, Text
from frontdesk.core.policy import Policy

# Asking for a person


@pytest.mark.parametrize(
    ("content", "asks"),
    [
        pytest.param("agent", True, id="the word alone"),
        pytest.param("AGENT!!", True, id="in capitals with signs"),
        pytest.param("I want a *real person* please", True, id="two words, marked"),
        pytest.param("may i speak to someone real", True, id="in a short sentence"),
        pytest.param(Choice(id="x", title="Talk to a person"), True, id="on a button"),
        pytest.param("which agency do you use", False, id="only a part of a word"),
        pytest.param("personal", False, id="the beginning of a word"),
        pytest.param("my insurance agent said that you would repair my phone for free", False, id="in a long message"),
        pytest.param("person one two three four five six seven", True, id="eight words are short"),
        pytest.param("person one two three four five six seven eight", False, id="nine are not"),
        pytest.param("", False, id="no words"),
    ],
)
def test_asking_for_a_person(content: Content | str, asks: bool) -> None:
    talk = Talk()
    talk.wrote(content)
    assert (talk.state.handler is Handler.QUEUE) is asks
    assert ("the contact asked for a person" in talk.notified) is asks


def test_a_hand_off_withdraws_the_bots_work_and_announces_itself() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.wrote("agent")
    assert set(talk.decision.withdrawn) == set(BOT_WORK)
    assert [(effect.author, effect.content) for effect in talk.sends] == [("notice", Text(body=QUIET.hand_off_text))]
    assert (talk.state.draft_id, talk.state.burst) == ("", None)
    assert not any(turn.is_open for turn in talk.state.turns)


def test_the_greeting_is_not_said_to_who_asks_for_a_person_at_once_and_not_later_either() -> None:
    talk = Talk(Policy(greeting="Hello!"))
    talk.wrote("agent")
    assert talk.said == [QUIET.hand_off_text]
    talk.released()
    talk.wait(60).wrote("hi")
    assert talk.said == []


def test_a_second_hand_off_only_reminds() -> None:
    talk = Talk()
    talk.wrote("agent")
    talk.handed_off()
    assert (talk.notified, talk.said, talk.decision.withdrawn) == (["by hand"], [], ())


def test_outside_the_service_window_a_hand_off_is_silent() -> None:
    talk = Talk()
    talk.wrote("hello")
    talk.wait(90_000).handed_off()
    assert (talk.state.handler, talk.said) == (Handler.QUEUE, [])


# Silence


@pytest.mark.parametrize("give", [Talk.handed_off, Talk.replied], ids=["in the queue", "with an agent"])
def test_while_people_have_it_the_bot_is_silent_and_they_are_told(give: Callable[[Talk], object]) -> None:
    talk = Talk()
    talk.wrote("When?")
    give(talk)
    talk.wait(5).wrote("Hello? agent?")
    assert talk.kinds == ["notify_desk"]
    assert talk.state.turns[-1].is_open is False


def test_a_draft_that_arrives_after_the_hand_off_is_dropped() -> None:
    talk = Talk()
    talk.asked("When?")
    draft_id = talk.state.draft_id
    talk.replied()
    assert talk.drafted("From nine.", effect_id=draft_id).effects == ()


def test_a_burst_that_ends_after_the_hand_off_asks_no_model() -> None:
    talk = Talk()
    talk.wrote("When?")
    assert talk.state.burst is not None
    timer_id = talk.state.burst.timer_id
    talk.handed_off()
    assert talk.happens(TimerFired, effect_id=timer_id, purpose="burst").effects == ()


@pytest.mark.parametrize(
    ("give", "withdrawn"),
    [
        pytest.param(None, set(), id="the bot's goes on"),
        pytest.param(Talk.handed_off, set(BOT_WORK), id="in the queue the notice may still leave"),
        pytest.param(Talk.replied, {*BOT_WORK, "send_message.notice"}, id="with an agent not even that"),
    ],
)
def test_what_was_begun_before_and_is_due_again_stays_silent(
    give: Callable[[Talk], object] | None, withdrawn: set[str]
) -> None:
    talk = Talk()
    talk.wrote("When?")
    if give:
        give(talk)
    talk.happens(EffectPostponed, effect_id="e0.0", until=talk.now, reason="busy")
    assert set(talk.decision.withdrawn) == withdrawn


# Agents


def test_an_agents_reply_is_sent_and_takes_the_conversation() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.replied("From nine.")
    assert [(effect.author, effect.content) for effect in talk.sends] == [("agent", Text(body="From nine."))]
    assert (talk.state.handler, talk.state.agent) == (Handler.AGENT, "asha")
    assert set(talk.decision.withdrawn) == {*BOT_WORK, "send_message.notice"}
    assert talk.state.turns[-1].turn.role == "agent"


def test_an_agents_own_reply_is_not_withdrawn_by_the_next() -> None:
    talk = Talk()
    talk.wrote("When?")
    talk.replied("one")
    talk.replied("two")
    assert "send_message.agent" not in talk.decision.withdrawn


def test_an_answer_from_the_business_phone_takes_the_conversation_and_is_not_sent_again() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.happens(AgentEchoed, provider_message_id="wamid.echo", content=Text(body="From nine."))
    assert talk.decision.effects == ()
    assert (talk.state.handler, talk.state.agent) == (Handler.AGENT, "phone")
    assert talk.state.turns[-1].turn.text == "From nine."


def test_an_answer_of_another_service_on_the_number_is_only_remembered() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.happens(AgentEchoed, provider_message_id="w", content=Text(body="Nine."), is_standby=True)
    assert talk.state.handler is Handler.BOT
    assert talk.state.draft_id


def test_who_takes_a_conversation_has_it() -> None:
    talk = Talk()
    talk.wrote("agent")
    talk.happens(Assigned, agent="ben")
    assert (talk.state.handler, talk.state.agent, talk.state.agent_at) == (Handler.AGENT, "ben", talk.now)
    assert "send_message.notice" in talk.decision.withdrawn


def test_a_note_changes_nothing() -> None:
    talk = Talk()
    talk.asked("When?")
    before = talk.state
    assert talk.happens(NoteAdded, agent="asha", body="VIP").effects == ()
    assert talk.state is before


@pytest.mark.parametrize("is_resolved", [False, True], ids=["released", "resolved"])
def test_given_back_the_bot_answers_the_next_message(is_resolved: bool) -> None:
    talk = Talk()
    talk.wrote("agent")
    talk.replied()
    talk.happens(Resolved, agent="asha") if is_resolved else talk.released()
    assert (talk.state.handler, talk.state.agent, talk.state.agent_at) == (Handler.BOT, "", None)
    assert talk.state.is_resolved is is_resolved
    talk.wait(5).wrote("When do you open?")
    assert talk.kinds == ["wake_at.burst"]
    assert not talk.state.is_resolved


@pytest.mark.parametrize(
    ("idle", "after", "handler"),
    [
        pytest.param(600.0, 599, Handler.AGENT, id="not yet"),
        pytest.param(600.0, 601, Handler.BOT, id="silent for too long"),
        pytest.param(0.0, 80_000, Handler.AGENT, id="never"),
    ],
)
def test_an_agent_who_is_silent_for_long_has_left(idle: float, after: float, handler: Handler) -> None:
    talk = with_policy(agent_idle_seconds=idle)
    talk.wrote("hello")
    talk.replied()
    talk.wait(after).wrote("still there?")
    assert talk.state.handler is handler


def test_the_queue_is_left_by_nobody() -> None:
    talk = with_policy(agent_idle_seconds=1.0)
    talk.wrote("agent")
    talk.wait(80_000).wrote("still there?")
    assert talk.state.handler is Handler.QUEUE


# What the vendor says of our messages


def test_a_send_that_failed_leads_to_a_person() -> None:
    talk = Talk()
    talk.wrote("hello")
    talk.happens(SendFailed, effect_id="e0.0", code="131047", reason="too late", needs_template=True)
    assert talk.state.handler is Handler.QUEUE
    assert talk.notified[0].startswith("a message could not be sent: too late; only an approved template")
    talk.happens(SendFailed, effect_id="e0.1", code="131026", reason="undeliverable")
    assert talk.notified == ["a message could not be sent: undeliverable"]


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ((ErrorReport(code="131026", title="Undeliverable"),), "a message was not delivered: Undeliverable"),
        ((ErrorReport(code="131026"),), "a message was not delivered: 131026"),
        ((), "a message was not delivered"),
    ],
)
def test_a_message_that_failed_late_leads_to_a_person(errors: tuple[ErrorReport, ...], reason: str) -> None:
    talk = Talk()
    talk.wrote("hello")
    talk.told(MessageStatus.FAILED, errors=errors)
    assert (talk.state.handler, talk.notified) == (Handler.QUEUE, [reason])


@pytest.mark.parametrize("status", [MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ])
def test_other_statuses_lead_to_nothing(status: MessageStatus) -> None:
    talk = Talk()
    talk.wrote("hello")
    assert talk.told(status).effects == ()


def unknown(talk: Talk, effect_id: str = "e0.0") -> None:
    talk.happens(SendUnknown, effect_id=effect_id, reason="time-out")


def deadline(talk: Talk, effect_id: str = "e0.0") -> None:
    talk.happens(TimerFired, effect_id="timer", purpose="unknown", about=effect_id)


def test_a_send_of_unknown_outcome_is_watched() -> None:
    talk = Talk()
    talk.wrote("hello")
    unknown(talk)
    assert (talk.kinds, talk.timer_due_after) == (["wake_at.unknown"], 120.0)
    assert talk.state.unknown_sends == ("e0.0",)


def test_held_it_is_closed_and_given_to_people() -> None:
    talk = Talk()
    talk.wrote("hello")
    unknown(talk)
    deadline(talk)
    assert (talk.decision.closed, talk.decision.repeated) == (("e0.0",), ())
    assert talk.state.handler is Handler.QUEUE
    assert talk.state.unknown_sends == ()


def test_resent_it_is_repeated_once_and_then_held() -> None:
    talk = with_policy(on_unknown="resend")
    talk.wrote("hello")
    unknown(talk)
    deadline(talk)
    assert (talk.decision.closed, talk.decision.repeated, talk.state.handler) == ((), ("e0.0",), "bot")
    unknown(talk)
    deadline(talk)
    assert (talk.decision.closed, talk.decision.repeated) == (("e0.0",), ())
    assert talk.state.handler is Handler.QUEUE


def test_resent_while_people_have_it_only_what_is_theirs_goes_out() -> None:
    talk = with_policy(on_unknown="resend")
    talk.wrote("hello")
    unknown(talk)
    talk.replied()
    deadline(talk)
    assert talk.decision.repeated == ("e0.0",)
    assert "send_message.bot" in talk.decision.withdrawn


@pytest.mark.parametrize(
    "settle",
    [
        pytest.param(lambda talk: talk.told(MessageStatus.SENT, reference="e0.0"), id="by a status with our reference"),
        pytest.param(
            lambda talk: talk.happens(SendSucceeded, effect_id="e0.0", provider_message_id="w"), id="by a late success"
        ),
        pytest.param(
            lambda talk: talk.happens(SendFailed, effect_id="e0.0", code="1", reason="refused"), id="by a late refusal"
        ),
    ],
)
def test_an_unknown_send_that_settled_is_watched_no_more(settle: Callable[[Talk], object]) -> None:
    talk = Talk()
    talk.wrote("hello")
    unknown(talk)
    settle(talk)
    assert talk.state.unknown_sends == ()
    deadline(talk)
    assert (talk.decision.closed, talk.decision.effects) == ((), ())


# The service window


def test_a_message_that_came_too_late_to_be_answered_goes_to_people() -> None:
    talk = Talk()
    talk.wrote("hello", sent_at=talk.now.replace(month=10))
    assert talk.state.handler is Handler.QUEUE
    assert talk.notified == ["a message that came too late to be answered freely"]


@pytest.mark.parametrize(
    ("after", "is_said"),
    [
        pytest.param(86_400 - 300 - 1, True, id="just inside the window less its margin"),
        pytest.param(86_400 - 300, False, id="at its end"),
    ],
)
def test_outside_the_service_window_an_answer_is_not_said(after: float, is_said: bool) -> None:
    talk = Talk()
    talk.asked("When?")
    talk.wait(after).drafted("From nine.")
    assert talk.said == (["From nine."] if is_said else [])
    assert talk.state.handler is (Handler.BOT if is_said else Handler.QUEUE)
    assert not any(turn.is_open for turn in talk.state.turns)


def test_what_may_leave_carries_the_windows_end() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.drafted()
    assert talk.state.window_until is not None
    assert (talk.state.window_until - talk.sends[0].not_after).total_seconds() == 300.0  # type: ignore[operator]


def test_only_a_template_may_leave_outside_the_window() -> None:
    talk = Talk()
    talk.wrote("hello")
    talk.wait(90_000).replied("free")
    assert talk.sends[0].not_after is not None
    assert talk.sends[0].not_after < talk.now
    event = talk.make(AgentReplied, agent="asha", content=Template(name="back", language="en"))
    talk.take(event)
    assert talk.sends[0].not_after is None


def test_without_any_message_of_the_contacts_there_is_no_window() -> None:
    talk = Talk()
    talk.replied("hello?")
    assert talk.sends[0].not_after == talk.now


def test_the_window_counts_from_the_contacts_clock_but_never_from_the_future() -> None:
    talk = Talk()
    talk.wrote("one", sent_at=talk.now.replace(hour=8))
    first = talk.state.window_until
    talk.wrote("two", sent_at=talk.now.replace(hour=23))
    assert first is not None
    assert talk.state.window_until is not None
    assert (talk.state.window_until - first).total_seconds() == 3_600
    talk.wrote("an older one comes late", sent_at=talk.now.replace(hour=7))
    assert (talk.state.window_until - first).total_seconds() == 3_600


# Calls, consents, identities


@pytest.mark.parametrize(
    ("fields", "notified", "opens"),
    [
        ({}, ["missed call"], True),
        ({"is_missed": False, "duration_seconds": 9}, [], True),
        ({"is_inbound": False}, [], False),
    ],
    ids=["missed", "answered", "ours"],
)
def test_a_call_opens_the_window_and_a_missed_one_is_shown(
    fields: dict[str, object], notified: list[str], opens: bool
) -> None:
    talk = Talk()
    talk.happens(CallEnded, call_id="1", called_at=talk.now, **fields)
    assert talk.notified == notified
    assert (talk.state.window_until is not None) is opens


def test_consents_are_remembered_until_given_again() -> None:
    talk = Talk()
    seen = []
    for is_granted in (False, False, True):
        talk.happens(ConsentChanged, category="marketing", is_granted=is_granted)
        seen.append(talk.state.refused_consents)
    assert seen == [("marketing",), ("marketing",), ()]


def test_a_new_address_replaces_the_old_of_its_kind() -> None:
    talk = Talk()
    talk.wrote("hi")
    talk.happens(IdentityChanged, addresses=(Address("phone", "15550100555"),))
    assert talk.state.addresses == (Address("phone", "15550100555"),)


# When the rules fail


def test_a_dead_letter_gives_a_new_conversation_to_people_with_an_address() -> None:
    talk = Talk()
    event = talk.make(MessageEdited, provider_message_id="w", content=Text(body="x"))
    decision = give_up(talk.state, event, QUIET, "the rules failed")
    assert decision.conversation.handler is Handler.QUEUE
    assert decision.conversation.addresses
    assert [effect.id for effect in decision.effects] == [f"{event.id}.0"]


def test_a_dead_letter_does_not_take_a_conversation_from_its_agent() -> None:
    talk = Talk()
    talk.wrote("hello")
    talk.replied()
    event = talk.make(NoteAdded, agent="asha", body="x")
    assert give_up(talk.state, event, QUIET, "x").conversation.handler is Handler.AGENT
    assert decide(talk.state, event, QUIET).effects == ()


def test_a_message_that_was_delivered_to_one_phone_has_not_failed_on_the_other() -> None:
    talk = Talk()
    talk.told(MessageStatus.DELIVERED, provider_message_id="wamid.1")
    talk.told(MessageStatus.FAILED, provider_message_id="wamid.1")
    assert talk.notified == []
    talk.told(MessageStatus.FAILED, provider_message_id="wamid.2")
    assert talk.state.handler is Handler.QUEUE


def test_a_conversation_whose_address_another_has_goes_to_people_and_sends_nothing_there() -> None:
    talk = Talk()
    talk.asked("When?")
    decision = talk.happens(AddressesLost, addresses=(Address("phone", "15550100777"),))
    assert {"send_message.bot", "send_message.notice", "send_message.agent"} <= set(decision.withdrawn)
    assert (talk.state.addresses, talk.state.handler, talk.state.draft_id) == ((), Handler.QUEUE, "")
    assert talk.notified


def test_what_may_have_reached_an_address_is_not_repeated_once_another_has_it() -> None:
    talk = with_policy(on_unknown="resend")
    talk.wrote("hi")
    talk.happens(SendUnknown, effect_id="e0.0", reason="?")
    talk.happens(AddressesLost, addresses=(Address("phone", "15550100777"),))
    talk.released()
    decision = talk.happens(TimerFired, effect_id="timer", purpose="unknown", about="e0.0")
    assert (decision.repeated, decision.closed) == ((), ("e0.0",))
    assert talk.state.handler is Handler.QUEUE


def test_when_nobody_takes_a_waiting_conversation_for_a_day_the_bot_answers_again() -> None:
    talk = Talk()
    talk.wrote("agent")
    talk.wait(86_000).wrote("hello?")
    assert (talk.state.handler, talk.said) == (Handler.QUEUE, [])
    talk.wait(500).wrote("When do you open?")
    assert talk.state.handler is Handler.BOT
    assert "wake_at.burst" in talk.kinds


def test_a_waiting_conversation_waits_for_ever_where_the_policy_says_so() -> None:
    talk = with_policy(queue_idle_seconds=0)
    talk.wrote("agent")
    talk.wait(10_000_000).wrote("hello?")
    assert talk.state.handler is Handler.QUEUE
