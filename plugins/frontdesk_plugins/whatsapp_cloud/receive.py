"""From a webhook request to events: pure, every layer opened on its own, every item on its own.

Two rules decide what is refused and what is kept. Only what Meta did not sign is refused (Meta repeats whatever is
not answered with 200 for days, so a strict reader makes a storm). And what is signed is never dropped: it becomes an
event, or a notice, or it goes into quarantine as it came.

History is read but must neither wake nor silence the bot: the contacts' part becomes messages of origin `history`;
what the business wrote back then has no such event, and is kept as one notice for each chat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct

from frontdesk.core.event import Origin
from frontdesk.plugin import Secret
from frontdesk.ports import WRONG_NUMBER, Received, RequestRefused, WebhookRequest
from frontdesk.whatsapp.reading import (
    NOTHING,
    UNREADABLE,
    as_text,
    is_there,
    mend,
    read,
    read_if_sound,
    read_list,
    read_object,
    word,
)
from frontdesk.whatsapp.said import VendorError
from frontdesk_plugins.whatsapp_cloud.collected import Collected
from frontdesk_plugins.whatsapp_cloud.contacts import Contacts
from frontdesk_plugins.whatsapp_cloud.messages import (
    Talk,
    take_echo,
    take_history,
    take_message,
    take_standby_echo,
)
from frontdesk_plugins.whatsapp_cloud.news import describe
from frontdesk_plugins.whatsapp_cloud.payload import Change, Chunk, Entry, Envelope, Metadata, Thread
from frontdesk_plugins.whatsapp_cloud.reports import (
    error_report,
    take_call,
    take_id_update,
    take_preference,
    take_status,
)
from frontdesk_plugins.whatsapp_cloud.verify import answer_challenge, check_signature

OURS = "whatsapp_business_account"
_SAMPLE_NUMBER = "123456123"
"""The phone number id in what the App Dashboard's Test button sends."""

TakeItem: TypeAlias = Callable[[Collected, Talk, Raw], None]


class Account(Struct, frozen=True, kw_only=True):
    """What `receive` has to know of a channel."""

    channel: str
    phone_number_id: str
    verify_token: Secret
    app_secrets: tuple[Secret, ...]
    """Empty: signatures are not checked (development only)."""


def receive(account: Account, request: WebhookRequest) -> Received:
    """Verify and translate. Raises RequestRefused for what is not Meta's."""
    if request.part:
        raise RequestRefused(404, "Meta calls one address only")
    if request.method == "GET":
        return Received(answer=answer_challenge(request.query, account.verify_token))
    if request.method != "POST":
        raise RequestRefused(405, f"method {request.method}")
    if account.app_secrets:
        check_signature(request.headers.get("x-hub-signature-256"), request.body, account.app_secrets)
    found = Collected(account.channel, request.received_at)
    _take_body(found, account, request.body)
    return found.received()


def _take_body(found: Collected, account: Account, body: bytes) -> None:
    try:
        envelope = _open(body)
    except (*UNREADABLE, ValueError) as error:
        found.quarantine(f"the body is no JSON object ({type(error).__name__})", body)
        return
    if envelope.object != OURS:
        found.note("other_object", f"Meta sent news of another product: {envelope.object}.", body)
        return
    for raw in _elements(envelope.entry):
        _take_entry(found, account, raw)


def _open(body: bytes) -> Envelope:
    """Broken UTF-8, half emojis and NaN are mended, but only when they are there."""
    try:
        if not body.isascii():
            body.decode()
        return read(body, Envelope)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read(mend(body), Envelope)


def _elements(raw: Raw) -> list[Raw]:
    """A list's elements. What should be a list and is none is looked at as the only element of one."""
    if not is_there(raw):
        return []
    return read_list(raw) if bytes(raw).startswith(b"[") else [raw]


def _take_entry(found: Collected, account: Account, raw: Raw) -> None:
    entry = read_if_sound(raw, Entry)
    if entry is None:
        found.quarantine("an entry", raw)
        return
    for change_raw in _elements(entry.changes):
        change = read_if_sound(change_raw, Change)
        if change is None or not change.field:
            found.quarantine("a change without a field", change_raw)
        else:
            _take_change(found, account, entry, change)


# {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550100200", "phone_number_id": "3107…42"},
#  "contacts": [{"profile": {"name": "Mira", "username": "mira"}, "wa_id": "15550100777", "user_id": "US.7…"}], …
#  "messages": […]}
def _take_change(found: Collected, account: Account, entry: Entry, change: Change) -> None:
    field = word(change.field)
    if field not in _FIELDS:
        _note_news(found, entry, field, change.value)
        return
    value = read_object(change.value)
    if value is None:
        found.quarantine(f"the value of {field}", change.value)
        return
    metadata = read_if_sound(value.get("metadata", NOTHING), Metadata) or Metadata()
    lists = {name: _elements(value.get(name, NOTHING)) for name in _FIELDS[field]}
    has_more = not value.keys() <= _FIELDS[field].keys() | _FRAME
    if word(metadata.phone_number_id) != account.phone_number_id:
        items = [raw for raws in lists.values() for raw in raws]
        _note_foreign(found, account, word(metadata.phone_number_id), [*items, *([change.value] if has_more else [])])
        return
    if has_more:
        _note_news(found, entry, field, change.value)
    contacts = Contacts(value.get("contacts", NOTHING))
    our_phone = "".join(filter(str.isdigit, word(metadata.display_phone_number)))
    for name, raws in lists.items():
        talk = Talk(contacts=contacts, our_phone=our_phone, origin=_ORIGINS.get(field, "live"))
        for raw in raws:
            _FIELDS[field][name](found, talk, raw)


