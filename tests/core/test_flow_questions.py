"""Questions: what fits, what is asked again, how one is left."""

from __future__ import annotations

from typing import Any

import pytest

from core.flow_talk import FlowTalk
from core.talk import QUIET
from frontdesk.core.conversation import Handler
from frontdesk.core.message import (
    Buttons,
    Choice,
    ContactCard,
    ContactCards,
    Content,
    ListMenu,
    Location,
    Media,
    Text,
    Unsupported,
)

MISFIT = "Sorry, "
"""How the default sentence begins."""


def asking(expect: str, rules: str = "country: IN", **more: Any) -> FlowTalk:
    extra = "".join(f"\n    {key}: {value}" for key, value in more.items())
    talk = FlowTalk(
        rules=rules,
        shop=f"""
title: Shop
starts_on: {{keywords: [go]}}
variables: {{flow.x: {{type: text}}, flow.n: number}}
steps:
  q:
    ask: Well?
    expect: {expect}
    save: {"flow.n" if "number" in expect else "flow.x"}{extra}
  then: {{ask: Next?}}
  z: {{end: true}}
""",
    )
    talk.wrote("go")
    return talk


def kept(talk: FlowTalk) -> object:
    return talk.variables.get("n", talk.variables.get("x"))


PHOTO = Media(kind="image", media_id="1")
VOICE = Media(kind="audio", media_id="1", is_voice=True)
PLACE = Location(latitude=48.5, longitude=11.25)
CARD = ContactCards(cards=(ContactCard(formatted_name="Bo", phones=("+911",)),))

FITTING: list[tuple[str, Content | str, object]] = [
    ("text", "anything at all", "anything at all"),
    ("text", " spaced ", "spaced"),
    ("{type: text, minimum: 2, maximum: 3}", "abc", "abc"),
    ("number", "2", 2),
    ("number", "two of them, so 2 please", 2),
    ("number", "1.5 kg", 1.5),
    ("number", "1,5", 1.5),
    ("number", "-3", -3),
    ("number", "२", 2),
    ("{type: number, whole: true}", "4.0", 4),
    ("{type: number, minimum: 1, maximum: 6}", "6", 6),
    ("{type: number, test: message.value != 13}", "12", 12),
    ("email", "it is mira@example.com, thanks", "mira@example.com"),
    ("phone", "98765 43210", "+919876543210"),
    ("phone", "+49 171 1234567", "+491711234567"),
    ("date", "24.12.", "2026-12-24"),
    ("date", "tomorrow", "2026-11-02"),
    ("{type: date, earliest: conversation.today, latest: conversation.today}", "today", "2026-11-01"),
    ("image", PHOTO, "e2"),
    ("media", Media(kind="document", media_id="1"), "e2"),
    ("audio", VOICE, "e2"),
    ("location", PLACE, "48.5,11.25"),
    ("contact", CARD, "Bo +911"),
    ("anything", "word", "word"),
    ("anything", PHOTO, "e2"),
    ("text", Choice(id="x", title="Yes"), "Yes"),
]

UNFITTING: list[tuple[str, Content | str]] = [
    ("{type: text, minimum: 2, maximum: 3}", "a"),
    ("{type: text, minimum: 2, maximum: 3}", "abcd"),
    ("number", "none"),
    ("number", "2 or 3"),
    ("number", "1,200"),
    ("number", "1.200,50"),
    ("number", "A12"),
    ("number", "9" * 400),
    ("{type: number, whole: true}", "1.5"),
    ("{type: number, minimum: 1, maximum: 6}", "7"),
    ("{type: number, test: message.value != 13}", "13"),
    ("email", "mira at example"),
    ("email", "a@example.com or b@example.com"),
    ("phone", "12"),
    ("phone", "+91 98765 43210 or +91 98765 43211"),
    ("date", "31.2."),
    ("date", "some day"),
    ("{type: date, earliest: conversation.today}", "31.10.2026"),
    ("{type: date, latest: conversation.today}", "tomorrow"),
    ("image", "no photo"),
    ("image", VOICE),
    ("location", "at home"),
    ("contact", "Bo"),
    ("text", PHOTO),
    ("text", VOICE),
    ("text", Unsupported(kind="poll")),
    ("number", PLACE),
]


@pytest.mark.parametrize(("expect", "answer", "value"), FITTING, ids=lambda value: str(value)[:40])
def test_an_answer_that_fits_is_kept(expect: str, answer: Content | str, value: object) -> None:
    talk = asking(expect)
    talk.wrote(answer)
    assert talk.at == "shop/then"
    assert kept(talk) == value


@pytest.mark.parametrize(("expect", "answer"), UNFITTING, ids=lambda value: str(value)[:40])
def test_an_answer_that_does_not_fit_is_asked_again(expect: str, answer: Content | str) -> None:
    talk = asking(expect)
    talk.wrote(answer)
    assert talk.at == "shop/q"
    (said,) = talk.said
    assert said.endswith("\n\nWell?")


