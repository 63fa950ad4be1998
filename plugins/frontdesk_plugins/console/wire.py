"""What travels between the terminal and the service, and the word that signs it, the same both ways.

POST /webhooks/NAME     {"id", "from", "name"?, and one of "text", "tap": {"id", "title"},
                         "place": {"latitude", "longitude"}}
POST [channels.NAME]    {"to", "text", "options": [{"id", "title", "description"}], "reference"} -> {"id"}
     url
"""

from __future__ import annotations

import hmac
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

SIGNATURE = "x-frontdesk-signature"
SECRET_CHARACTERS_MIN = 16
ID_CHARACTERS_MAX = 256
"""Longer ones do not fit into a store's index."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
PHONE_PATTERN = r"^[0-9]{5,20}\Z"


class Tap(Struct, frozen=True, kw_only=True):
    """The option that was tapped."""

    id: Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX)]
    title: str


class Place(Struct, frozen=True, kw_only=True):
    """Where the contact is, degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


class Written(Struct, frozen=True, kw_only=True, rename={"sender": "from"}, omit_defaults=True):
    """What the contact says; one of `text`, `tap` and `place`."""

    id: Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX)]
    sender: Annotated[str, Meta(pattern=PHONE_PATTERN)]
    name: str | None = None
    text: str | None = None
    tap: Tap | None = None
    place: Place | None = None


class Option(Struct, frozen=True, kw_only=True):
    """Something to tap."""

    id: str
    title: str
    description: str = ""


class Shown(Struct, frozen=True, kw_only=True):
    """What the terminal is to show. `reference` is the same when the same message comes again."""

    to: str
    text: str
    reference: str
    options: tuple[Option, ...] = ()


class Taken(Struct, frozen=True, kw_only=True):
    """The terminal's answer."""

    id: str


def sign(secret: str, body: bytes) -> str:
    """What stands in the header: HMAC-SHA256 in hexadecimal digits."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def is_signed(secret: str, body: bytes, given: str) -> bool:
    """Whether the other side knows the word. Compared as bytes, for others may put any letters there."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), sign(secret, body).encode())
