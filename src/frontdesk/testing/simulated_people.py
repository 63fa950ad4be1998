"""The people of a simulation: contacts who write, agents who take part. All they will do is planned at the start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from frontdesk.core.event import (
    Address,
    AgentEchoed,
    AgentReplied,
    Assigned,
    CallEnded,
    Contact,
    Event,
    HandedOff,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    NoteAdded,
    Released,
    Resolved,
    identify,
)
from frontdesk.core.message import Choice, Content, Media, Reaction, Text
from frontdesk.testing.simulated_shop import WORDS
from frontdesk.testing.simulated_world import CHANNEL, POISON, Host
from frontdesk.testing.taps import LETS


class People:
    """The contacts and the agents: all that they will do is planned at the start."""

    def __init__(self, host: Host, ask_desk: Callable[[Event], None]) -> None:
        self._host = host
        self._ask_desk = ask_desk
        self._written = 0
        self.ends_after = 0.0
        for number in range(host.rng.choice((1, 1, 2, 3))):
            self._plan_contact(f"1555010{number:04}")

    def _plan_contact(self, phone: str) -> None:
        host, rng = self._host, self._host.rng
        after = rng.uniform(0.0, 5.0)
        began_at = after
        for _ in range(rng.randint(3, 10)):
            act = rng.choices(
                (
                    *(self._text, self._burst, self._short, self._media, self._tap, self._robot, self._change),
                    *(self._odd, self._word, self._tap_offered, self._talk, self._let),
                ),
                weights=(8, 4, 5, 6, 2, 1, 2, 1, *((8, 8, 12, 14) if host.has_flows else (1, 1, 0, 0))),
            )[0]
            after = max(after, act(phone, after))
            after += rng.choice((0.5, 4.0, 20.0, 20.0, 150.0, 700.0)) * rng.uniform(0.5, 1.5)
            if rng.random() < 0.06:
                after += 90_000.0
        for _ in range(rng.choice((0, 1, 3, 6, 9))):
            self._plan_agent(phone, rng.uniform(began_at, min(after + 60.0, began_at + 4_000.0)))
        if rng.random() < 0.1:
            after += rng.uniform(86_000.0, 87_000.0)
            self._plan_agent(phone, after)
        self.ends_after = max(self.ends_after, after)

    # What contacts do; each says when it is done

    def _say(self, phone: str, after: float, content: Content) -> MessageReceived:
        """Plan one message."""
        event = self._message(phone, self._host.clock.now() + timedelta(seconds=after), content)
        self._host.at(after, lambda: self._write(phone, event))
        return event

    def _message(self, phone: str, sent_at: datetime, content: Content) -> MessageReceived:
        self._written += 1
        wamid = f"wamid.in.{self._written}"
        return MessageReceived(
            id=identify(CHANNEL, "message", wamid),
            at=sent_at,
            channel=CHANNEL,
            contact=_contact(phone),
            provider_message_id=wamid,
            sent_at=sent_at,
            content=content,
        )

    def _write(self, phone: str, event: MessageReceived) -> None:
        """It comes by webhook, now and then late or twice."""
        host = self._host
        host.note(phone, f"writes {event.provider_message_id} {event.content}")
        host.ledger.wrote_at[phone] = event.sent_at
        delay = host.rng.uniform(1.0, 90.0) if host.faults.strike("delayed delivery") else 0.05
        host.at(delay, lambda: host.deliver((event,)))
        if host.faults.strike("duplicate delivery"):
            host.at(host.rng.uniform(0.0, 60.0), lambda: host.deliver((event,)))

    def _word(self, phone: str, after: float) -> float:
        """What starts, answers or leaves a flow."""
        self._say(phone, after, Text(body=self._host.rng.choice(WORDS)))
        return after

    def _talk(self, phone: str, after: float) -> float:
        """Through a flow to its end, as most do."""
        for words in self._host.rng.choice(
            (("menu", "1", "A1001"), ("my order", "A1002"), ("menu", "book", "3", "yes"))
        ):
            self._say(phone, after, Text(body=words))
            after += self._host.rng.choice((0.3, 4.0, 20.0, 40.0)) * self._host.rng.uniform(0.5, 1.5)
        return after

    def _tap_offered(self, phone: str, after: float) -> float:
        """One of the buttons that stand in the chat by then, the newest as a rule; now and then twice."""
        for _ in range(self._host.rng.choice((1, 1, 1, 2))):
            self._host.at(after, lambda: self._tap_one(phone))
            after += self._host.rng.uniform(0.2, 5.0)
        return after

    def _let(self, phone: str, after: float) -> float:
        """Ask what a tool could help with, and let it: soon, late, twice, or by a button of long ago."""
        self._say(phone, after, Text(body="question"))
        for _ in range(self._host.rng.choice((1, 2, 2, 3, 4))):
            after += self._host.rng.choice((0.3, 8.0, 8.0, 20.0, 80.0, 650.0)) * self._host.rng.uniform(0.5, 1.5)
            self._host.at(after, lambda: self._tap_one(phone, LETS))
        return after

    def _tap_one(self, phone: str, part: str = "") -> None:
        offered = [one for one in self._host.ledger.offered_to(phone) if part in one.id]
        if offered:
            button = self._host.rng.choice(offered[-3:] if self._host.rng.random() < 0.8 else offered)
            choice = Choice(id=button.id, title=button.title)
            self._write(phone, self._message(phone, self._host.clock.now(), choice))

    def _text(self, phone: str, after: float) -> float:
        is_poisoned = self._host.faults.strike("rules broken")
        self._say(phone, after, Text(body=POISON if is_poisoned else f"What does delivery {self._written} cost?"))
        return after

    def _short(self, phone: str, after: float) -> float:
        words = self._host.rng.choice(("hi", "agent please", "a human!", "ok", "thanks", "operator"))
        self._say(phone, after, Text(body=words))
        return after

    def _burst(self, phone: str, after: float) -> float:
        for number in range(self._host.rng.randint(2, 5)):
            self._say(phone, after, Text(body=f"and {self._written} {'then ' * number}?"))
            after += self._host.rng.uniform(0.05, 1.9)
        return after

    def _media(self, phone: str, after: float) -> float:
        media_id = f"media.{self._written}"
        if self._host.rng.random() < 0.5:
            self._say(phone, after, Media(kind="audio", media_id=media_id, is_voice=True))
            return after
        caption = self._host.rng.choice((None, "is this mine?", " "))
        self._say(phone, after, Media(kind="image", media_id=media_id, caption=caption))
        return after

    def _tap(self, phone: str, after: float) -> float:
        self._say(phone, after, Choice(id="hours", title="Opening hours"))
        return after

    def _robot(self, phone: str, after: float) -> float:
        rng = self._host.rng
        every, words = rng.choice((2.0, 9.0)), rng.choice(("Thank you for your message!", ""))
        for number in range(rng.randint(6, 10)):
            self._say(phone, after, Text(body=words or f"Ticket {number}"))
            after += every
        return after

    def _change(self, phone: str, after: float) -> float:
        """Write, then edit or delete it."""
        rng = self._host.rng
        event = self._say(phone, after, Text(body=f"Do you have size {self._written}?"))
        after += rng.choice((0.4, 1.2, 3.0, 60.0))
        common: dict[str, Any] = {
            "id": identify(CHANNEL, "change", event.provider_message_id),
            "at": event.at,
            "channel": CHANNEL,
            "contact": event.contact,
            "provider_message_id": event.provider_message_id,
        }
        changed: Event = (
            MessageRevoked(**common)
            if rng.random() < 0.5
            else MessageEdited(**common, content=Text(body=f"Do you have colour {self._written}?"))
        )
        self._host.at(after, lambda: self._host.deliver((changed,)))
        return after

    def _odd(self, phone: str, after: float) -> float:
        if self._host.rng.random() < 0.5:
            self._say(phone, after, Reaction(provider_message_id="wamid.1", emoji="👍"))
            return after
        called = CallEnded(
            id=identify(CHANNEL, "call", phone, str(after)),
            at=self._host.clock.now(),
            channel=CHANNEL,
            contact=_contact(phone),
            call_id=str(after),
            called_at=self._host.clock.now(),
        )
        self._host.at(after, lambda: self._host.deliver((called,)))
        return after

    # What people at the business do

    def _plan_agent(self, phone: str, after: float) -> None:
        rng = self._host.rng
        kind = rng.choice((AgentReplied, AgentReplied, *[Released] * 5, Resolved, Assigned, HandedOff, NoteAdded))
        if rng.random() < 0.2:
            echoed = AgentEchoed(
                id=identify(CHANNEL, "echo", phone, str(after)),
                at=self._host.clock.now(),
                channel=CHANNEL,
                contact=_contact(phone),
                provider_message_id=f"wamid.echo.{phone}.{after}",
                content=Text(body="Asha here, one moment"),
            )
            self._host.at(after, lambda: self._host.deliver((echoed,)))
            return
        self._host.at(after, lambda: self._act(phone, kind, identify("desk", phone, str(after))))
        if rng.random() < 0.7:
            self._host.at(
                after + rng.uniform(1.0, 90.0), lambda: self._act(phone, Released, identify("free", str(after)))
            )

    def _act(self, phone: str, kind: type[Any], event_id: str) -> None:
        states = self._host.ledger.states.values()
        known = next((state.id for state in states if Address("phone", phone) in state.addresses), None)
        if known is None:
            return
        fields: dict[type[Any], dict[str, object]] = {
            AgentReplied: {"agent": "asha", "content": Text(body="Asha here")},
            Assigned: {"agent": "asha"},
            HandedOff: {"reason": "by hand"},
            NoteAdded: {"agent": "asha", "body": "a regular"},
        }
        event: Event = kind(
            id=event_id, at=self._host.clock.now(), channel=CHANNEL, conversation_id=known, **fields.get(kind, {})
        )
        self._ask_desk(event)


def _contact(phone: str) -> Contact:
    return Contact(addresses=(Address("phone", phone),), name="Mira")
