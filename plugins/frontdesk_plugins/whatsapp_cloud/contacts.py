"""Who somebody is: phone numbers, business-scoped ids, groups, and the `contacts` list that tells their names.

Since 2026 people may hide their number: any id may be missing, and one and the same person may come with a number
today and without one after a month of silence. A contact is matched by an id that it shares with the message and
never by its place in the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Raw

from frontdesk.core.event import Address, AddressKind, Contact
from frontdesk.whatsapp.reading import read_each, word
from frontdesk.whatsapp.said import Word
from frontdesk_plugins.whatsapp_cloud.payload import Person, Profile

_PHONE = re.compile(r"\+?[0-9]{4,20}")
_SCOPED = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]+")
_PARENT = re.compile(r"[A-Z]{2}\.ENT\.[A-Za-z0-9]+")
_ORDER: tuple[AddressKind, ...] = ("scoped_id", "phone", "parent_scoped_id")

_Known: TypeAlias = tuple[Person, tuple[Address, ...]]


def addresses_of(user_id: Word, phone: Word = None, parent: Word = None) -> tuple[Address, ...]:
    """One address of each kind at most, the most lasting first.

    What looks like another kind than its key says is taken for what it looks like; a phone number that looks like
    nothing is no address, the ids are the vendor's to shape.
    """
    found: dict[AddressKind, Address] = {}
    for kind, value in zip(_ORDER, (user_id, phone, parent), strict=True):
        text = word(value).strip()
        address = _address(kind, text) if text else None
        if address:
            found.setdefault(address.kind, address)
    return tuple(found[kind] for kind in _ORDER if kind in found)


def _address(kind: AddressKind, text: str) -> Address | None:
    if _PHONE.fullmatch(text):
        return Address("phone", text.lstrip("+"))
    if _PARENT.fullmatch(text):
        return Address("parent_scoped_id", text)
    if _SCOPED.fullmatch(text):
        return Address("scoped_id", text)
    return Address(kind, text) if kind != "phone" else None


class Contacts:
    """The people of one value."""

    def __init__(self, raw: Raw) -> None:
        self._people: dict[Address, _Known] = {}
        for person in read_each(raw, Person):
            known = addresses_of(person.user_id, person.wa_id, person.parent_user_id)
            for address in known:
                self._people.setdefault(address, (person, known))

    def find(self, user_id: Word, phone: Word = None, parent: Word = None) -> Contact | None:
        """The contact with these ids, and what the list adds; None if none of them is an id."""
        own = addresses_of(user_id, phone, parent)
        if not own:
            return None
        person, known = self._person(own)
        merged = {address.kind: address for address in (*known, *own)}
        return Contact(
            addresses=tuple(merged[kind] for kind in _ORDER if kind in merged),
            name=_name(person),
            username=_user(person),
        )

    def find_in_group(self, group_id: str, user_id: Word = None, phone: Word = None) -> Contact:
        """A group as its own conversation; the name is that of the participant who spoke."""
        person, _ = self._person(addresses_of(user_id, phone))
        return Contact(addresses=(Address("group", group_id),), name=_name(person), username=_user(person))

    def _person(self, addresses: Iterable[Address]) -> _Known:
        return next((self._people[address] for address in addresses if address in self._people), (Person(), ()))


def _name(person: Person) -> str | None:
    return (person.profile or Profile()).name or None


def _user(person: Person) -> str | None:
    return ((person.profile or Profile()).username or "").removeprefix("@") or None
