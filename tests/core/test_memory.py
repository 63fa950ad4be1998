"""What is remembered of a conversation beyond its last turns."""

from __future__ import annotations

import pytest

from core.flow_talk import FlowTalk
from core.talk import QUIET, Talk, with_policy
from frontdesk.core.effect import DraftReply
from frontdesk.core.event import DraftFailed, ReplyDrafted
from frontdesk.core.memory import FADED_MIN, MEMORY_CHARACTERS_MAX, truncated
from frontdesk.core.plan import FADING_CHARACTERS_MAX, FADING_MAX
from frontdesk.core.prompt import Turn


def chat(talk: Talk, exchanges: int, words: str = "question") -> None:
    for number in range(exchanges):
        talk.wait(97 + number).asked(f"{words} {number}")
        talk.drafted(f"answer {number}")


def drafts(talk: Talk) -> dict[str, DraftReply]:
    return {effect.prompt.task: effect for effect in talk.decision.effects if isinstance(effect, DraftReply)}


def full() -> Talk:
    """So much was said that a summary is asked for with the last question."""
    talk = with_policy(turns_max=4)
    chat(talk, 7)
    talk.asked("and now?")
    return talk


def test_the_last_turns_stand_verbatim_and_older_ones_are_summed_up() -> None:
    talk = full()
    asked = drafts(talk)
    assert [turn.text for turn in asked["answer"].prompt.turns] == ["answer 5", "question 6", "answer 6", "and now?"]
    faded = [turn.text for turn in asked["summarise"].prompt.turns]
    assert faded[:2] == ["question 0", "answer 0"]
    assert len(faded) >= FADED_MIN
    talk.happens(ReplyDrafted, effect_id=asked["summarise"].id, text="They asked six times.")
    assert (talk.state.memory, talk.state.fading) == ("They asked six times.", ())
    talk.drafted("Yes.")
    talk.asked("further")
    assert drafts(talk)["answer"].prompt.summary == "They asked six times."


def test_a_summary_says_nothing_to_the_contact() -> None:
    talk = full()
    talk.happens(ReplyDrafted, effect_id=drafts(talk)["summarise"].id, text="They asked six times.")
    assert talk.decision.effects == ()


@pytest.mark.parametrize("how", ["none", "failed"])
def test_without_a_model_the_words_themselves_are_kept_shorter(how: str) -> None:
    talk = full()
    known = drafts(talk)["summarise"].id
    if how == "none":
        talk.happens(ReplyDrafted, effect_id=known, text="", is_answer=False)
    else:
        talk.happens(DraftFailed, effect_id=known, reason="away")
    assert talk.state.memory.splitlines()[:2] == ["contact: question 0", "bot: answer 0"]
    assert talk.state.fading == ()
    assert talk.notified == []


def test_what_fades_while_a_summary_is_made_waits_for_the_next() -> None:
    talk = full()
    known = drafts(talk)["summarise"].id
    asked = talk.state.fading
    talk.drafted("Yes.")
    talk.asked("one more")
    later = talk.state.fading[len(asked) :]
    assert later
    assert "summarise" not in drafts(talk)  # one at a time
    talk.happens(ReplyDrafted, effect_id=known, text="Summed up.")
    assert talk.state.fading == later


def test_no_summary_is_asked_for_where_no_answer_is() -> None:
    talk = with_policy(turns_max=2)
    talk.replied()
    for _ in range(60):
        talk.wait(97).wrote("x" * 5_000)
    assert not drafts(talk)
    assert len(talk.state.fading) == FADING_MAX
    assert max(len(turn.text) for turn in talk.state.fading) == FADING_CHARACTERS_MAX


def test_a_summary_is_withdrawn_when_people_come() -> None:
    talk = full()
    talk.replied()
    assert "draft_reply.summary" in talk.decision.withdrawn
    assert talk.state.summary_id == ""


def test_the_newest_words_are_kept_in_whole_lines() -> None:
    turns = tuple(Turn(role="contact", text=f"{number} " + "x" * 90) for number in range(100))
    memory = truncated("older", turns)
    assert len(memory) <= MEMORY_CHARACTERS_MAX
    assert memory.splitlines()[-1].startswith("contact: 99 x")
    assert memory.splitlines()[0].startswith("contact: ")


SHOP = """
title: Shop
starts_on: {keywords: [go]}
variables: {contact.city: text, conversation.topic: text, flow.x: text}
steps:
  a: {set: {contact.city: Pune, conversation.topic: shoes}}
  b: {ask: "Well?", save: flow.x}
  c: {say: "{{ contact.city }} {{ conversation.topic }}"}
  z: {end: true}
"""


def test_a_long_silence_starts_afresh_and_keeps_facts() -> None:
    talk = FlowTalk(rules="forgets_after: 2 hours", shop=SHOP)
    talk.wrote("go")
    talk.wait(3 * 3_600).wrote("hello again")
    assert talk.state.run is None
    assert (talk.state.facts, talk.state.variables) == ({"city": "Pune"}, {})
    assert [held.turn.text for held in talk.state.turns] == ["hello again"]
    assert "wake_at.flow" in talk.decision.withdrawn


def test_a_shorter_one_does_not() -> None:
    talk = FlowTalk(rules="forgets_after: 2 hours", shop=SHOP)
    talk.wrote("go")
    talk.wait(3_600).wrote("here")
    assert talk.said == ["Pune shoes"]


@pytest.mark.parametrize(("seconds", "said"), [(7_200, ["Pune shoes"]), (7_200.001, [])])
def test_it_is_forgotten_after_the_time_and_not_with_it(seconds: float, said: list[str]) -> None:
    talk = FlowTalk(rules="forgets_after: 2 hours", shop=SHOP)
    talk.wrote("go")
    talk.wait(seconds).wrote("here")
    assert talk.said == said


def test_a_fresh_start_has_no_summary_of_what_was_before() -> None:
    shop = FlowTalk(with_policy(turns_max=4).policy, rules="forgets_after: 2 hours", shop=SHOP)
    chat(shop, 7)
    shop.asked("and now?")
    shop.happens(ReplyDrafted, effect_id=drafts(shop)["summarise"].id, text="They asked six times.")
    assert shop.state.memory == "They asked six times."
    shop.wait(3 * 3_600).wrote("hello again")
    assert shop.state.memory == ""


def test_a_wait_that_was_meant_to_be_long_stays() -> None:
    talk = FlowTalk(
        rules="forgets_after: 2 hours",
        shop="title: S\nstarts_on: {keywords: [go]}\nsteps:\n  a: {wait: 5 hours}\n  b: {say: Here.}\n  z: {end: true}",
    )
    talk.wrote("go")
    talk.wait(3 * 3_600).wrote("hello?")
    assert talk.at == "shop/a"


def test_the_model_is_told_facts_about_the_contact() -> None:
    talk = FlowTalk(QUIET, shop=SHOP)
    talk.wrote("go")
    talk.wrote("done")
    talk.asked("what do you know?")
    assert drafts(talk)["answer"].prompt.facts == (("city", "Pune"),)