def test_an_answer_for_which_its_variable_has_no_room_is_not_cut() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            variables: {flow.x: {type: text, longest: 5}}
            steps:
              q: {ask: Well?, save: flow.x}
              then: {ask: Next?}
              z: {end: true}
            """
    )
    talk.wrote("go")
    talk.wrote("123456")
    assert talk.at == "shop/q"
    talk.wrote("12345")
    assert kept(talk) == "12345"


def test_dates_are_read_in_the_order_of_the_business() -> None:
    talk = asking("date", rules="date_order: MDY")
    talk.wrote("12/4")
    assert kept(talk) == "2026-12-04"


def test_its_own_sentence_replaces_the_rule_s() -> None:
    talk = asking("number", misfit="A number, please.")
    talk.wrote("none")
    assert talk.said == ["A number, please."]


def test_a_voice_message_is_told_what_can_be_read_whatever_the_step_says_of_words() -> None:
    talk = asking("number", misfit="A number, please.")
    talk.wrote(VOICE)
    (said,) = talk.said
    assert said.startswith("I can only read words here")
    assert said.endswith("\n\nWell?")


def test_after_the_last_try_people_are_asked() -> None:
    talk = asking("number", tries=2)
    talk.wrote("none")
    talk.wrote("still none")
    assert talk.state.handler is Handler.QUEUE
    assert talk.notified == ["the flow shop, step q got 2 answers that do not fit"]


def test_or_the_flow_goes_where_the_step_says() -> None:
    talk = asking("number", tries=1, otherwise="then")
    talk.wrote("none")
    assert talk.at == "shop/then"


def test_a_way_out_leaves_the_question() -> None:
    talk = asking("text", way_out="{words: [Never mind], next: then}")
    talk.wrote("NEVER, mind!")
    assert talk.at == "shop/then"
    assert talk.variables == {}


def test_a_word_for_people_is_an_answer_unless_it_stands_alone() -> None:
    talk = asking("number")
    talk.wrote("2 person")
    assert kept(talk) == 2
    talk.wrote("agent")
    assert talk.state.handler is Handler.QUEUE


def test_short_answers_may_be_equal() -> None:
    talk = asking("number", tries=9)
    for seconds in (7, 3, 11, 5, 20, 4):
        talk.wait(seconds).wrote("no")
    assert talk.at == "shop/q"
    assert talk.state.warned_at is None


OPTIONS = """
title: Shop
starts_on: {keywords: [go]}
variables: {flow.x: text}
steps:
  hello: {say: Hello.}
  q:
    choose: What?
    options:
%s
    save: flow.x
  then: {ask: "{{ flow.x }}?", next: z}
  other: {ask: Other}
  z: {end: true}
"""


def choosing(count: int, *, has_buttons: bool = True, described: bool = False) -> FlowTalk:
    more = ", description: more" if described else ""
    rows = [f"      o{n}: {{title: {{en: Option {n}, hi: विकल्प {n}}}{more}}}" for n in range(1, count)]
    rows.append(f"      o{count}: {{title: {{en: Last, hi: अंतिम}}, next: other{more}}}")
    talk = FlowTalk(QUIET, has_buttons, rules="languages: [en, hi]", shop=OPTIONS % "\n".join(rows))
    talk.wrote("go")
    return talk


@pytest.mark.parametrize(
    ("count", "described", "kind"),
    [
        (2, False, Buttons),
        (3, False, Buttons),
        (3, True, ListMenu),
        (4, False, ListMenu),
        (10, True, ListMenu),
        (11, False, Text),
    ],
)
def test_options_are_shown_as_the_channel_allows(count: int, described: bool, kind: type[Content]) -> None:
    talk = choosing(count, described=described)
    assert isinstance(talk.sends[-1].content, kind)


def test_a_channel_without_buttons_gets_numbers() -> None:
    talk = choosing(3, has_buttons=False)
    assert talk.said[-1].startswith("What?\n\n1. Option 1\n2. Option 2\n3. Last\n\n")
    talk.wrote("2")
    assert talk.variables == {"x": "o2"}


@pytest.mark.parametrize("answer", ["Option 1", "option 1!", "1", "o1", " O1", "विकल्प 1", "१"])
def test_options_may_be_typed(answer: str) -> None:
    talk = choosing(3)
    talk.wrote(answer)
    assert talk.variables == {"x": "o1"}
    assert talk.at == "shop/then"


def test_an_option_leads_where_it_says() -> None:
    talk = choosing(3)
    talk.tapped("Last")
    assert talk.at == "shop/other"
    assert talk.variables == {"x": "o3"}


def test_the_same_button_twice_is_heard_once() -> None:
    talk = choosing(3)
    button = talk.choice("Option 1")
    talk.wrote(button)
    talk.wait(5).wrote(button)
    assert talk.decision.effects == ()
    assert talk.at == "shop/then"


def test_another_button_of_an_answered_question_is_told_that_it_is_old() -> None:
    talk = choosing(3)
    late = talk.choice("Last")
    talk.tapped("Option 1")
    talk.wait(5).wrote(late)
    assert talk.at == "shop/then"
    (said,) = talk.said
    assert said.endswith("\n\no1?")
    assert "button" in said


def test_an_old_button_never_answers_another_question_that_looks_alike() -> None:
    talk = choosing(3)
    old = talk.choice("Option 1")
    talk.wrote("1")
    talk.wrote("done with it")
    talk.wait(90).wrote("go")
    talk.wrote(old)
    assert talk.at == "shop/q"
    assert talk.variables == {}


def test_a_button_of_weeks_ago_starts_its_flow_at_its_first_question() -> None:
    talk = choosing(3)
    old = talk.choice("Option 1")
    talk.tapped("Option 1")
    talk.wrote("done with it")
    assert talk.state.run is None
    talk.wait(21 * 86_400).wrote(old)
    assert talk.at == "shop/then"
    assert talk.said == ["o1?"]


def test_an_old_button_of_a_later_question_is_told_that_it_is_old() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            steps:
              a: {ask: Name?}
              b: {choose: "Sure?", options: {"yes": "Yes", "no": "No"}}
              c: {end: true}
            """
    )
    talk.wrote("go")
    talk.wrote("Mira")
    old = talk.choice("Yes")
    talk.tapped("No")
    talk.wait(90).wrote(old)
    (said,) = talk.said
    assert "button" in said
    assert talk.state.run is None


