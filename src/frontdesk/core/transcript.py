"""Any content as one line of words: for the model, for agents, for exports and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from frontdesk.core.letters import clean
from frontdesk.core.message import (
    Buttons,
    CallPermission,
    Choice,
    ContactCards,
    ContactInfoRequest,
    Content,
    Form,
    FormAnswer,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Message,
    Order,
    Reaction,
    Template,
    Text,
    Unsupported,
)


def as_text(content: Content) -> str:  # noqa: C901, PLR0912 -- one case a kind; splitting the table would hide it
    """What a person would say was in the message."""
    match content:
        case Text() | LocationRequest() | ContactInfoRequest():
            return content.body
        case Choice():
            return content.title
        case Media():
            return _file(content)
        case Location():
            name = content.name or content.address or "place"
            return f"[location: {name}, {content.latitude:g} {content.longitude:g}]"
        case ContactCards():
            names = (card.formatted_name or ", ".join(card.phones) or "contact" for card in content.cards)
            return f"[contact card: {'; '.join(names)}]"
        case Buttons():
            return f"{content.body} [{' | '.join(button.title for button in content.buttons)}]"
        case ListMenu():
            rows = (row.title for section in content.sections for row in section.rows)
            return f"{content.body} [{' | '.join(rows)}]"
        case LinkButton():
            return f"{content.body} [{content.label}: {content.url}]"
        case Form():
            return f"{content.body} [{content.label}]"
        case Template():
            values = (value.text for part in content.parts for value in part.parameters if value.text)
            return f"[template {content.name}: {', '.join(values)}]"
        case Reaction():
            return f"[reaction {content.emoji}]" if content.emoji else "[reaction removed]"
        case FormAnswer():
            return f"[form {content.name}: {content.answers}]"
        case Order():
            items = ", ".join(f"{item.quantity} x {item.product_id}" for item in content.items)
            return f"[order: {items}] {content.text or ''}".rstrip()
        case CallPermission():
            return "[calls allowed]" if content.is_granted else "[calls refused]"
        case Unsupported():
            return f"[{content.kind}: {content.detail}]" if content.detail else f"[{content.kind}]"


def as_turn(content: Content) -> str:
    """The same for the model: what a machine wrote down may be wrong, and is told apart."""
    is_heard = isinstance(content, Text) and content.is_heard
    return f"[voice message, as heard] {as_text(content)}" if is_heard else as_text(content)


def says_nothing(content: Content) -> bool:
    """Whether there is nothing in it that could be answered: a file without words, blanks, a kind that nobody knows."""
    match content:
        case Media(caption=caption, words=words):
            return not clean(f"{caption or ''}{words or ''}").strip()
        case Text(body=body):
            return not clean(body).strip()
        case Unsupported():
            return True
        case _:
            return False


def _file(content: Media) -> str:
    kind = "voice message" if content.is_voice else content.kind
    verb = "as heard" if content.kind == "audio" else "which shows"
    named = f"[{kind}, {verb}: {content.words}]" if content.words else f"[{kind}]"
    return f"{named} {content.caption}" if content.caption else named


def transcript(messages: Iterable[Message]) -> Iterator[str]:
    """One line a message: time, who, words, how far it came."""
    for message in messages:
        status = "" if message.author in ("contact", "system", "note") else f"  ({message.status})"
        detail = f"  {message.detail}" if message.detail else ""
        words = as_text(message.content) + _beside(message.content)
        yield f"{message.at:%Y-%m-%d %H:%M:%S}  {message.author:>7}  {words}{status}{detail}"


def _beside(content: Content) -> str:
    """What a person who reads it has to know and the model has not: where a file is, a card's numbers."""
    match content:
        case Media(stored_as=str() as stored_as):
            return f"  {stored_as}"
        case ContactCards():
            reached_at = ", ".join(way for card in content.cards for way in (*card.phones, *card.emails))
            return f"  {reached_at}" if reached_at else ""
        case _:
            return ""
