"""Messages as events: what contacts write, what people answer by phone, and the same from standby and the past."""

from __future__ import annotations

from msgspec import Raw, Struct

from frontdesk.core.event import (
    Address,
    AgentEchoed,
    Contact,
    IdentityChanged,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    Origin,
)
from frontdesk.core.message import Content
from frontdesk.whatsapp.content import content_of, context_of, referral_of
from frontdesk.whatsapp.reading import UNREADABLE, read, read_if_sound, word
from frontdesk.whatsapp.said import Correction, Item, Sender, SystemNews
from frontdesk_plugins.whatsapp_cloud.collected import Collected
from frontdesk_plugins.whatsapp_cloud.contacts import Contacts, addresses_of
from frontdesk_plugins.whatsapp_cloud.payload import SentTo, StandbyEcho

_LONG_GONE = "request_welcome"
"""Told that a chat was opened for the first time; removed by Meta in March 2026, and nobody said anything."""


class Talk(Struct, frozen=True, kw_only=True):
    """Where messages are found: the people of the value, our own number, and whether it is now. `is_follow_up`: files
    of the past that come after their placeholders and bear the same ids, so that they need ids of their own."""

    contacts: Contacts
    our_phone: str = ""
    origin: Origin = "live"
    is_follow_up: bool = False


def take_message(found: Collected, talk: Talk, raw: Raw) -> None:
    """A message of a contact's."""
    item = _read_item(found, raw)
    if item is None or item.type == _LONG_GONE:
        return
    contact = sender_of(talk.contacts, item)
    system = read_if_sound(item.system, SystemNews)
    if system is not None and item.type == "system":
        _take_system_news(found, talk.contacts, item, system, raw)
    elif contact is None:
        found.quarantine("a message without a sender", raw)
    elif not _take_correction(found, contact, item, raw):
        _take_received(found, talk, contact, item, raw)


def take_echo(found: Collected, talk: Talk, raw: Raw) -> None:
    """A message that a person sent with the business's own phone."""
    item = _read_item(found, raw)
    if item is None:
        return
    contact = receiver_of(talk.contacts, item)
    if contact is None:
        found.quarantine("an answer by phone that names nobody", raw)
    elif not _take_correction(found, contact, item, raw):
        _take_echoed(found, contact, word(item.id), content_of(item, raw))


def take_standby_echo(found: Collected, talk: Talk, raw: Raw) -> None:
    """A message that another service sent, as the request that it made."""
    echo = read_if_sound(raw, StandbyEcho)
    item = echo and read_if_sound(echo.message, Item)
    target = echo and read_if_sound(echo.message, SentTo)
    if not (echo and item and target and word(echo.id)):
        found.quarantine("an echo that does not say what was sent", raw)
        return
    is_group = target.recipient_type == "group"
    contact = (
        talk.contacts.find_in_group(word(target.to)) if is_group else talk.contacts.find(target.recipient, target.to)
    )
    if contact is None:
        found.quarantine("an echo that names nobody", raw)
        return
    _take_echoed(found, contact, word(echo.id), content_of(item, raw), is_standby=True)


def take_history(found: Collected, talk: Talk, raw: Raw) -> bool:
    """A message of the past, if it was the contact's."""
    item = read_if_sound(raw, Item)
    if item is None or word(item.to) or (talk.our_phone and word(item.from_).lstrip("+") == talk.our_phone):
        return False
    contact = sender_of(talk.contacts, item)
    if contact is None or not word(item.id):
        return False
    _take_received(found, talk, contact, item, raw)
    return True


def sender_of(contacts: Contacts, item: Sender) -> Contact | None:
    """Who wrote."""
    if item.group_id:
        return contacts.find_in_group(word(item.group_id), item.from_user_id, item.from_)
    return contacts.find(item.from_user_id, item.from_, item.from_parent_user_id)


def receiver_of(contacts: Contacts, item: Sender) -> Contact | None:
    """To whom it went."""
    group = item.group_id or (item.to if item.recipient_type == "group" else None)
    if group:
        return contacts.find_in_group(word(group))
    return contacts.find(item.to_user_id, item.to, item.to_parent_user_id)


