"""While the bot has the conversation: greeting, bursts, drafts, answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.talk import CONTACT, NOW, QUIET, Talk, with_policy
from frontdesk.core.conversation import Handler
from frontdesk.core.effect import FetchMedia, MarkRead, SendMessage
from frontdesk.core.event import (
    Address,
    Contact,
    DraftFailed,
    EffectFinished,
    MediaFetched,
    MessageEdited,
    MessageRevoked,
    SendSucceeded,
    TimerFired,
)
from frontdesk.core.message import CallPermission, Choice, Content, Location, Media, Reaction, Text, Unsupported
from frontdesk.core.policy import Policy

GREETING = "Hello! I am a machine."
GREETED = Policy(greeting=GREETING)

# The first message


@pytest.mark.parametrize("words", ["hi", "Hello!", "  HEY 👋 ", "good morning.", "Namaste"])
def test_a_salutation_gets_the_greeting_and_nothing_else(words: str) -> None:
    talk = Talk(GREETED)
    talk.wrote(words)
    assert talk.said == [GREETING]
    assert talk.kinds == ["send_message.bot", "mark_read"]
    assert talk.only(MarkRead).is_typing is False
    assert not any(turn.is_open for turn in talk.state.turns)


def test_a_first_question_gets_the_greeting_and_an_answer() -> None:
    talk = Talk(GREETED)
    talk.wrote("When do you open?")
    assert talk.said == [GREETING]
    assert "wake_at.burst" in talk.kinds


def test_the_greeting_is_said_once() -> None:
    talk = Talk(GREETED)
    talk.wrote("hi")
    talk.wait(60).wrote("hello")
    assert talk.said == []
    assert talk.kinds == ["mark_read", "wake_at.burst"]


def test_without_a_greeting_a_salutation_is_a_question() -> None:
    talk = Talk(QUIET)
    talk.wrote("hi")
    assert talk.kinds == ["wake_at.burst"]


# Bursts


def test_an_answer_waits_for_the_contact_to_finish() -> None:
    talk = Talk()
    talk.wrote("Do you have")
    assert (talk.kinds, talk.timer_due_after) == (["wake_at.burst"], 1.5)


def test_each_text_of_a_burst_begins_the_wait_anew() -> None:
    talk = Talk()
    talk.wrote("Do you have")
    first = talk.state.burst
    talk.wait(1).wrote("the red one")
    assert talk.timer_due_after == 1.5
    assert "wake_at.burst" in talk.decision.withdrawn
    assert talk.state.burst != first


def test_a_burst_is_never_waited_for_longer_than_six_seconds() -> None:
    talk = with_policy(inbound_max=23, cadence_count=23)
    talk.wrote("1")
    for number in range(2, 7):
        talk.wait(1.1).wrote(str(number))
    assert (talk.now - NOW).total_seconds() == pytest.approx(5.5)
    assert talk.timer_due_after == pytest.approx(0.5)
    talk.wait(5).wrote("late")
    assert talk.timer_due_after == 0.0


def test_the_texts_of_a_burst_are_one_question() -> None:
    talk = Talk()
    talk.wrote("Do you have")
    talk.wait(1).wrote("the red one?")
    talk.wait(1.5).silence()
    assert talk.question == "Do you have\nthe red one?"
    assert talk.state.burst is None


@pytest.mark.parametrize("kind", ["button", "list", "template_button"])
def test_a_tap_is_answered_at_once(kind: str) -> None:
    talk = Talk()
    talk.wrote(Choice(id="hours", title="Opening hours", kind=kind))  # type: ignore[arg-type]
    assert talk.kinds == ["draft_reply"]
    assert talk.question == "Opening hours"


def test_a_tap_takes_the_texts_that_waited_along() -> None:
    talk = Talk()
    talk.wrote("About the red one:")
    talk.wrote(Choice(id="price", title="Price"))
    assert talk.question == "About the red one:\nPrice"
    assert "wake_at.burst" in talk.decision.withdrawn


def test_a_timer_that_was_set_anew_means_nothing() -> None:
    talk = Talk()
    talk.wrote("Do you have")
    assert talk.state.burst is not None
    old = talk.state.burst.timer_id
    talk.wrote("the red one?")
    assert talk.happens(TimerFired, effect_id=old, purpose="burst").effects == ()
    assert talk.state.burst is not None


# Drafts


def test_somebody_is_typing_from_the_first_text_on() -> None:
    talk = with_policy(marks_read=True)
    talk.wrote("When?")
    mark = talk.only(MarkRead)
    assert (mark.is_typing, mark.provider_message_id) == (True, talk.state.last_inbound_id)
    assert mark.not_after == talk.now + timedelta(seconds=20)


def test_each_text_is_marked_as_read_once_by_the_time_it_is_answered() -> None:
    talk = with_policy(marks_read=True)
    talk.asked("When?")
    assert "mark_read" not in talk.kinds
    talk.drafted("From nine.")
    talk.wait(60).wrote("And")
    assert "mark_read" in talk.kinds
    talk.wait(1).wrote("where?")
    assert "mark_read" not in talk.kinds
    talk.wait(2).silence()
    assert talk.only(MarkRead).provider_message_id == talk.state.last_inbound_id


def test_what_cannot_be_read_is_marked_as_read_all_the_same() -> None:
    talk = with_policy(marks_read=True)
    talk.wrote(Media(kind="image"))
    assert not talk.only(MarkRead).is_typing


def test_the_answer_of_the_model_is_said_as_whatsapp_shows_it() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.drafted("**From** nine.")
    assert talk.said == ["*From* nine."]
    assert talk.sends[0].author == "bot"
    assert talk.state.draft_id == ""
    assert not any(turn.is_open for turn in talk.state.turns)


def test_a_long_answer_is_cut_into_messages_in_order() -> None:
    talk = with_policy(reply_characters_max=160)
    talk.asked("Tell me all")
    talk.drafted("One sentence of about forty characters. " * 10)
    assert len(talk.said) > 2
    assert [effect.id for effect in talk.sends] == [f"{talk.sends[0].id[:-2]}.{n}" for n in range(len(talk.said))]


def test_a_newer_message_overtakes_a_draft_under_way_and_joins_its_question() -> None:
    talk = Talk()
    talk.asked("Do you have shoes?")
    overtaken = talk.state.draft_id
    talk.wrote("In red?")
    assert {"draft_reply", "wake_at.burst"} <= set(talk.decision.withdrawn)
    assert talk.drafted("We have shoes.", effect_id=overtaken).effects == ()
    talk.silence()
    assert talk.question == "Do you have shoes?\nIn red?"
    talk.drafted("Yes, in red.")
    assert talk.said == ["Yes, in red."]


def test_an_answered_question_is_not_asked_again() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.drafted("From nine.")
    talk.wait(60).asked("And where?")
    assert talk.question == "And where?"


def test_the_model_sees_the_last_turns_only_and_no_endless_text() -> None:
    talk = with_policy(turns_max=2)
    talk.asked("x" * 9_000)
    talk.drafted("Yes.")
    talk.wait(60).asked("And?")
    assert [turn.turn.text for turn in talk.state.turns] == ["Yes.", "And?"]
    talk = Talk()
    talk.asked("x" * 9_000)
    assert len(talk.question) == 4_000


# The model has nothing to say


def test_the_first_time_the_model_has_no_answer_the_bot_says_so() -> None:
    talk = Talk()
    talk.asked("What is love?")
    talk.drafted("", is_answer=False)
    assert talk.said == [QUIET.unanswered_text]
    assert talk.state.handler is Handler.BOT


@pytest.mark.parametrize("text", ["", "  ", "***", "\n\n"])
def test_an_empty_answer_is_none(text: str) -> None:
    talk = Talk()
    talk.asked("What is love?")
    talk.drafted(text)
    assert talk.said == [QUIET.unanswered_text]


def test_the_second_time_in_a_row_a_person_is_asked() -> None:
    talk = Talk()
    talk.asked("What is love?")
    talk.drafted("", is_answer=False)
    talk.wait(60).asked("Baby don't hurt me")
    talk.drafted("", is_answer=False)
    assert talk.said == [QUIET.hand_off_text]
    assert talk.state.handler is Handler.QUEUE
    assert talk.state.unanswered == 0


def test_an_answer_in_between_starts_the_count_anew() -> None:
    talk = Talk()
    for number in range(3):
        talk.wait(700).asked("What is love?")
        talk.drafted("", is_answer=False)
        talk.wait(30 * number).asked("When?")
        talk.drafted("From nine.")
    assert talk.state.handler is Handler.BOT


def test_a_model_that_asks_for_a_person_gets_one_and_its_words_are_said() -> None:
    talk = Talk()
    talk.asked("My order is broken")
    talk.drafted("I am sorry about that.", hands_off=True)
    assert talk.said == [f"I am sorry about that.\n\n{QUIET.hand_off_text}"]
    assert [effect.author for effect in talk.sends] == ["notice"]
    assert talk.state.handler is Handler.QUEUE


def test_a_model_that_fails_for_good_leads_to_a_person() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.happens(DraftFailed, effect_id=talk.state.draft_id, reason="no credit")
    assert talk.state.handler is Handler.QUEUE
    assert talk.notified == ["no answer from the language model: no credit"]
    assert talk.said == [QUIET.hand_off_text]


def test_a_draft_that_failed_after_it_was_overtaken_means_nothing() -> None:
    talk = Talk()
    talk.asked("When?")
    assert talk.happens(DraftFailed, effect_id="another", reason="no credit").effects == ()
    assert talk.state.handler is Handler.BOT


# What cannot be read, and what needs no answer


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Media(kind="audio", media_id="1", is_voice=True), id="a voice message"),
        pytest.param(Media(kind="image", media_id="1", caption=""), id="a picture with an empty caption"),
        pytest.param(Unsupported(kind="poll"), id="a kind that nobody knows"),
    ],
)
def test_what_cannot_be_read_is_told_so_once_and_then_shown_to_a_person(content: Content) -> None:
    talk = Talk()
    talk.wrote(content)
    assert talk.said == [QUIET.unreadable_text]
    talk.wait(60).wrote(content)
    assert talk.said == [QUIET.hand_off_text]
    assert talk.state.handler is Handler.QUEUE


def test_a_picture_with_words_is_answered_by_its_words() -> None:
    talk = Talk()
    talk.wrote(Media(kind="image", caption="Is this mine?"))
    talk.silence()
    assert talk.question == "[image] Is this mine?"


def test_a_file_is_fetched_while_the_vendor_keeps_it() -> None:
    talk = Talk()
    talk.wrote(Media(kind="image", media_id="77", caption="this"))
    fetch = talk.only(FetchMedia)
    assert (fetch.message_id, fetch.media.media_id) == ("e1", "77")
    assert fetch.not_after == talk.now + timedelta(days=7)


def test_a_place_is_a_question_like_any_other() -> None:
    talk = Talk()
    talk.wrote(Location(latitude=1.0, longitude=2.0))
    assert talk.kinds == ["wake_at.burst"]


def test_a_reaction_needs_no_answer_and_opens_no_window() -> None:
    talk = Talk()
    talk.wrote("hi")
    until = talk.state.window_until
    talk.wait(3_600).wrote(Reaction(provider_message_id="wamid.1", emoji="👍"))
    assert talk.kinds == []
    assert talk.state.window_until == until


def test_a_reaction_after_the_window_gives_nobody_the_conversation() -> None:
    talk = Talk()
    talk.wrote("hi")
    talk.wait(3 * 86_400).wrote(Reaction(provider_message_id="wamid.1", emoji="👍"))
    assert talk.kinds == []
    assert talk.state.handler is Handler.BOT


def test_a_permission_to_call_is_shown_to_people() -> None:
    talk = Talk()
    talk.wrote(CallPermission(is_granted=True))
    assert talk.notified == ["[calls allowed]"]
    assert talk.state.handler is Handler.BOT


def test_what_was_written_in_standby_or_long_ago_is_kept_and_not_answered() -> None:
    talk = Talk()
    assert talk.wrote("the past", origin="history").effects == ()
    assert (talk.state.turns, talk.state.window_until) == ((), None)
    assert talk.wrote("to the other owner", origin="standby").effects == ()
    assert [turn.turn.text for turn in talk.state.turns] == ["to the other owner"]
    assert talk.state.window_until is not None


def test_a_group_is_for_people() -> None:
    talk = Talk()
    talk.wrote("hi all", contact=Contact(addresses=(Address("group", "g1"), Address("phone", "1"))))
    assert (talk.state.handler, talk.notified, talk.said) == (Handler.QUEUE, ["a message in a group"], [])


# Edits and deletions


def edit(talk: Talk, provider_message_id: str, words: str) -> None:
    talk.happens(MessageEdited, provider_message_id=provider_message_id, content=Text(body=words))


def test_an_edit_while_the_draft_is_under_way_is_asked_about_instead() -> None:
    talk = Talk()
    talk.asked("Do you have size 9?")
    overtaken = talk.state.draft_id
    edit(talk, "wamid.1", "Do you have size 10?")
    assert "draft_reply" in talk.decision.withdrawn
    assert talk.drafted("9: yes", effect_id=overtaken).effects == ()
    talk.silence()
    assert talk.question == "Do you have size 10?"


def test_an_edit_that_asks_for_a_person_is_heard() -> None:
    talk = Talk()
    talk.wrote("Do you have size 9?", provider_message_id="wamid.1")
    edit(talk, "wamid.1", "A human, please")
    assert talk.state.handler is Handler.QUEUE


def test_an_edit_of_any_length_leaves_the_state_bounded() -> None:
    talk = Talk()
    talk.wrote("Do you have size 9?", provider_message_id="wamid.1")
    edit(talk, "wamid.1", "x" * 65_536)
    assert len(talk.state.turns[0].turn.text) == 4_000


def test_an_edit_of_an_answered_question_changes_the_past_only() -> None:
    talk = Talk()
    talk.asked("Do you have size 9?")
    talk.drafted()
    edit(talk, "wamid.1", "Do you have size 10?")
    assert talk.decision.effects == ()
    assert talk.state.turns[0].turn.text == "Do you have size 10?"


def test_an_edit_while_people_have_it_starts_nothing() -> None:
    talk = Talk()
    talk.wrote("Do you have size 9?")
    talk.handed_off()
    edit(talk, "wamid.1", "Do you have size 10?")
    assert talk.decision.effects == ()


def test_a_question_deleted_while_its_draft_is_under_way_is_not_answered() -> None:
    talk = Talk()
    talk.asked("My card number is 4111")
    overtaken = talk.state.draft_id
    talk.happens(MessageRevoked, provider_message_id="wamid.1")
    assert "draft_reply" in talk.decision.withdrawn
    assert talk.state.turns == ()
    assert talk.drafted("Thank you", effect_id=overtaken).effects == ()


def test_a_question_deleted_before_its_draft_is_not_asked() -> None:
    talk = Talk()
    talk.wrote("My card number is 4111")
    talk.happens(MessageRevoked, provider_message_id="wamid.1")
    assert "wake_at.burst" in talk.decision.withdrawn
    assert (talk.state.burst, talk.decision.effects) == (None, ())


def test_one_of_two_questions_deleted_leaves_the_other() -> None:
    talk = Talk()
    talk.wrote("My card number is 4111")
    talk.asked("When do you open?")
    talk.happens(MessageRevoked, provider_message_id="wamid.1")
    assert talk.kinds == ["wake_at.burst"]
    talk.silence()
    assert talk.question == "When do you open?"


@pytest.mark.parametrize("known", ["wamid.unknown", "wamid.1"], ids=["never seen", "answered long ago"])
def test_a_deletion_of_what_is_not_open_leaves_the_draft_alone(known: str) -> None:
    talk = Talk()
    talk.asked("one")
    talk.drafted()
    talk.happens(MessageRevoked, provider_message_id=known)
    assert (talk.decision.effects, talk.decision.withdrawn) == ((), ())


# What leads to nothing


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (EffectFinished, {"effect_id": "e0.0"}),
        (MediaFetched, {"effect_id": "e0.0", "message_id": "m", "stored_as": "s", "mime_type": "t", "size": 1}),
        (SendSucceeded, {"effect_id": "e0.0", "provider_message_id": "wamid.out"}),
    ],
)
def test_plain_outcomes_change_nothing(event: type, fields: dict[str, object]) -> None:
    talk = Talk()
    talk.wrote("When?")
    before = talk.state
    assert talk.happens(event, **fields).effects == ()
    assert talk.state is before


# Who writes


def test_a_contacts_name_and_addresses_are_kept_up_to_date() -> None:
    talk = Talk()
    talk.wrote("one", contact=CONTACT)
    talk.wrote("two", contact=Contact(addresses=(Address("scoped_id", "US.1"),), username="mira77"))
    assert talk.state.name == "mira77"
    assert talk.state.addresses == (*CONTACT.addresses, Address("scoped_id", "US.1"))
    talk.wrote("three", contact=Contact(addresses=(Address("phone", "2"),)))
    assert talk.state.addresses == (Address("phone", "2"), Address("scoped_id", "US.1"))
    assert talk.state.name == "mira77"


def test_an_answer_goes_to_all_known_addresses() -> None:
    talk = Talk()
    talk.asked("When?")
    talk.drafted()
    assert talk.only(SendMessage).to == CONTACT.addresses
