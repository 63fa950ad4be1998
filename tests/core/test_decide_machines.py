"""Two machines that answer each other: warned once, then a person; the model is asked neither time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.talk import NOW, QUIET, Talk, with_policy
from frontdesk.core.conversation import RECENT_MAX, Arrival, Conversation, Handler
from frontdesk.core.guard import arrival, digest, suspicion
from frontdesk.core.message import Choice, Content, Text
from frontdesk.core.policy import Policy


def arrivals(*seconds_and_words: tuple[float, str]) -> Conversation:
    seen = tuple(
        Arrival(at=NOW + timedelta(seconds=seconds), digest=digest(words) if words else "")
        for seconds, words in seconds_and_words
    )
    return Conversation(id="c", channel="main", arrivals=seen)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param([(0, "a"), (9, "b")], "", id="a person"),
        pytest.param([(n * n / 10, f"{n}") for n in range(20)], "", id="as many as are allowed"),
        pytest.param([(n * n / 10, f"{n}") for n in range(21)], "too many messages", id="one too many"),
        pytest.param([(n * n, f"{n}") for n in range(21)], "", id="as many in a longer time"),
        pytest.param([(0, "Ok"), (9, "ok"), (11, "OK")], "", id="the same three times"),
        pytest.param(
            [(0, "Ok"), (9, "ok"), (11, " OK "), (50, "ok")], "the same text again and again", id="and once more"
        ),
        pytest.param([(0, "ok"), (9, "ok"), (11, "ok"), (700, "ok")], "", id="not within ten minutes"),
        pytest.param([(0, ""), (9, ""), (11, ""), (50, "")], "", id="buttons are made to be tapped again"),
        pytest.param([(n * 10, f"{n}") for n in range(6)], "an even beat", id="a beat"),
        pytest.param([(n * 10 + n % 2 * 0.1, f"{n}") for n in range(6)], "an even beat", id="a beat with jitter"),
        pytest.param([(n * 10 + n % 2 * 0.2, f"{n}") for n in range(6)], "", id="a beat too uneven"),
        pytest.param([(n * 10, f"{n}") for n in range(5)], "", id="a beat too short"),
        pytest.param([(n * 0.2, f"{n}") for n in range(6)], "", id="a person's burst delivered together"),
    ],
)
def test_what_looks_like_a_machine(seen: list[tuple[float, str]], why: str) -> None:
    assert suspicion(arrivals(*seen), Text(body=seen[-1][1]), QUIET) == why


@pytest.mark.parametrize(
    ("words", "content", "why"),
    [
        ("I can only read text.", Text(body="i can  ONLY read text."), "an echo of our own text"),
        ("Thank you!", Text(body="Thank you!"), ""),
        ("I can only read text.", Choice(id="x", title="I can only read text."), ""),
        ("Something else entirely", Text(body="I can only read text."), ""),
    ],
    ids=["an echo", "too short to tell", "a button with our words", "other words"],
)
def test_an_echo_of_our_own_text(words: str, content: Content, why: str) -> None:
    state = Conversation(id="c", channel="main", said=(digest(words),), arrivals=(arrival(NOW, content),))
    assert suspicion(state, content, QUIET) == why


def test_a_machine_is_warned_once_and_then_given_to_a_person_and_the_model_is_never_asked() -> None:
    talk = Talk()
    for number in range(4):
        talk.wait(10 + number).wrote("Thank you for your message!")
    assert (talk.said, talk.state.handler) == ([QUIET.loop_text], "bot")
    assert {"draft_reply", "wake_at.burst"} <= set(talk.decision.withdrawn)
    assert not any(turn.is_open for turn in talk.state.turns)
    assert (talk.state.burst, talk.state.draft_id) == (None, "")
    talk.wait(17).wrote("Thank you for your message!")
    assert [effect.author for effect in talk.sends] == []
    assert talk.notified == ["a machine seems to write: the same text again and again"]
    assert talk.state.handler is Handler.QUEUE


def test_a_warning_is_forgotten_after_an_hour() -> None:
    talk = with_policy(same_text_max=2)
    talk.wrote("ok")
    talk.wait(5).wrote("ok")
    assert talk.said == [QUIET.loop_text]
    talk.wait(3_700).wrote("ok")
    talk.wait(5).wrote("ok")
    assert talk.said == [QUIET.loop_text]
    assert talk.state.handler is Handler.BOT


def test_given_back_by_people_a_contact_starts_with_a_clean_slate() -> None:
    talk = with_policy(same_text_max=2)
    for _ in range(3):
        talk.wait(7).wrote("ok")
    assert talk.state.handler is Handler.QUEUE
    talk.released()
    assert (talk.state.warned_at, len(talk.state.arrivals)) == (None, 1)


def test_what_is_remembered_of_a_contact_is_bounded() -> None:
    talk = with_policy(inbound_max=23)
    for number in range(100):
        talk.wait(100 + number % 7).wrote(str(number))
    assert len(talk.state.arrivals) == RECENT_MAX
    assert len(talk.state.turns) == QUIET.turns_max


@pytest.mark.parametrize("count", [44, 45, 46, 48])
def test_messages_to_one_contact_leave_45_at_once_and_then_one_in_six_seconds(count: int) -> None:
    talk = Talk(Policy(greeting="", marks_read=False))
    waits = []
    for number in range(count):
        talk.replied(str(number))
        waits.append((talk.sends[0].due_at - talk.now).total_seconds())
    assert waits == [0.0] * min(45, count) + [6.0 * (number + 1) for number in range(count - 45)]


def test_what_a_vendor_hands_back_as_if_the_contact_had_written_it_is_not_answered() -> None:
    talk = Talk()
    talk.asked("When do you open?")
    talk.drafted("We open at nine o'clock.")
    window, arrivals = talk.state.window_until, talk.state.arrivals
    talk.wait(60).wrote("We open at nine o'clock.", may_be_echo=True)
    assert talk.decision.effects == ()
    assert (talk.state.window_until, talk.state.arrivals, talk.state.burst) == (window, arrivals, None)


@pytest.mark.parametrize(("repeats", "is_echo"), [(True, True), (False, False)])
def test_a_short_text_is_an_echo_only_right_behind_ours(repeats: bool, is_echo: bool) -> None:
    talk = Talk()
    talk.asked("Bye")
    talk.drafted("Bye!")
    if not repeats:
        talk.wrote("One more thing", may_be_echo=True)
        talk.silence()
        talk.drafted("Yes?")
    talk.wait(60).wrote("bye!", may_be_echo=True)
    assert (talk.state.burst is None) is is_echo


def test_a_file_is_never_an_echo_and_a_contact_may_repeat_us_elsewhere() -> None:
    talk = Talk()
    talk.asked("When do you open?")
    talk.drafted("We open at nine o'clock.")
    talk.wrote(Choice(id="1", title="We open at nine o'clock."), may_be_echo=True)
    assert talk.decision.effects
    talk.wait(60).wrote("We open at nine o'clock.")
    assert talk.decision.effects
