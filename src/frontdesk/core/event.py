"""What happened. Every event is a fact in the past tense, with an id that is the same each time the fact is told.

Tags are written out and never derived from class names: the journal holds them for years. An event finds its
conversation in one of three ways: it names it (`conversation_id`: our own outcomes and what agents do), it names the
contact (`contact`: what vendors report), or it names a message that we sent (`StatusChanged`).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Literal, TypeAlias

from msgspec import Struct

from frontdesk.core.message import Content, MessageStatus
from frontdesk.core.position import Stored
from frontdesk.core.tool import ToolCall


def identify(*parts: str, at: datetime | None = None) -> str:
    """An id of 32 hexadecimal digits for a fact, the same for the same parts.

    A digest and not the vendor's own id: Meta's message ids hold the contact's phone number, and effect ids, which
    are derived from event ids, travel to everyone who is subscribed to the account. `at`, the vendor's own time of the
    fact where it is known, comes first: ids that are near in time are then near in the stores' indexes, which makes
    writing them cheaper.
    """
    digest = blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return digest if at is None else f"{int(at.timestamp()) & 0xFFFFFFFF:08x}{digest[8:]}"


AddressKind = Literal["scoped_id", "phone", "parent_scoped_id", "group"]


class Address(Struct, frozen=True, order=True):
    """One way to reach a contact. `phone`: digits with country code, no "+". `scoped_id`: the vendor's id of a person
    for this business only; it may change, as a phone number may."""

    kind: AddressKind
    value: str


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who an event is about: at least one address, the most lasting first. Names are the contact's own words."""

    addresses: tuple[Address, ...]
    name: str | None = None
    username: str | None = None


