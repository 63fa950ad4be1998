"""Meta's webhook as Structs: the envelope, and everything in it but what messages say (that is `said`).

Unknown keys are ignored, and nearly everything may be missing. Lists are Raw, to be opened element by element.
"""

from __future__ import annotations

from msgspec import Raw, Struct, field

from frontdesk.whatsapp.said import Word


class Envelope(Struct):
    """The whole body."""

    object: Word = None
    entry: Raw = Raw()


class Entry(Struct):
    """News of one account. `time` only with fields that are not about messages."""

    id: Word = None
    time: Word = None
    changes: Raw = Raw()


class Change(Struct):
    """One value of one subscribed field."""

    field: Word = None
    value: Raw = Raw()


class Metadata(Struct):
    """Which of our numbers a value is about."""

    phone_number_id: Word = None
    display_phone_number: Word = None


class Profile(Struct):
    """What a person calls themselves; nothing to rely on."""

    name: str | None = None
    username: str | None = None


class Person(Struct):
    """An element of `contacts`: who a message or status is about. Any of the ids may be missing."""

    profile: Profile | None = None
    wa_id: Word = None
    user_id: Word = None
    parent_user_id: Word = None


# {"id": "wamid.HBgL…", "status": "delivered", "timestamp": "1793520497", "recipient_id": "15550100777",
#  "recipient_user_id": "US.7182…1", "biz_opaque_callback_data": "…", …
#  "pricing": {"billable": true, "pricing_model": "PMP", "category": "service", "type": "regular"}}
class Report(Struct):
    """An element of `statuses`."""

    id: str
    status: str
    timestamp: Word = None
    type: Word = None
    recipient_id: Word = None
    recipient_user_id: Word = None
    recipient_parent_user_id: Word = None
    parent_recipient_user_id: Word = None
    recipient_type: Word = None
    recipient_participant_id: Word = None
    participant_recipient_id: Word = None
    recipient_participant_user_id: Word = None
    biz_opaque_callback_data: str | None = None
    errors: Raw = Raw()
    pricing: Raw = Raw()
    conversation: Raw = Raw()


class Price(Struct):
    """`pricing`; open words."""

    category: str | None = None
    type: str | None = None
    pricing_model: str | None = None


class OldConversation(Struct):
    """`conversation`: read only because group samples hold the price in it."""

    pricing: Price | None = None


class Call(Struct):
    """An element of `calls`."""

    id: str
    event: str | None = None
    direction: str | None = None
    status: str | None = None
    timestamp: Word = None
    start_time: Word = None
    duration: int | str | None = None
    from_: Word = field(default=None, name="from")
    from_user_id: Word = None
    to: Word = None
    to_user_id: Word = None


class Preference(Struct):
    """An element of `user_preferences`."""

    value: str
    category: str = ""
    detail: str | None = None
    timestamp: Word = None
    wa_id: Word = None
    user_id: Word = None


class Replaced(Struct):
    """An id before and after."""

    previous: Word = None
    current: Word = None


class IdUpdate(Struct):
    """An element of `user_id_update`, a field that Meta described and withdrew; harmless to understand."""

    wa_id: Word = None
    detail: str | None = None
    user_id: Replaced | None = None
    parent_user_id: Replaced | None = None


class Chunk(Struct):
    """An element of `history`."""

    threads: Raw = Raw()
    errors: Raw = Raw()


class Thread(Struct):
    """One chat of the past; `id` is the contact's number."""

    id: Word = None
    messages: Raw = Raw()


# {"id": "wamid.HBgL…", "timestamp": "1793521099", "message": {"to": "15550100777", "recipient_type": "individual",
#  "type": "text", "text": {"body": "answer", "preview_url": false}, "context": {"message_id": "wamid.HBgL…"}}}
class StandbyEcho(Struct):
    """An echo in `standby`: the request that another service made, not a message as others are."""

    id: Word = None
    timestamp: Word = None
    message: Raw = Raw()


class SentTo(Struct):
    """The receiver in a request to send."""

    to: Word = None
    recipient: Word = None
    recipient_type: Word = None
