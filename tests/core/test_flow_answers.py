"""The step that lets the language model answer."""

from __future__ import annotations

from core.flow_talk import one
from frontdesk.core.effect import DraftReply
from frontdesk.core.event import MessageEdited, ReplyDrafted
from frontdesk.core.message import Text

ANSWER = """
  a:
    answer: {instructions: "Only about {{ contact.name }}'s orders.", scope: [orders.md]}
    if_unanswered: sorry
  b: {say: "Anything else?", next: z}
  sorry: {say: "I do not know: {{ flow.failure }}"}
  z: {end: true}
"""


def test_answer_lets_the_model_answer_what_the_contact_wrote() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    draft: DraftReply = talk.only(DraftReply)
    assert draft.prompt.question == "go"
    assert draft.prompt.directions == "Only about [contact.name]'s orders."
    assert draft.prompt.facts == (("contact.name", "Mira"),)  # a contact's words are never the business's
    assert draft.prompt.scope == ("orders.md",)
    talk.model_says("**Yes**, today.")
    assert talk.said == ["*Yes*, today.", "Anything else?"]


def test_an_answer_that_the_model_does_not_know_takes_its_branch() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    talk.model_says("", is_answer=False)
    assert talk.said == ["I do not know: the language model had no answer"]


def test_an_answer_in_a_flow_ends_the_count_of_those_that_were_not_answered() -> None:
    talk = one(ANSWER)
    talk.asked("what?")
    talk.drafted("", is_answer=False)
    assert talk.state.unanswered == 1
    talk.wrote("go")
    talk.model_says("Yes.")
    assert talk.state.unanswered == 0


def test_a_model_that_is_away_takes_the_same_branch() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    talk.model_fails()
    assert talk.said == ["I do not know: it is away"]


def test_a_further_message_is_asked_about_together_with_the_first() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    first: DraftReply = talk.only(DraftReply)
    talk.wrote("and please hurry")
    second: DraftReply = talk.only(DraftReply)
    assert second.prompt.question == "go\nand please hurry"
    assert "draft_reply" in talk.decision.withdrawn
    from frontdesk.core.event import ReplyDrafted

    talk.happens(ReplyDrafted, effect_id=first.id, text="too late")
    assert talk.said == []
    talk.happens(ReplyDrafted, effect_id=second.id, text="All right.")
    assert talk.said == ["All right.", "Anything else?"]


def test_words_that_are_edited_before_the_answer_are_asked_about_anew() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    old: DraftReply = talk.only(DraftReply)
    talk.happens(MessageEdited, provider_message_id="wamid.1", content=Text(body="going"))
    assert "draft_reply" in talk.decision.withdrawn
    assert talk.only(DraftReply).prompt.question == "going"
    current = talk.decision
    talk.happens(ReplyDrafted, effect_id=old.id, text="Too late.")
    assert talk.decision.effects == ()
    talk.decision = current
    talk.model_says("Fine.")
    assert talk.said == ["Fine.", "Anything else?"]


def test_what_did_not_fit_a_question_is_not_asked_of_the_model_later() -> None:
    talk = one("  a: {ask: n?, expect: number}\n  b: {answer: true}\n  z: {end: true}")
    talk.wrote("go")
    talk.wrote("none of that")
    talk.wrote("5")
    assert talk.only(DraftReply).prompt.question == "5"