class Referral(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The advertisement or post that the contact came from."""

    source_id: str = ""
    source_type: str = ""
    source_url: str = ""
    headline: str = ""
    click_id: str = ""


class ErrorReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One error as a vendor reported it. `bars_account`: no message will leave until a person acts."""

    code: str
    title: str = ""
    details: str = ""
    bars_account: bool = False


class Pricing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the vendor says a message costs; open words of the vendor's. `cost_usd`: the price by our own list, decimal
    text, "" where that has none; vendors tell categories only."""

    category: str = ""
    type: str = ""
    model: str = ""
    cost_usd: str = ""


class Happened(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What all events have: an id, when we learned of it (aware UTC), and the channel it came by. `flows`: the version
    of the business's flows that was in force then, "" where there are none."""

    id: str
    at: datetime
    channel: str
    flows: str = ""


class FromContact(Happened, frozen=True, kw_only=True):
    """A vendor told us something about a contact."""

    contact: Contact


class InConversation(Happened, frozen=True, kw_only=True):
    """Something of our own happened in a conversation that we know by id."""

    conversation_id: str


class Outcome(InConversation, frozen=True, kw_only=True):
    """What became of an effect. `attempt` is the claim's fencing number: an outcome of a claim that was overtaken
    is dropped by the store."""

    effect_id: str
    attempt: int


Origin = Literal["live", "standby", "history"]


class MessageReceived(FromContact, frozen=True, kw_only=True, tag="message_received"):
    """The contact wrote. `sent_at` is the vendor's time stamp. Only `live` messages are answered: in `standby`
    another owner has the conversation, `history` is an import of the past. `may_be_echo`: this vendor is known to hand
    our own messages back as if the contact had written them."""

    provider_message_id: str
    sent_at: datetime
    content: Content
    in_reply_to: str | None = None
    is_forwarded: bool = False
    referral: Referral | None = None
    origin: Origin = "live"
    may_be_echo: bool = False


class MessageEdited(FromContact, frozen=True, kw_only=True, tag="message_edited"):
    """Either side changed a message that it had sent."""

    provider_message_id: str
    content: Content


class MessageRevoked(FromContact, frozen=True, kw_only=True, tag="message_revoked"):
    """Either side deleted a message for everyone."""

    provider_message_id: str


class StatusChanged(Happened, frozen=True, kw_only=True, tag="status_changed"):
    """The vendor reported how far one of our messages has come. `reference` is our effect id, where it came back."""

    provider_message_id: str
    status: MessageStatus
    changed_at: datetime
    reference: str | None = None
    errors: tuple[ErrorReport, ...] = ()
    pricing: Pricing | None = None
    contact: Contact | None = None


class IdentityChanged(FromContact, frozen=True, kw_only=True, tag="identity_changed"):
    """The vendor says that `contact` is now reached at `addresses` instead."""

    addresses: tuple[Address, ...]
    detail: str = ""


class AddressesLost(InConversation, frozen=True, kw_only=True, tag="addresses_lost"):
    """Another conversation has these addresses now: the number was given to somebody else, or the contact is known
    better there."""

    addresses: tuple[Address, ...]


class ChannelChanged(InConversation, frozen=True, kw_only=True, tag="channel_changed"):
    """The conversation goes on by the channel `target`, where the contact is reached at `addresses` too. `leaves`: for
    good, and what comes by the channel before is another conversation's; else the two share the contact. `reason` is
    for people."""

    target: str
    addresses: tuple[Address, ...] = ()
    leaves: bool = False
    reason: str = ""


class CallEnded(FromContact, frozen=True, kw_only=True, tag="call_ended"):
    """The contact called (or was called); nobody answers calls here, but the service window opens."""

    call_id: str
    called_at: datetime
    is_missed: bool = True
    is_inbound: bool = True
    duration_seconds: int = 0


class ConsentChanged(FromContact, frozen=True, kw_only=True, tag="consent_changed"):
    """The contact allowed or forbade a category of messages."""

    category: str
    is_granted: bool
    detail: str = ""


class AgentEchoed(FromContact, frozen=True, kw_only=True, tag="agent_echoed"):
    """A person answered with the business's own phone; the message is out already. Or, with `is_standby`, another
    service that shares the number did."""

    provider_message_id: str
    content: Content
    is_standby: bool = False


class AgentReplied(InConversation, frozen=True, kw_only=True, tag="agent_replied"):
    """A person wrote an answer at the desk; it is still to be sent."""

    agent: str
    content: Content


class NoteAdded(InConversation, frozen=True, kw_only=True, tag="note_added"):
    """A person wrote a remark that only agents see."""

    agent: str
    body: str


class HandedOff(InConversation, frozen=True, kw_only=True, tag="handed_off"):
    """The conversation was given to people from outside the rules (an agent, the API)."""

    reason: str


class Assigned(InConversation, frozen=True, kw_only=True, tag="assigned"):
    """A person took the conversation."""

    agent: str


class Released(InConversation, frozen=True, kw_only=True, tag="released"):
    """People gave the conversation back to the bot."""

    agent: str = ""


class Resolved(InConversation, frozen=True, kw_only=True, tag="resolved"):
    """Nothing more is to be done until the contact writes again."""

    agent: str = ""


class FlowRequested(InConversation, frozen=True, kw_only=True, tag="flow_requested"):
    """A program asked for a flow to be started in the conversation, with values for its variables."""

    flow: str
    values: dict[str, Stored] = {}


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one completion used. `tokens_cached` are part of `tokens_in`. `cost_usd`: decimal text, "" where nobody told
    and no price is known. `generation_id`: the vendor's, to ask about it later."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: str = "0"
    tokens_cached: int = 0
    generation_id: str = ""


class ModelCall(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try to get a completion. `backend` as the configuration names it; `model`: that answered, else that was
    asked. `code`: "" where it answered, else why not, with `reason` for people. `may_be_billed`: it may cost something
    although no answer came. `cost_usd`: what it is paid with, decimal text; `is_estimated`: no vendor told that, and
    it is the most that it may have cost."""

    backend: str
    model: str = ""
    code: str = ""
    reason: str = ""
    seconds: float = 0.0
    usage: Usage | None = None
    may_be_billed: bool = False
    task: str = "answer"
    cost_usd: str = ""
    is_estimated: bool = False


class ReplyDrafted(Outcome, frozen=True, kw_only=True, tag="reply_drafted"):
    """The language model answered, or `wants` a tool first. `is_answer` is false where it found nothing to say;
    `hands_off` where it asks for a person; `sources` name the passages that it used, and `links` stand in these;
    `calls` are all tries, the last of which answered. `prompt_version` tells wordings apart."""

    text: str
    is_answer: bool = True
    hands_off: bool = False
    model: str = ""
    usage: Usage | None = None
    sources: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    wants: ToolCall | None = None
    calls: tuple[ModelCall, ...] = ()
    prompt_version: str = ""


class DraftFailed(Outcome, frozen=True, kw_only=True, tag="draft_failed"):
    """No answer could be had from the language model; `calls` are the tries since the effect was last due."""

    reason: str
    calls: tuple[ModelCall, ...] = ()


class CallReturned(Outcome, frozen=True, kw_only=True, tag="call_returned"):
    """A host was asked. `status`: the HTTP status, 0 without an answer. `values`: what was wanted of it, by name.
    `failure`: why it counts as failed, "" if it does not; `is_unknown`: it may have been carried out all the same."""

    status: int = 0
    values: dict[str, Stored] = {}
    failure: str = ""
    is_unknown: bool = False


class SendSucceeded(Outcome, frozen=True, kw_only=True, tag="send_succeeded"):
    """The vendor accepted a message."""

    provider_message_id: str


class SendFailed(Outcome, frozen=True, kw_only=True, tag="send_failed"):
    """The vendor refused a message for good, or it may no longer leave."""

    code: str
    reason: str
    needs_template: bool = False


class SendUnknown(Outcome, frozen=True, kw_only=True, tag="send_unknown"):
    """The message may have arrived or may not: the answer never came."""

    reason: str


class EffectPostponed(Outcome, frozen=True, kw_only=True, tag="effect_postponed"):
    """A passing fault: the effect is due again at `until`. `counts` is false where the fault was not this effect's
    (the account is barred, the number's rate is used up), so that it burns no try. `calls`: what a language model was
    asked in vain."""

    until: datetime
    reason: str
    counts: bool = True
    calls: tuple[ModelCall, ...] = ()


class EffectFinished(Outcome, frozen=True, kw_only=True, tag="effect_finished"):
    """An effect that needs no decision is done, or was given up for `failure`; `message_id` names the message whose
    file could not be had."""

    failure: str = ""
    message_id: str = ""


class MediaFetched(Outcome, frozen=True, kw_only=True, tag="media_fetched"):
    """A file of the contact's is on our disk, as `stored_as` below the data directory; size in bytes."""

    message_id: str
    stored_as: str
    mime_type: str
    size: int


Sense = Literal["voice", "picture"]


class Perceived(Outcome, frozen=True, kw_only=True, tag="perceived"):
    """A machine wrote down what a file of the contact's says or shows: `words`, "" where it made out nothing, or
    `failure` says why it could not. `calls`: what was asked, in vain or not."""

    message_id: str
    sense: Sense
    words: str = ""
    failure: str = ""
    calls: tuple[ModelCall, ...] = ()


class TimerFired(Outcome, frozen=True, kw_only=True, tag="timer_fired"):
    """A `WakeAt` came due."""

    purpose: str
    about: str = ""


Event: TypeAlias = (
    MessageReceived
    | MessageEdited
    | MessageRevoked
    | StatusChanged
    | IdentityChanged
    | AddressesLost
    | ChannelChanged
    | CallEnded
    | ConsentChanged
    | AgentEchoed
    | AgentReplied
    | NoteAdded
    | HandedOff
    | Assigned
    | Released
    | Resolved
    | FlowRequested
    | ReplyDrafted
    | DraftFailed
    | CallReturned
    | SendSucceeded
    | SendFailed
    | SendUnknown
    | EffectPostponed
    | EffectFinished
    | MediaFetched
    | TimerFired
    | Perceived
)
