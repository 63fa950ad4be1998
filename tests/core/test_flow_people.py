"""Flows and people: who has the conversation when, and what is left of a flow then."""

from __future__ import annotations

import pytest

from core.flow_talk import FlowTalk
from frontdesk.core.conversation import Handler
from frontdesk.core.event import CallReturned, Resolved, TimerFired
from frontdesk.core.position import AnswerAwaited, CallAwaited, DraftAwaited, TimeAwaited
from frontdesk.core.states import (
    HANDLER_MOVES,
    POSITION_MOVES,
    IllegalMove,
    check_move,
    handler_diagram,
    kind_of_position,
    move_handler,
    position_diagram,
)

SHOP = """
title: Shop
starts_on: {keywords: [ask, call, draft, wait]}
steps:
  which:
    branch:
      - {if: message.text == "call", next: call}
      - {if: message.text == "draft", next: draft}
      - {if: message.text == "wait", next: wait}
  ask: {ask: Well?}
  said: {say: Further., next: z}
  call: {call: {host: shop, method: GET, path: /}, if_failed: said, next: said}
  draft: {answer: true, next: said}
  wait: {wait: 10 minutes, next: said}
  z: {end: true}
"""


@pytest.mark.parametrize("position", ["ask", "call", "draft", "wait"])
@pytest.mark.parametrize("who", ["reply", "hand off", "loop"])
def test_people_end_a_flow_wherever_it_stands(position: str, who: str) -> None:
    talk = FlowTalk(rules="silence: [{after: 10 minutes, say: There?}]", shop=SHOP)
    talk.wrote(position)
    waits = talk.run.waits
    if who == "reply":
        talk.replied()
    elif who == "hand off":
        talk.handed_off()
    else:
        talk.wrote("agent")
    assert talk.state.handler is not Handler.BOT
    assert talk.state.run is None
    assert {"wake_at.flow", "call_http", "draft_reply", "send_message.bot"} <= set(talk.decision.withdrawn)
    match waits:
        case AnswerAwaited(timer_id=known) | TimeAwaited(timer_id=known):
            talk.happens(TimerFired, effect_id=known, purpose="flow")
        case CallAwaited(effect_id=known):
            talk.happens(CallReturned, effect_id=known, status=200)
        case DraftAwaited(effect_id=known):
            talk.drafted("late", effect_id=known)
    assert talk.decision.effects == ()


@pytest.mark.parametrize("position", ["ask", "call", "draft", "wait"])
def test_who_resolves_the_bot_s_conversation_ends_its_flow(position: str) -> None:
    talk = FlowTalk(rules="silence: [{after: 10 minutes, say: There?}]", shop=SHOP)
    talk.wrote(position)
    was_open = any(held.is_open for held in talk.state.turns)
    talk.happens(Resolved, agent="asha")
    assert talk.state.run is None
    assert talk.state.is_resolved
    assert "wake_at.flow" in talk.decision.withdrawn
    assert ("draft_reply" in talk.decision.withdrawn) is (position == "draft")
    assert not any(held.is_open for held in talk.state.turns)
    assert talk.notified == (["it was resolved while the contact waited for an answer"] if was_open else [])
    talk.wrote("ask")
    assert talk.at == "shop/ask"


def test_after_people_the_flow_begins_anew() -> None:
    talk = FlowTalk(shop=SHOP)
    talk.wrote("ask")
    talk.replied()
    talk.released()
    talk.wrote("something else")
    assert talk.state.run is None
    talk.wrote("ask")
    assert talk.at == "shop/ask"


def test_a_contact_who_writes_during_a_wait_is_answered_and_the_wait_goes_on() -> None:
    talk = FlowTalk(shop=SHOP)
    talk.wrote("wait")
    timer = talk.timer()
    talk.asked("and what does it cost?")
    talk.drafted("Ten euros.")
    assert talk.said == ["Ten euros."]
    talk.wait(600).happens(TimerFired, effect_id=timer.id, purpose="flow")
    assert talk.said == ["Further."]


def test_every_handler_can_be_reached_and_left() -> None:
    assert set(HANDLER_MOVES.values()) == set(Handler)
    assert {old for old, _ in HANDLER_MOVES} == set(Handler)


def test_a_move_that_no_table_knows_is_refused() -> None:
    with pytest.raises(IllegalMove, match="a conversation that is with agent cannot be moved by hand_off"):
        move_handler(Handler.AGENT, "hand_off")
    with pytest.raises(IllegalMove, match="a flow that stands at idle cannot be moved to answer by reminded"):
        check_move(None, "reminded", AnswerAwaited())


def test_every_position_has_a_name_and_a_way_out() -> None:
    positions = (None, AnswerAwaited(), CallAwaited(effect_id="e"), DraftAwaited(effect_id="e"))
    names = {kind_of_position(one) for one in positions} | {"tap", "time"}
    assert names == {old for old, _ in POSITION_MOVES}
    assert all(
        "idle" in POSITION_MOVES[name, "ended"]  # type: ignore[index]  # a kind of position
        for name in names - {"idle"}
    )


def test_the_diagrams_draw_every_move() -> None:
    assert "    bot --> queue: hand_off" in handler_diagram()
    drawn = position_diagram()
    for (old, cause), places in POSITION_MOVES.items():
        for new in places:
            (line,) = [line for line in drawn.splitlines() if line.startswith(f"    {old} --> {new}: ")]
            assert cause in line.partition(": ")[2].split(", ")
