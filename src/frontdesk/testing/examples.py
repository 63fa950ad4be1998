"""Events as tests want them: short to write, complete enough to be real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from frontdesk.core.event import (
    Address,
    AgentReplied,
    Contact,
    EffectPostponed,
    MessageReceived,
    Outcome,
    ReplyDrafted,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    StatusChanged,
    TimerFired,
    identify,
)
from frontdesk.core.flow import ANY_LANGUAGE, Book, Flow, Rules, Sentences, Words
from frontdesk.core.message import Content, MessageStatus, Text
from frontdesk.core.wording import compile_wording
from frontdesk.ports import Claim

CHANNEL = "main"
PHONE = "15550100777"

_Outcome = TypeVar("_Outcome", bound=Outcome)


def wrote(
    content: Content | str,
    at: datetime,
    key: str = "",
    *,
    phone: str = PHONE,
    scoped_id: str = "",
    sent_at: datetime | None = None,
) -> MessageReceived:
    """The contact wrote; `key` tells two messages with the same words at the same time apart."""
    addresses = (Address("scoped_id", scoped_id),) if scoped_id else ()
    wamid = f"wamid.{identify(str(content), key, at.isoformat(), phone, scoped_id)}"
    return MessageReceived(
        id=identify(CHANNEL, "message", wamid),
        at=at,
        channel=CHANNEL,
        contact=Contact(addresses=(*addresses, *((Address("phone", phone),) if phone else ())), name="Mira"),
        provider_message_id=wamid,
        sent_at=sent_at or at,
        content=Text(body=content) if isinstance(content, str) else content,
    )


def _outcome(event: type[_Outcome], claim: Claim, at: datetime, **fields: Any) -> _Outcome:
    return event(
        id=identify(claim.effect.id, str(claim.attempt), event.__name__),
        at=at,
        channel=claim.channel,
        conversation_id=claim.conversation_id,
        effect_id=claim.effect.id,
        attempt=claim.attempt,
        **fields,
    )


def succeeded(claim: Claim, at: datetime, provider_message_id: str) -> SendSucceeded:
    """The vendor took the message."""
    return _outcome(SendSucceeded, claim, at, provider_message_id=provider_message_id)


def failed(claim: Claim, at: datetime, code: str = "131026") -> SendFailed:
    """The vendor refused the message."""
    return _outcome(SendFailed, claim, at, code=code, reason="undeliverable")


def unknown(claim: Claim, at: datetime) -> SendUnknown:
    """Nobody knows whether the vendor took the message."""
    return _outcome(SendUnknown, claim, at, reason="time-out")


def postponed(claim: Claim, at: datetime, seconds: float = 1.0) -> EffectPostponed:
    """The vendor was busy."""
    return _outcome(EffectPostponed, claim, at, until=at + timedelta(seconds=seconds), reason="busy")


def fired(claim: Claim, at: datetime, purpose: str = "burst", about: str = "") -> TimerFired:
    """The timer came due."""
    return _outcome(TimerFired, claim, at, purpose=purpose, about=about)


def drafted(claim: Claim, at: datetime, text: str) -> ReplyDrafted:
    """The model answered."""
    return _outcome(ReplyDrafted, claim, at, text=text)


def told(status: MessageStatus, at: datetime, provider_message_id: str, reference: str | None = None) -> StatusChanged:
    """The vendor reported a status."""
    return StatusChanged(
        id=identify(CHANNEL, "status", provider_message_id, status),
        at=at,
        channel=CHANNEL,
        provider_message_id=provider_message_id,
        status=status,
        changed_at=at,
        reference=reference,
    )


def replied(conversation_id: str, text: str, at: datetime) -> AgentReplied:
    """A person answered at the desk."""
    return AgentReplied(
        id=identify("reply", conversation_id, text, at.isoformat()),
        at=at,
        channel=CHANNEL,
        conversation_id=conversation_id,
        agent="asha",
        content=Text(body=text),
    )


def words(text: str) -> Words:
    """A text in all languages."""
    return Words(by_language={ANY_LANGUAGE: compile_wording(text)})


def book(version: str = "v1", *flows: Flow) -> Book:
    """A version of the flows with nothing but these in it."""
    sentences = Sentences(
        misfit=words("That does not fit."),
        unexpected_media=words("Please write it."),
        old_button=words("That was some time ago."),
        choose_button=words("Choose"),
        choose_hint=words("Answer with a number."),
        confirm_yes=words("Yes"),
        confirm_no=words("No"),
    )
    return Book(version=version, flows={one.name: one for one in flows}, rules=Rules(sentences=sentences, zone=UTC))
