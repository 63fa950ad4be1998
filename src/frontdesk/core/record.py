"""What a decision writes down: messages and their changes, and what an event means for the outbox.

Pure, and here rather than in the stores, so that memory, SQLite and PostgreSQL cannot differ in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import EffectKind, SendMessage
from frontdesk.core.event import (
    Address,
    AddressesLost,
    AgentEchoed,
    CallEnded,
    ChannelChanged,
    ConsentChanged,
    EffectFinished,
    EffectPostponed,
    Event,
    FromContact,
    IdentityChanged,
    MediaFetched,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    NoteAdded,
    Outcome,
    Perceived,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    StatusChanged,
    identify,
)
from frontdesk.core.message import Media, Message, MessageStatus, Text, Unsupported, advance
from frontdesk.core.plan import Decision


class Settlement(Struct, frozen=True, kw_only=True):
    """What an event does to the effect that it answers. `close`: it is done. `park`: its outcome is unknown; nothing
    of its lane may start. `postpone`: due again at `until`. `attempt` None: any claim's (a fact from outside)."""

    effect_id: str
    verdict: Literal["close", "park", "postpone"]
    attempt: int | None = None
    until: datetime | None = None
    counts: bool = True


def settlement(event: Event) -> Settlement | None:
    """What `event` settles, if anything."""
    match event:
        case StatusChanged(reference=str() as reference):
            return Settlement(effect_id=reference, verdict="close")
        case SendSucceeded():
            return Settlement(effect_id=event.effect_id, verdict="close")
        case SendUnknown():
            return Settlement(effect_id=event.effect_id, verdict="park", attempt=event.attempt)
        case EffectPostponed():
            return Settlement(
                effect_id=event.effect_id,
                verdict="postpone",
                attempt=event.attempt,
                until=event.until,
                counts=event.counts,
            )
        case Outcome():
            return Settlement(effect_id=event.effect_id, verdict="close", attempt=event.attempt)
        case _:
            return None


def is_in_lane(kind: EffectKind) -> bool:
    """Whether effects of this kind leave one at a time, in the order of the decisions."""
    return kind.startswith("send_message.")


def is_overtaken(event: Event, attempt: int | None) -> bool:
    """Whether `event` is the outcome of a claim that is no longer held. `attempt` is the outbox row's number, None
    where there is no row any more. That a message was accepted is a fact and never overtaken."""
    if not isinstance(event, Outcome) or isinstance(event, SendSucceeded):
        return False
    return attempt != event.attempt


def is_stranger(conversation: Conversation, event: Event, found_by: Address) -> bool:
    """Whether `event` comes from another person than `conversation`, though `found_by` leads there. The vendor's id of
    a person differs, and nothing but a phone number is shared, or was once: it was given to somebody new, who must not
    be answered from another's past."""
    if isinstance(event, IdentityChanged) or found_by.kind != "phone":
        return False
    known = {address.kind: address.value for address in conversation.addresses}
    told = {address.kind: address.value for address in addresses_of(event)}
    shared = {kind for kind in known.keys() & told.keys() if known[kind] == told[kind]}
    return shared <= {"phone"} and "scoped_id" in known.keys() & told.keys()


def conversation_id(channel: str, event_id: str) -> str:
    """The id of the conversation that an event begins."""
    return event_id[:8] + identify("conversation", channel, event_id)[8:]


def book_of(conversation: Conversation) -> str | None:
    """The version of the flows that the conversation stands on; None where no flow is under way."""
    return conversation.run.book if conversation.run else None


def addresses_of(event: Event) -> tuple[Address, ...]:
    """By what a conversation is found or begun, the most lasting first."""
    return event.contact.addresses if isinstance(event, FromContact) else ()


def addresses_gained(event: Event) -> tuple[Address, ...]:
    """Addresses that belong to the event's conversation from now on, whoever had them."""
    return (*addresses_of(event), *(event.addresses if isinstance(event, IdentityChanged | ChannelChanged) else ()))


def gained_on(event: Event) -> str:
    """The channel on which `addresses_gained` are."""
    return event.target if isinstance(event, ChannelChanged) else event.channel


def addresses_left(event: Event) -> tuple[Address, ...]:
    """Addresses on the event's channel that lead to its conversation no more."""
    return event.addresses if isinstance(event, ChannelChanged) and event.leaves else ()


def channel_of(kind: EffectKind, event: Event, state: Conversation) -> str:
    """By which channel an effect is performed: what is said leaves by the conversation's, everything else is about what
    came by the event's."""
    return state.channel if is_in_lane(kind) else event.channel


def message_channel(message: Message, event: Event, state: Conversation) -> str:
    """The channel whose vendor knows a new message by its id."""
    return state.channel if message.status is MessageStatus.QUEUED else event.channel


def addresses_lost(event: Event, owners: Mapping[Address, str]) -> tuple[AddressesLost, ...]:
    """What `event` takes from other conversations: one event for each, given who owned each address before."""
    return tuple(
        AddressesLost(
            id=identify(event.id, "lost", owner),
            at=event.at,
            channel=gained_on(event),
            flows=event.flows,
            conversation_id=owner,
            addresses=tuple(address for address, known in owners.items() if known == owner),
        )
        for owner in dict.fromkeys(owners.values())
    )


