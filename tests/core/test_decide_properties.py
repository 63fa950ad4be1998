"""What holds for every conversation that anybody could have."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings, strategies as st

from core.talk import CONTACT, Talk
from frontdesk.core.conversation import RECENT_MAX, Conversation, Handler
from frontdesk.core.decide import decide
from frontdesk.core.effect import DraftReply, SendMessage
from frontdesk.core.event import (
    AgentEchoed,
    Assigned,
    DraftFailed,
    EffectPostponed,
    Event,
    MessageEdited,
    MessageRevoked,
    Resolved,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    TimerFired,
)
from frontdesk.core.message import Choice, Media, MessageStatus, Reaction, Text
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy

encode = msgspec.json.Encoder().encode
WORDS = st.sampled_from(["hi", "agent", "When do you open?", "ok", "", "👋", "thank you for your message"]) | st.text(
    max_size=40
)
CONTENTS = st.one_of(
    WORDS.map(lambda words: Text(body=words)),
    WORDS.map(lambda words: Choice(id="x", title=words)),
    st.sampled_from([None, "", "look"]).map(lambda words: Media(kind="image", media_id="1", caption=words)),
    st.just(Reaction(provider_message_id="w", emoji="👍")),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            "wrote wrote wrote silence draft draft_fails edit revoke reply echo hand_off assign release resolve "
            "postpone fail unknown deadline success status".split()
        ),
        st.sampled_from([0.0, 0.4, 1.5, 10.0, 10.0, 700.0, 50_000.0]),
        CONTENTS,
    ),
    max_size=25,
)
POLICIES = st.builds(
    Policy,
    greeting=st.sampled_from(["", "Hello!"]),
    marks_read=st.booleans(),
    on_unknown=st.sampled_from(["hold", "resend"]),
    pair_burst=st.sampled_from([1, 45]),
    reply_characters_max=st.sampled_from([160, 4096]),
    agent_idle_seconds=st.sampled_from([0.0, 600.0]),
)


def event_of(talk: Talk, word: str, content: Any, sends: list[str]) -> Event | None:
    """The event that a step stands for, None where it cannot happen now."""
    about = {"effect_id": sends[-1] if sends else "none.0"}
    known = {"provider_message_id": talk.state.last_inbound_id or "w"}
    kinds: dict[str, tuple[type[Event], dict[str, Any]]] = {
        "draft_fails": (DraftFailed, {"effect_id": talk.state.draft_id or "old", "reason": "no"}),
        "edit": (MessageEdited, {**known, "content": content}),
        "revoke": (MessageRevoked, known),
        "echo": (AgentEchoed, {**known, "content": content}),
        "assign": (Assigned, {"agent": "ben"}),
        "resolve": (Resolved, {}),
        "postpone": (EffectPostponed, {**about, "until": talk.now, "reason": "busy"}),
        "fail": (SendFailed, {**about, "code": "1", "reason": "no"}),
        "unknown": (SendUnknown, {**about, "reason": "time-out"}),
        "deadline": (TimerFired, {"effect_id": "t", "purpose": "unknown", "about": about["effect_id"]}),
        "success": (SendSucceeded, {**about, "provider_message_id": "w"}),
    }
    if talk.state.burst:
        kinds["silence"] = (TimerFired, {"effect_id": talk.state.burst.timer_id, "purpose": "burst"})
    if word not in kinds:
        return None
    kind, fields = kinds[word]
    return talk.make(kind, **fields)


def play(policy: Policy, steps: list[Any]) -> list[tuple[Conversation, Event, Decision]]:
    talk, played = Talk(policy), []
    sends: list[str] = []

    def remember(before: Conversation, event: Event) -> None:
        played.append((before, event, talk.decision))
        sends.extend(effect.id for effect in talk.sends)

    take = talk.take

    def taking(event: Event) -> Decision:
        before = talk.state
        decision = take(event)
        remember(before, event)
        return decision

    talk.take = taking  # type: ignore[method-assign]  # every way of taking goes through it
    for word, after, content in steps:
        talk.wait(after)
        match word:
            case "wrote":
                talk.wrote(content)
            case "draft":
                talk.drafted(getattr(content, "body", "Yes."), effect_id=talk.state.draft_id or "old")
            case "reply":
                talk.replied()
            case "hand_off":
                talk.handed_off()
            case "release":
                talk.released()
            case "status":
                talk.told(MessageStatus.SENT, reference=sends[-1] if sends else None)
            case _:
                event = event_of(talk, word, content, sends)
                if event:
                    talk.take(event)
    return played


@settings(max_examples=300, deadline=None)
@given(policy=POLICIES, steps=STEPS)
def test_any_conversation(policy: Policy, steps: list[Any]) -> None:
    ready_at = None
    for before, event, decision in play(policy, steps):
        state = decision.conversation
        # A function: the same again, and nothing given is changed.
        copy = msgspec.json.decode(encode(before), type=Conversation)
        assert copy == before
        assert encode(decide(copy, event, policy)) == encode(decision)
        # Ids rise with the place; nothing is due in the past.
        assert [effect.id for effect in decision.effects] == sorted(
            {effect.id for effect in decision.effects}, key=_place
        )
        assert all(effect.id.startswith(f"{event.id}.") and effect.due_at >= event.at for effect in decision.effects)
        # While people have it the bot is silent and no model is asked.
        if state.handler is not Handler.BOT:
            assert (state.draft_id, state.burst) == ("", None)
            assert not any(isinstance(effect, DraftReply) for effect in decision.effects)
            assert all(effect.author != "bot" for effect in decision.effects if isinstance(effect, SendMessage))
            assert not any(turn.is_open for turn in state.turns)
        if before.handler is Handler.BOT and state.handler is not Handler.BOT:
            assert {"send_message.bot", "draft_reply", "wake_at.burst", "mark_read"} <= set(decision.withdrawn)
        # What waits for the bot is waited for by the bot.
        if state.handler is Handler.BOT and any(turn.is_open for turn in state.turns):
            assert state.burst or state.draft_id
        # Bounded.
        assert len(state.turns) <= policy.turns_max
        assert max(len(state.arrivals), len(state.said), len(state.unknown_sends)) <= RECENT_MAX
        # Nothing is due earlier than what was decided before it.
        for send in (effect for effect in decision.effects if isinstance(effect, SendMessage)):
            assert ready_at is None or send.due_at >= ready_at
            ready_at = send.due_at
            assert send.to in (CONTACT.addresses, ())


def _place(effect_id: str) -> int:
    return int(effect_id.rsplit(".", 1)[1])
