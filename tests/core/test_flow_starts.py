"""What starts a flow, in which language, and what interrupts one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.flow_talk import FlowTalk
from core.talk import QUIET
from frontdesk.core.conversation import Handler
from frontdesk.core.effect import DraftReply
from frontdesk.core.event import FlowRequested, ModelCall, Referral
from frontdesk.core.message import Choice, Media

RULES = """
languages: [en, hi]
interrupts:
  - {words: {en: [menu, start over], hi: [मेनू]}, flow: menu}
  - {words: [boss], hand_off: managers}
"""
MENU = "title: Menu\nsteps:\n  a: {ask: Menu?}\n  z: {end: true}"
ORDERS = """
title: Orders
starts_on:
  keywords: {en: [order status, café], hi: [मेरा ऑर्डर]}
  buttons: [ORDER_STATUS]
  ads: ["4711"]
  request: true
variables: {flow.number: text}
steps:
  a: {ask: {en: "Which, {{ flow.number }}?", hi: "कौन सा?"}}
  z: {end: true}
"""
OTHERS = """
title: Others
starts_on:
  keywords: [order]
  ads: ["*"]
steps:
  a: {ask: Other?}
  z: {end: true}
"""


def shop(**more: str) -> FlowTalk:
    return FlowTalk(QUIET, rules=RULES, menu=MENU, orders=ORDERS, others=OTHERS, **more)


@pytest.mark.parametrize(
    ("words", "stands_at"),
    [
        ("order status", "orders/a"),
        ("Order   STATUS, please!", "orders/a"),
        ("what is the order status of mine", "orders/a"),  # the longer phrase
        ("the order", "others/a"),
        ("disorder", ""),  # whole words only
        ("CAFE", "orders/a"),
        ("cafés", ""),
        ("मेरा ऑर्डर कहाँ है", "orders/a"),
        ("menu", "menu/a"),
        ("Start over!", "menu/a"),
        ("the menu please", ""),  # an interrupt stands alone
        ("I ordered a thing and an order of a friend came in its place, why", ""),  # too long for a keyword
        ("", ""),
        ("order " + "x" * 65_000, ""),
    ],
)
def test_words_start_flows(words: str, stands_at: str) -> None:
    talk = shop()
    talk.wrote(words)
    assert talk.at == stands_at


def test_a_template_s_button_starts_its_flow() -> None:
    talk = shop()
    talk.wrote(Choice(id="ORDER_STATUS", title="Where?", kind="template_button"))
    assert talk.at == "orders/a"


@pytest.mark.parametrize(("source", "stands_at"), [("4711", "orders/a"), ("4712", "others/a")])
def test_an_advertisement_starts_its_flow(source: str, stands_at: str) -> None:
    talk = shop()
    talk.wrote("hello", referral=Referral(source_id=source, headline="Sale"))
    assert talk.at == stands_at
    assert talk.state.variables == {"ad": "Sale"}


def test_an_advertisement_leads_away_from_a_question_that_its_words_do_not_answer() -> None:
    talk = shop(
        count="title: C\nstarts_on: {keywords: [count]}\nsteps:\n  a: {ask: n?, expect: number}\n  z: {end: true}"
    )
    talk.wrote("count")
    talk.wrote("hello", referral=Referral(source_id="4711"))
    assert talk.at == "orders/a"


def test_an_advertisement_is_known_after_a_long_silence_too() -> None:
    talk = shop()
    talk.wrote("hello")
    talk.wait(3 * 86_400).wrote("hello", referral=Referral(source_id="4711", headline="Sale"))
    assert talk.state.variables == {"ad": "Sale"}


def test_the_first_message_starts_the_flow_for_it_once() -> None:
    talk = shop(welcome="title: W\nstarts_on: {first_contact: true}\nsteps:\n  a: {say: Welcome.}\n  z: {end: true}")
    talk.policy = replace(QUIET, greeting="Hi from the policy.")
    talk.wrote("hello")
    assert talk.said == ["Welcome."]
    talk.wrote("hello again")
    assert talk.said == []
    assert talk.state.burst is not None  # the model is asked, as without flows


def test_without_one_the_policy_greets() -> None:
    talk = shop()
    talk.policy = replace(QUIET, greeting="Hi from the policy.")
    talk.wrote("hello")
    assert talk.said == ["Hi from the policy."]


def test_an_interrupt_leaves_whatever_was_asked() -> None:
    talk = shop()
    talk.wrote("order status")
    talk.wrote("MENU")
    assert talk.at == "menu/a"
    assert "wake_at.flow" in talk.decision.withdrawn


def test_an_interrupt_may_ask_for_a_team() -> None:
    talk = shop()
    talk.wrote("boss")
    assert talk.state.handler is Handler.QUEUE
    assert talk.state.handover is not None
    assert talk.state.handover.team == "managers"


@pytest.mark.parametrize("question", ["", "order status"])
def test_what_the_rules_say_of_a_word_goes_before_the_policy_s_words_for_people(question: str) -> None:
    rules = RULES.replace("[boss]", "[agent]").replace("[menu, start over]", "[staff, start over]")
    talk = FlowTalk(QUIET, rules=rules, menu=MENU, orders=ORDERS)
    talk.wrote(question or "hello")
    talk.wrote("Staff!")
    assert talk.at == "menu/a"
    talk.wrote("agent")
    assert talk.state.handover is not None
    assert talk.state.handover.team == "managers"


def test_a_phrase_in_the_middle_of_a_question_is_its_answer_if_it_fits() -> None:
    talk = shop()
    talk.wrote("order status")
    talk.wrote("order")
    assert talk.state.run is None  # it was the answer to “Which?”


def test_a_phrase_that_does_not_fit_the_question_starts_its_flow() -> None:
    counting = "steps:\n  a: {ask: How many?, expect: number}\n  z: {end: true}"
    talk = shop(count=f"title: C\nstarts_on: {{keywords: [count]}}\n{counting}")
    talk.wrote("count")
    talk.wrote("order status")
    assert talk.at == "orders/a"


INTENTS = """
title: Refund
starts_on: {intents: [The customer wants the money back]}
steps:
  a: {ask: For which order?}
  z: {end: true}
