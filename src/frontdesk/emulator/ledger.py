"""What happened, in the order in which it happened: the evidence that a test of the service holds against it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Raw, Struct, field

from frontdesk.emulator.clock import now


class Accepted(Struct, kw_only=True):
    """One message of the business that was taken. `reference` is its `biz_opaque_callback_data` or `CRQID`; `request`
    is in Meta's form, whoever took it; `request_id` is MSG91's."""

    seq: int
    at: datetime
    to: str
    wamid: str
    type: str
    text: str
    reference: str | None
    request: Raw
    status: str = "accepted"
    error_code: int | None = None
    shown_at: datetime | None = None
    vendor: str = "meta"
    request_id: str = ""


class Received(Struct, kw_only=True):
    """One message of a customer. `delivered_at` is the time of the service's 200, `read_at` of its read mark."""

    seq: int
    at: datetime
    wamid: str
    from_: str = field(name="from")
    type: str
    text: str
    message: dict[str, Any]
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    deliveries: int = 0


class Rejected(Struct, kw_only=True):
    """One call that was refused."""

    seq: int
    at: datetime
    http_status: int
    code: int | None
    details: str
    request: str


class Contact(Struct, kw_only=True, eq=False):
    """A customer's phone. `shows_phone` is false for one who hides behind a username; `chat` is in their order."""

    user_id: str
    phone: str | None = None
    name: str = ""
    username: str | None = None
    shows_phone: bool = True
    is_reachable: bool = True
    typing_since: datetime | None = None
    wrote_at: datetime | None = None
    chat: list[Accepted | Received] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)
    listeners: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What the contact goes by in this emulator: the phone's digits, else the user id."""
        return self.phone or self.user_id

    def tell(self, kind: str, **what: object) -> None:
        """Let every open phone page know."""
        for listener in self.listeners:
            listener({"kind": kind, **what})


_NAMES = ("Mira Testova", "Ada Example", "Tom Sample", "Ravi Specimen", "Lena Muster", "Noor Placeholder", "Iko Dummy")
_COUNTRIES = {"1": "US", "44": "GB", "48": "PL", "49": "DE", "52": "MX", "55": "BR", "91": "IN", "234": "NG"}


class Ledger:
    """Everything that was accepted, received and refused, and the phones it was said to."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4).upper()
        self._count = 0
        self.clear()

    def clear(self) -> None:
        """Forget it all, but go on counting: a message id that came twice would be a duplicate to the service."""
        self.accepted: list[Accepted] = []
        self.received: list[Received] = []
        self.rejected: list[Rejected] = []
        self.sent_by_id: dict[str, Accepted] = {}
        self.received_by_id: dict[str, tuple[Received, Contact]] = {}
        self._contacts: dict[str, Contact] = {}

    @property
    def contacts(self) -> list[Contact]:
        """Every phone there is, each once."""
        return list({id(contact): contact for contact in self._contacts.values()}.values())

    def contact(self, address: str) -> Contact:
        """The phone with these digits or this business-scoped user id (it holds a dot); a new one if need be."""
        known = self._contacts.get(address)
        if known is not None:
            return known
        if "." in address:
            return self._add(Contact(user_id=address, name="Tom Sample", username="tom.sample", shows_phone=False))
        return self._add(
            Contact(phone=address, user_id=_user_id(address), name=_NAMES[int(address[-4:]) % len(_NAMES)])
        )

    def rename(self, contact: Contact, user_id: str) -> None:
        """Give a phone another business-scoped user id."""
        self._contacts.pop(contact.user_id, None)
        contact.user_id = user_id
        self._contacts[user_id] = contact

    def new_wamid(self, contact: Contact, *, from_contact: bool) -> str:
        """A message id of Meta's form, never given out before."""
        self._count += 1
        phone = (contact.phone if contact.shows_phone and contact.phone else "15550100000").encode()
        number = f"{self._run}{self._count:010X}"
        middle, tail = (b"\x12\x18\x14", f"3A{number}") if from_contact else (b"\x11\x18\x12", number)
        raw = b"\x1c\x18" + bytes([len(phone)]) + phone + b"\x15\x02\x00" + middle + tail.encode() + b"\x00"
        return "wamid." + base64.b64encode(raw).decode()

    def accept(self, contact: Contact | None, entry: Accepted) -> None:
        """Write down a message of the business; a group's has no contact."""
        self.accepted.append(entry)
        self.sent_by_id[entry.wamid] = entry
        if contact is not None:
            contact.chat.append(entry)

    def receive(self, contact: Contact, entry: Received) -> None:
        """Write down a message of a customer."""
        self.received.append(entry)
        self.received_by_id[entry.wamid] = (entry, contact)
        contact.chat.append(entry)

    def reject(self, http_status: int, code: int | None, details: str, request: bytes) -> None:
        """Write down a refusal."""
        text = request[:10_000].decode(errors="replace")
        seq = len(self.rejected) + 1
        self.rejected.append(
            Rejected(seq=seq, at=now(), http_status=http_status, code=code, details=details, request=text)
        )

    def _add(self, contact: Contact) -> Contact:
        for name in (contact.phone, contact.user_id):
            if name is not None:
                self._contacts[name] = contact
        return contact


def _user_id(phone: str) -> str:
    for length in (3, 2, 1):
        if phone[:length] in _COUNTRIES:
            return f"{_COUNTRIES[phone[:length]]}.7182{phone:0>16}"
    return f"XX.7182{phone:0>16}"