def new_messages(conversation: str, event: Event, decision: Decision) -> tuple[Message, ...]:
    """The messages that this step adds, in order: what came in, then what is to leave."""
    inbound = None if decision.is_known else _from_event(conversation, event)
    return (
        *((inbound,) if inbound else ()),
        *(
            Message(
                id=effect.id,
                conversation_id=conversation,
                at=event.at,
                author=effect.author,
                content=effect.content,
                status=MessageStatus.QUEUED,
                in_reply_to=effect.in_reply_to,
            )
            for effect in decision.effects
            if isinstance(effect, SendMessage)
        ),
    )


def _from_event(conversation: str, event: Event) -> Message | None:
    match event:
        case MessageReceived():
            return Message(
                id=event.id,
                conversation_id=conversation,
                at=event.sent_at if event.origin == "history" else event.at,
                author="contact",
                content=event.content,
                status=MessageStatus.RECEIVED,
                provider_message_id=event.provider_message_id,
                in_reply_to=event.in_reply_to,
            )
        case AgentEchoed():
            return Message(
                id=event.id,
                conversation_id=conversation,
                at=event.at,
                author="agent",
                content=event.content,
                status=MessageStatus.SENT,
                provider_message_id=event.provider_message_id,
            )
        case NoteAdded():
            return _remark(conversation, event, event.body, "note")
        case CallEnded():
            direction = "from" if event.is_inbound else "to"
            what = "missed call" if event.is_missed else f"call of {event.duration_seconds} s"
            return _remark(conversation, event, f"{what} {direction} the contact")
        case IdentityChanged():
            return _remark(
                conversation, event, event.detail or "the contact's address changed; it may be another person"
            )
        case ChannelChanged():
            return _remark(conversation, event, f"goes on by channel {event.target}, before by {event.channel}")
        case AddressesLost():
            lost = ", ".join(address.value for address in event.addresses)
            return _remark(conversation, event, f"{lost} belongs to another conversation now")
        case ConsentChanged():
            verb = "allows" if event.is_granted else "refuses"
            return _remark(conversation, event, f"the contact {verb} {event.category}")
        case _:
            return None


def _remark(conversation: str, event: Event, body: str, author: Literal["note", "system"] = "system") -> Message:
    return Message(
        id=event.id,
        conversation_id=conversation,
        at=event.at,
        author=author,
        content=Text(body=body),
        status=MessageStatus.RECEIVED,
    )


class Keys(Struct, frozen=True, kw_only=True):
    """By what an earlier message is found: our id first, then the vendor's."""

    id: str | None = None
    provider_message_id: str | None = None


def concerned(event: Event) -> Keys | None:
    """Which earlier message `event` changes, if any."""
    match event:
        case SendSucceeded() | SendFailed() | SendUnknown():
            return Keys(id=event.effect_id)
        case StatusChanged():
            return Keys(id=event.reference, provider_message_id=event.provider_message_id)
        case MessageEdited() | MessageRevoked():
            return Keys(provider_message_id=event.provider_message_id)
        case MediaFetched() | EffectFinished() | Perceived():
            return Keys(id=event.message_id) if event.message_id else None
        case _:
            return None


def changed(message: Message, event: Event) -> Message:
    """`message` after `event`; the same object where nothing changes."""
    match event:
        case SendSucceeded():
            return _advanced(message, MessageStatus.ACCEPTED, event.provider_message_id)
        case SendFailed():
            return _advanced(message, MessageStatus.FAILED, detail=f"{event.code}: {event.reason}")
        case SendUnknown():
            return _advanced(message, MessageStatus.UNKNOWN, detail=event.reason)
        case StatusChanged():
            detail = "; ".join(f"{error.code}: {error.title} {error.details}".rstrip() for error in event.errors)
            return _advanced(message, event.status, event.provider_message_id, detail)
        case MessageEdited():
            return msgspec.structs.replace(message, content=event.content, detail="edited")
        case MessageRevoked():
            return msgspec.structs.replace(message, content=Unsupported(kind="deleted"), detail="deleted by the sender")
        case MediaFetched() if isinstance(message.content, Media):
            content = msgspec.structs.replace(message.content, stored_as=event.stored_as)
            return msgspec.structs.replace(message, content=content)
        case Perceived() if event.words and isinstance(message.content, Media):
            return msgspec.structs.replace(message, content=msgspec.structs.replace(message.content, words=event.words))
        case EffectFinished() if event.failure:
            return msgspec.structs.replace(message, detail=f"the file could not be had: {event.failure}")
        case _:
            return message


def _advanced(
    message: Message, status: MessageStatus, provider_message_id: str | None = None, detail: str = ""
) -> Message:
    further = advance(message.status, status)
    known_id = message.provider_message_id or provider_message_id
    if further is message.status and known_id == message.provider_message_id:
        return message
    return msgspec.structs.replace(
        message,
        status=further,
        provider_message_id=known_id,
        detail=detail if further is not message.status else message.detail,
    )


def withdrawn(message: Message) -> Message:
    """`message` when it was withdrawn before it began to leave; one that may have left stays unknown."""
    if message.status is not MessageStatus.QUEUED:
        return message
    return msgspec.structs.replace(message, status=MessageStatus.CANCELLED, detail="withdrawn before it was sent")
