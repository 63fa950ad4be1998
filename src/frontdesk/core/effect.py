"""What is to be done. Effects are data: `decide` asks for them, the store keeps them, the worker performs them.

An effect's id is its event's id plus its place in the decision, so a replay gives the same ids, and so the id that
travels with a message (`biz_opaque_callback_data`, `CRQID`) says nothing to anybody else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

from frontdesk.core.event import Address, Sense
from frontdesk.core.message import Content, Media
from frontdesk.core.prompt import Prompt


class ToDo(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What all effects have: an id, and when it may start (aware UTC)."""

    id: str
    due_at: datetime


class SendMessage(ToDo, frozen=True, kw_only=True, tag="send_message"):
    """Send `content` to the contact. `not_after`: the end of the service window, after which it must not leave."""

    to: tuple[Address, ...]
    content: Content
    author: Literal["bot", "notice", "agent"]
    in_reply_to: str | None = None
    not_after: datetime | None = None


class MarkRead(ToDo, frozen=True, kw_only=True, tag="mark_read"):
    """Turn the contact's ticks blue, and show "typing …" where the channel can. Worth nothing after `not_after`."""

    provider_message_id: str
    is_typing: bool
    not_after: datetime


class DraftReply(ToDo, frozen=True, kw_only=True, tag="draft_reply"):
    """Ask the language model: for an answer to the contact, or for what the prompt's `task` says. `since`: when the
    contact began to wait, where that was before the effect was asked for; the deadline counts from there."""

    prompt: Prompt
    since: datetime | None = None


class CallHttp(ToDo, frozen=True, kw_only=True, tag="call_http"):
    """Ask a host of the configured list. `path` is percent-encoded, with its query; `body` is JSON or "". `wants`: the
    names under which parts of the JSON answer are to come back, and their paths (`order.items.0.name`).
    `is_repeatable`: trying again does no harm."""

    host: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    timeout_seconds: float
    body: str = ""
    wants: tuple[tuple[str, str], ...] = ()
    is_repeatable: bool = False


class FetchMedia(ToDo, frozen=True, kw_only=True, tag="fetch_media"):
    """Copy a file of the contact's to our disk before the vendor forgets it at `not_after`."""

    message_id: str
    media: Media
    not_after: datetime


class Perceive(ToDo, frozen=True, kw_only=True, tag="perceive"):
    """Have a machine write down what is said in a contact's file, or shown. Worth nothing after `not_after`."""

    message_id: str
    sense: Sense
    stored_as: str
    mime_type: str
    not_after: datetime


class WakeAt(ToDo, frozen=True, kw_only=True, tag="wake_at"):
    """Be told at `due_at`. `about` names the effect that the timer watches, if any."""

    purpose: Literal["burst", "unknown", "flow", "perception"]
    about: str = ""


class NotifyDesk(ToDo, frozen=True, kw_only=True, tag="notify_desk"):
    """Let people know that the conversation wants them: which team, how urgently, and what it is about, where a flow
    said so."""

    reason: str
    team: str = ""
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    summary: str = ""


Effect: TypeAlias = SendMessage | MarkRead | DraftReply | CallHttp | FetchMedia | WakeAt | NotifyDesk | Perceive

EffectKind = Literal[
    "send_message.bot",
    "send_message.notice",
    "send_message.agent",
    "mark_read",
    "draft_reply",
    "draft_reply.summary",
    "call_http",
    "fetch_media",
    "wake_at.burst",
    "wake_at.unknown",
    "wake_at.flow",
    "notify_desk",
    "perceive",
    "wake_at.perception",
]
"""An effect's kind as the outbox knows it: fine enough to withdraw the bot's sends and leave the agents'."""


def kind_of(effect: Effect) -> EffectKind:  # noqa: C901, PLR0912 -- one case a kind
    """The kind by which an effect can be withdrawn."""
    match effect:
        case SendMessage(author="bot"):
            return "send_message.bot"
        case SendMessage(author="notice"):
            return "send_message.notice"
        case SendMessage():
            return "send_message.agent"
        case WakeAt(purpose="burst"):
            return "wake_at.burst"
        case WakeAt(purpose="flow"):
            return "wake_at.flow"
        case WakeAt(purpose="perception"):
            return "wake_at.perception"
        case WakeAt():
            return "wake_at.unknown"
        case MarkRead():
            return "mark_read"
        case DraftReply(prompt=Prompt(task="summarise")):
            return "draft_reply.summary"
        case DraftReply():
            return "draft_reply"
        case CallHttp():
            return "call_http"
        case FetchMedia():
            return "fetch_media"
        case Perceive():
            return "perceive"
        case NotifyDesk():
            return "notify_desk"