"""


def test_the_model_may_recognise_what_is_meant() -> None:
    talk = shop(refund=INTENTS)
    talk.asked("give me back what I paid")
    draft: DraftReply = talk.only(DraftReply)
    assert (draft.prompt.task, draft.prompt.choices) == ("choose", ("The customer wants the money back",))
    talk.model_says("The customer wants the money back")
    assert talk.at == "refund/a"


@pytest.mark.parametrize("answer", ["none", "The customer wants", ""])
def test_a_meaning_that_is_none_of_them_is_answered_by_the_model(answer: str) -> None:
    talk = shop(refund=INTENTS)
    talk.asked("how are you?")
    talk.model_says(answer, is_answer=bool(answer))
    draft: DraftReply = talk.only(DraftReply)
    assert (draft.prompt.task, draft.prompt.question) == ("answer", "how are you?")
    talk.model_says("Fine.")
    assert talk.said == ["Fine."]


def test_a_model_that_cannot_choose_is_asked_for_an_answer() -> None:
    talk = shop(refund=INTENTS)
    talk.asked("how are you?")
    talk.model_fails()
    draft: DraftReply = talk.only(DraftReply)
    assert draft.prompt.task == "answer"


@pytest.mark.parametrize("fails", [True, False])
def test_a_choice_and_the_answer_after_it_share_one_deadline(fails: bool) -> None:
    talk = shop(refund=INTENTS)
    talk.asked("how are you?")
    choice: DraftReply = talk.only(DraftReply)
    talk.wait(24)
    if fails:
        talk.model_fails()
    else:
        talk.model_says("", is_answer=False)
    draft: DraftReply = talk.only(DraftReply)
    assert (choice.since, draft.since) == (None, choice.due_at)
    assert talk.state.intent_since is None


@pytest.mark.parametrize(("attempt", "taken"), [(1, timedelta(seconds=1.5)), (2, timedelta(seconds=90))])
def test_the_time_in_which_nothing_ran_is_not_taken_from_the_answer(attempt: int, taken: timedelta) -> None:
    talk = shop(refund=INTENTS)
    talk.asked("how are you?")
    talk.wait(90)
    calls = (ModelCall(backend="first", code="busy", seconds=0.5), ModelCall(backend="other", seconds=1.0))
    talk.model_says("", is_answer=False, calls=calls, attempt=attempt)
    draft: DraftReply = talk.only(DraftReply)
    assert draft.due_at - draft.since == taken  # type: ignore[operator]


def test_a_choice_that_was_overtaken_starts_nothing() -> None:
    talk = shop(refund=INTENTS)
    talk.asked("give me back what I paid")
    draft: DraftReply = talk.only(DraftReply)
    talk.wrote("oh, and the money")
    from frontdesk.core.event import ReplyDrafted

    talk.happens(ReplyDrafted, effect_id=draft.id, text="The customer wants the money back")
    assert talk.state.run is None


def test_a_program_may_start_a_flow() -> None:
    talk = shop()
    talk.wrote("hello")
    talk.happens(FlowRequested, flow="orders", values={"number": "A1"})
    assert talk.said == ["Which, A1?"]


def test_a_flow_that_begins_ends_the_draft_for_what_was_open() -> None:
    talk = shop()
    talk.asked("what does it cost?")
    draft_id = talk.state.draft_id
    talk.happens(FlowRequested, flow="orders", values={"number": "A1"})
    assert "draft_reply" in talk.decision.withdrawn
    talk.drafted("Ten euros.", effect_id=draft_id)
    assert talk.decision.effects == ()


def test_people_are_told_when_a_program_asks_while_they_have_it() -> None:
    talk = shop()
    talk.wrote("hello")
    talk.handed_off()
    talk.happens(FlowRequested, flow="orders")
    assert talk.state.run is None
    assert talk.notified == ["a program asked for the flow orders, but people have the conversation"]


@pytest.mark.parametrize(
    ("words", "question"),
    [("order status", "Which, ?"), ("मेरा ऑर्डर", "कौन सा?"), ("कैफ़े order status", "Which, ?")],
)
def test_the_contact_s_language_is_told_by_what_they_write(words: str, question: str) -> None:
    talk = shop()
    talk.wrote(words)
    assert talk.said == [question]


def test_the_script_tells_the_language_before_any_phrase_does_and_a_phrase_does_not_change_it() -> None:
    talk = shop()
    talk.wrote("नमस्ते")
    talk.wrote("order status")
    assert talk.said == ["कौन सा?"]


def test_a_language_that_was_chosen_stays() -> None:
    talk = FlowTalk(
        rules="languages: [en, hi]",
        language="""
            title: L
            starts_on: {keywords: [language]}
            steps:
              a: {choose: "Which?", options: {en: English, hi: Hindi}, save: contact.language}
              b: {ask: {en: And now?, hi: और अब?}}
              z: {end: true}
            """,
    )
    talk.wrote("language")
    talk.tapped("Hindi")
    assert talk.said == ["और अब?"]
    talk.wrote("fine")
    talk.wait(10 * 86_400).wrote("language")
    assert talk.state.facts == {"language": "hi"}


def test_a_button_of_a_flow_is_no_word_for_people_or_for_another_flow() -> None:
    talk = shop(
        topics="""
            title: T
            starts_on: {keywords: [topics]}
            steps:
              a: {choose: "Which?", options: {menu: {title: Menu, next: b}, agent: {title: Agent, next: b}}}
              b: {ask: Chosen?}
              z: {end: true}
            """
    )
    for title in ("Menu", "Agent"):
        talk.wait(90).wrote("topics")
        talk.tapped(title)
        assert talk.at == "topics/b"
        talk.wrote("done")


def test_a_photo_starts_nothing() -> None:
    talk = shop()
    talk.wrote(Media(kind="image", media_id="1", caption="order status"))
    assert talk.state.run is None