def _read_item(found: Collected, raw: Raw) -> Item | None:
    try:
        item = read(raw, Item)
    except UNREADABLE as error:
        found.quarantine(f"a message ({error})", raw)
        return None
    if not word(item.id):
        found.quarantine("a message without an id", raw)
        return None
    return item


def _take_received(found: Collected, talk: Talk, contact: Contact, item: Item, raw: Raw) -> None:
    context = context_of(item)
    found.events.append(
        MessageReceived(
            id=found.identify(
                "history_media" if talk.is_follow_up else "message", word(item.id), told_at=item.timestamp
            ),
            at=found.received_at,
            channel=found.channel,
            contact=contact,
            provider_message_id=word(item.id),
            sent_at=found.when(item.timestamp),
            content=content_of(item, raw),
            in_reply_to=context.id or context.message_id or None,
            is_forwarded=bool(context.forwarded or context.frequently_forwarded),
            referral=referral_of(item),
            origin=talk.origin,
        )
    )


def _take_echoed(
    found: Collected, contact: Contact, message_id: str, content: Content, *, is_standby: bool = False
) -> None:
    found.events.append(
        AgentEchoed(
            id=found.identify("message", message_id),
            at=found.received_at,
            channel=found.channel,
            contact=contact,
            provider_message_id=message_id,
            content=content,
            is_standby=is_standby,
        )
    )


# {"id": "wamid.of-the-edit", "type": "edit",
#  "edit": {"original_message_id": "wamid.…", "message": {"type": "text", "text": {"body": "corrected"}}}}
def _take_correction(found: Collected, contact: Contact, item: Item, raw: Raw) -> bool:
    """An edit or a deletion; it has an id of its own and is no repetition of what it is about."""
    identity = found.identify("message", word(item.id))
    edit, revoke = read_if_sound(item.edit, Correction), read_if_sound(item.revoke, Correction)
    if item.type == "edit" and edit:
        inner = read_if_sound(edit.message, Item) or Item()
        found.events.append(
            MessageEdited(
                id=identity,
                at=found.received_at,
                channel=found.channel,
                contact=contact,
                provider_message_id=edit.original_message_id,
                content=content_of(inner, raw),
            )
        )
        return True
    if item.type == "revoke" and revoke:
        found.events.append(
            MessageRevoked(
                id=identity,
                at=found.received_at,
                channel=found.channel,
                contact=contact,
                provider_message_id=revoke.original_message_id,
            )
        )
        return True
    return False


# {"from": "15550100777", "id": "wamid.…", "type": "system", "system": {"type": "user_changed_number",
#  "body": "User Mira changed from 15550100777 to 15550100555", "wa_id": "15550100555", "user_id": "US.7…55", …}}
def _take_system_news(found: Collected, contacts: Contacts, item: Item, system: SystemNews, raw: Raw) -> None:
    words = system.body or "A contact's number or id changed."
    before = contacts.find(
        system.previous_user_id or item.from_user_id,
        item.from_,
        system.previous_parent_user_id or item.from_parent_user_id,
    )
    after = addresses_of(system.user_id, system.wa_id or system.new_wa_id, system.parent_user_id)
    if system.type in {"user_changed_number", "user_changed_user_id"} and before and after:
        take_identity_change(found, before, after, words, word(item.id))
    elif system.type == "customer_identity_changed":
        text = "A contact's identity changed. It may be another person now: ask before you tell them anything private."
        found.note("identity", text, raw, word(item.id), is_alarm=True)
    else:
        found.note("system", words, raw, word(item.id))


def take_identity_change(
    found: Collected, before: Contact, after: tuple[Address, ...], detail: str, *identity: str
) -> None:
    """A contact is reached elsewhere from now on."""
    found.events.append(
        IdentityChanged(
            id=found.identify("identity", *identity),
            at=found.received_at,
            channel=found.channel,
            contact=before,
            addresses=after,
            detail=detail,
        )
    )