def test_a_tap_that_counts_visits_first_is_taken_up_all_the_same() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            variables: {contact.visits: {type: number, default: 0}}
            steps:
              count: {set: {contact.visits: "= contact.visits + 1"}}
              known: {branch: [{if: contact.visits > 1, next: again}]}
              new: {say: Hello., next: b}
              again: {say: Hello again.}
              b: {choose: "Sure?", options: {"yes": "Yes", "no": "No"}}
              c: {say: Done.}
              d: {end: true}
            """
    )
    talk.wrote("go")
    old = talk.choice("Yes")
    talk.tapped("No")
    talk.wait(90).wrote(old)
    assert talk.said == ["Done."]
    assert talk.state.facts == {"visits": 2}


def test_an_old_button_leaves_a_wait_as_it_is() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            variables: {contact.visits: {type: number, default: 0}}
            steps:
              count: {set: {contact.visits: "= contact.visits + 1"}}
              a: {ask: Name?}
              b: {choose: "Sure?", options: {"yes": "Yes", "no": "No"}}
              c: {wait: 10 minutes}
              d: {say: Here.}
              e: {end: true}
            """
    )
    talk.wrote("go")
    talk.wrote("Mira")
    old = talk.choice("Yes")
    talk.tapped("No")
    talk.wait(90).wrote(old)
    assert "button" in talk.said[0]
    assert not talk.decision.withdrawn
    assert talk.state.facts == {"visits": 1}
    talk.wait(600).later()
    assert talk.said == ["Here."]


def test_a_button_of_a_flow_that_is_gone_is_told_that_it_is_old() -> None:
    talk = choosing(3)
    old = talk.choice("Option 1")
    talk.tapped("Option 1")
    talk.wrote("done with it")
    talk.change(other="title: Other\nsteps:\n  a: {end: true}\nstarts_on: {keywords: [x]}")
    talk.wait(90).wrote(old)
    (said,) = talk.said
    assert "button" in said


SILENCE = """
silence:
  - {after: 10 minutes, say: Still there?}
  - {after: 1 hour, say: Until next time.}
  - {after: 2 hours, close: true}
"""


def test_silence_is_reminded_of_and_then_closed() -> None:
    talk = asking("text", rules=SILENCE)
    assert talk.timer_due_after == 600
    talk.wait(600).later()
    assert (talk.said, talk.timer_due_after) == (["Still there?"], 3_000)
    talk.wait(3_000).later()
    assert (talk.said, talk.timer_due_after) == (["Until next time."], 3_600)
    talk.wait(3_600).later()
    assert (talk.said, talk.state.run) == ([], None)


def test_an_answer_stops_the_reminders_and_the_next_question_has_its_own() -> None:
    talk = asking("text", rules=SILENCE)
    first = talk.timer()
    talk.wait(60).wrote("here")
    assert "wake_at.flow" in talk.decision.withdrawn
    assert talk.timer_due_after == 600
    from frontdesk.core.event import TimerFired

    talk.wait(540).happens(TimerFired, effect_id=first.id, purpose="flow")
    assert talk.decision.effects == ()


def test_a_step_may_have_no_reminders() -> None:
    talk = asking("text", rules=SILENCE, silence="[]")
    assert not [kind for kind in talk.kinds if kind.startswith("wake_at")]


@pytest.mark.parametrize("change", ["edit", "deletion"])
def test_a_changed_answer_changes_nothing_that_was_decided(change: str) -> None:
    talk = asking("text")
    talk.wrote("first words")
    before = talk.state.run
    from frontdesk.core.event import MessageEdited, MessageRevoked

    if change == "edit":
        talk.happens(MessageEdited, provider_message_id="wamid.2", content=Text(body="other words"))
    else:
        talk.happens(MessageRevoked, provider_message_id="wamid.2")
    assert talk.decision.effects == ()
    assert talk.state.run == before
