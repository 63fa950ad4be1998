"""What else is told about contacts: statuses of our messages, calls, consent, ids that were replaced."""

from __future__ import annotations

from msgspec import Raw

from frontdesk.core.event import (
    CallEnded,
    ConsentChanged,
    Contact,
    ErrorReport,
    Pricing,
    StatusChanged,
)
from frontdesk.core.message import MessageStatus
from frontdesk.whatsapp.reading import UNREADABLE, is_there, read, read_each, read_if_sound, word
from frontdesk.whatsapp.said import VendorError
from frontdesk_plugins.whatsapp_cloud.collected import Collected
from frontdesk_plugins.whatsapp_cloud.contacts import Contacts, addresses_of
from frontdesk_plugins.whatsapp_cloud.errors import explain, find_rule
from frontdesk_plugins.whatsapp_cloud.messages import Talk, take_identity_change
from frontdesk_plugins.whatsapp_cloud.payload import (
    Call,
    IdUpdate,
    OldConversation,
    Preference,
    Price,
    Replaced,
    Report,
)

_STATUSES = {
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "played": MessageStatus.READ,
    "failed": MessageStatus.FAILED,
}


def take_status(found: Collected, talk: Talk, raw: Raw) -> None:
    """How far one of our messages has come. In a group there is one report for each participant."""
    try:
        report = read(raw, Report)
    except UNREADABLE as error:
        found.quarantine(f"a status ({error})", raw)
        return
    status = _STATUSES.get(report.status)
    if report.type == "call" or report.id.startswith("wacid."):
        found.note("calls", f"A call is {report.status.lower()}.", raw, report.id, report.status)
    elif status is None:
        found.note("status", f"Meta reported a status that nothing follows from: {report.status}.", raw)
    else:
        found.events.append(
            StatusChanged(
                id=found.identify("status", report.id, report.status, _participant(report), told_at=report.timestamp),
                at=found.received_at,
                channel=found.channel,
                provider_message_id=report.id,
                status=status,
                changed_at=found.when(report.timestamp),
                reference=report.biz_opaque_callback_data or None,
                errors=tuple(error_report(error) for error in read_each(report.errors, VendorError)),
                pricing=_pricing(report),
                contact=_receiver(talk.contacts, report),
            )
        )
        _alarm(found, report, raw)


def _alarm(found: Collected, report: Report, raw: Raw) -> None:
    """A message failed for a reason of the account's: so will all others, until somebody acts. One notice a day."""
    for error in read_each(report.errors, VendorError):
        code = word(error.code)
        rule = find_rule(code)
        if rule and rule.reaction == "account":
            text = f"Messages fail with error {code}: {rule.says}"
            found.note("account", text, raw, code, found.received_at.date().isoformat(), is_alarm=True)


def error_report(error: VendorError) -> ErrorReport:
    """An error with Meta's words and ours, which say what to do."""
    title = error.title or error.message or ""
    details = [f"{text.rstrip('. ')}." for text in (error.said(), explain(word(error.code))) if text and text != title]
    rule = find_rule(word(error.code))
    return ErrorReport(
        code=word(error.code),
        title=title,
        details=" ".join(details),
        bars_account=rule is not None and rule.reaction == "account",
    )


def _participant(report: Report) -> str:
    participant = report.recipient_participant_id or report.participant_recipient_id
    return word(participant or report.recipient_participant_user_id)


def _receiver(contacts: Contacts, report: Report) -> Contact | None:
    if report.recipient_type == "group":
        return contacts.find_in_group(word(report.recipient_id))
    parent = report.recipient_parent_user_id or report.parent_recipient_user_id
    return contacts.find(report.recipient_user_id, report.recipient_id, parent)


def _pricing(report: Report) -> Pricing | None:
    """Samples of groups hold the price inside `conversation`."""
    price = read_if_sound(report.pricing, Price)
    if price is None and is_there(report.conversation):
        conversation = read_if_sound(report.conversation, OldConversation)
        price = conversation.pricing if conversation else None
    if price is None:
        return None
    return Pricing(category=price.category or "", type=price.type or "", model=price.pricing_model or "")


# {"id": "wacid.…", "from": "15550100777", "to": "15550100200", "event": "terminate", "direction": "USER_INITIATED",
#  "timestamp": "1793521008", "status": "COMPLETED", "start_time": "1793520001", "end_time": "…", "duration": 60}
def take_call(found: Collected, talk: Talk, raw: Raw) -> None:
    """The end of a call is an event; that one rings is only a notice, for nobody answers here."""
    try:
        call = read(raw, Call)
    except UNREADABLE as error:
        found.quarantine(f"a call ({error})", raw)
        return
    is_inbound = call.direction != "BUSINESS_INITIATED"
    ids = (call.from_user_id, call.from_) if is_inbound else (call.to_user_id, call.to)
    contact = talk.contacts.find(*ids)
    if call.event != "terminate" or contact is None:
        found.note("calls", f"A call: {call.event or 'no event named'}.", raw, call.id, call.event or "")
        return
    duration = _whole_seconds(call.duration)
    found.events.append(
        CallEnded(
            id=found.identify("call", call.id, call.event),
            at=found.received_at,
            channel=found.channel,
            contact=contact,
            call_id=call.id,
            called_at=found.when(call.start_time or call.timestamp),
            is_missed=call.status != "COMPLETED" and duration == 0,
            is_inbound=is_inbound,
            duration_seconds=duration,
        )
    )


def _whole_seconds(duration: int | str | None) -> int:
    text = word(duration)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


# {"wa_id": "15550100777", "user_id": "US.7…1", "detail": "User requested to stop marketing messages",
#  "category": "marketing_messages", "value": "stop", "timestamp": 1793520000}
def take_preference(found: Collected, talk: Talk, raw: Raw) -> None:
    """Consent given or taken back."""
    preference = read_if_sound(raw, Preference)
    contact = preference and talk.contacts.find(preference.user_id, preference.wa_id)
    if not (preference and contact and preference.value in {"stop", "resume", "signup"}):
        found.note("user_preferences", "Meta reported a preference that cannot be read.", raw, is_alarm=True)
        return
    address = contact.addresses[0]
    found.events.append(
        ConsentChanged(
            id=found.identify(
                "consent", address.value, preference.category, preference.value, word(preference.timestamp)
            ),
            at=found.received_at,
            channel=found.channel,
            contact=contact,
            category=preference.category,
            is_granted=preference.value != "stop",
            detail=preference.detail or "",
        )
    )


def take_id_update(found: Collected, talk: Talk, raw: Raw) -> None:
    """An id that was replaced, told by a field that Meta described in June 2026 and withdrew in August."""
    update = read_if_sound(raw, IdUpdate) or IdUpdate()
    user, parent = update.user_id or Replaced(), update.parent_user_id or Replaced()
    before = addresses_of(user.previous, update.wa_id, parent.previous)
    after = addresses_of(user.current, update.wa_id, parent.current)
    if not (user.previous and user.current):
        found.note("user_id_update", "Meta reported an id change that cannot be read.", raw)
        return
    known = talk.contacts.find(user.previous)
    contact = Contact(addresses=before, name=known.name if known else None)
    take_identity_change(found, contact, after, update.detail or "", word(user.previous), word(user.current))