_FRAME = {"messaging_product", "metadata", "contacts"}


def _note_news(found: Collected, entry: Entry, field: str, raw: Raw) -> None:
    text, is_alarm = describe(field, raw)
    found.note(field, text, raw, word(entry.id), word(entry.time), as_text(raw), is_alarm=is_alarm)


def _note_foreign(found: Collected, account: Account, number: str, raws: list[Raw]) -> None:
    """News of a number that is not ours: kept, item by item, and never applied to our conversations."""
    for raw in raws:
        if number == _SAMPLE_NUMBER:
            found.note("dashboard_test", "The Test button of Meta's App Dashboard reached this channel.", raw)
        else:
            text = (
                f"Meta sent news of the phone number id {number or '(none named)'}, but channel {account.channel} has "
                f"{account.phone_number_id}. Add a channel for it, or take this address off that number."
            )
            found.note(WRONG_NUMBER, text, raw, is_alarm=True)


# "errors": [{"code": 130429, "title": "Rate limit hit", "error_data": {"details": "…"}}, …]
def _take_error(found: Collected, _talk: Talk, raw: Raw) -> None:
    """Trouble of the whole number. It bears no time: the same words on another day are another fact."""
    report = error_report(read_if_sound(raw, VendorError) or VendorError())
    text = f"Meta reports: {report.title}. {report.details} (code {report.code or 'none'})"
    found.note("errors", text, raw, as_text(raw), found.received_at.date().isoformat(), is_alarm=True)


def _take_action(found: Collected, _talk: Talk, raw: Raw) -> None:
    found.note("user_actions", "A contact tapped a link of a marketing message.", raw)


# "history": [{"metadata": {"phase": 0, …}, "threads": [{"id": "15550100777", "messages": […]}]} …]
def _take_chunk(found: Collected, talk: Talk, raw: Raw) -> None:
    chunk = read_if_sound(raw, Chunk)
    if chunk is None:
        found.quarantine("a piece of history", raw)
        return
    for error in _elements(chunk.errors):
        reason = (read_if_sound(error, VendorError) or VendorError()).said()
        found.note("history", f"Meta sends no history: {reason}.", error)
    for thread_raw in _elements(chunk.threads):
        thread = read_if_sound(thread_raw, Thread)
        if thread is None:
            found.quarantine("a chat of the past", thread_raw)
        else:
            _take_past(found, talk, word(thread.id), _elements(thread.messages))


def _take_follow_up(found: Collected, talk: Talk, raw: Raw) -> None:
    _take_past(found, msgspec.structs.replace(talk, is_follow_up=True), "", [raw])


def _take_past(found: Collected, talk: Talk, thread: str, raws: list[Raw]) -> None:
    """One chat: the contact's messages as such, the rest as one notice."""
    rest = [raw for raw in raws if not take_history(found, talk, raw)]
    if rest:
        text = f"The business's side of a chat of the past with {thread or 'a contact'} ({len(rest)})."
        found.note("history", text, b"[" + b",".join(map(bytes, rest)) + b"]")


def _take_standby(found: Collected, talk: Talk, raw: Raw) -> None:
    """The same lists once more, for as long as another service has the conversation."""
    value = read_object(raw)
    if value is None:
        found.quarantine("news from standby", raw)
        return
    talk = msgspec.structs.replace(talk, contacts=Contacts(value.get("contacts", NOTHING)))
    for name, take in _STANDBY.items():
        for item in _elements(value.get(name, NOTHING)):
            take(found, talk, item)


_STANDBY: Mapping[str, TakeItem] = {
    "messages": take_message,
    "message_echoes": take_standby_echo,
    "statuses": take_status,
}
_FIELDS: Mapping[str, Mapping[str, TakeItem]] = {
    "messages": {
        "messages": take_message,
        "statuses": take_status,
        "errors": _take_error,
        "user_actions": _take_action,
    },
    "smb_message_echoes": {"message_echoes": take_echo, "errors": _take_error},
    "history": {"history": _take_chunk, "messages": _take_follow_up, "errors": _take_error},
    "standby": {"standby": _take_standby, "errors": _take_error},
    "calls": {"calls": take_call, "statuses": take_status, "errors": _take_error},
    "user_preferences": {"user_preferences": take_preference},
    "user_id_update": {"user_id_update": take_id_update},
}
"""The fields that tell of contacts, and who reads which of their lists."""

_ORIGINS: Mapping[str, Origin] = {"standby": "standby", "history": "history"}
