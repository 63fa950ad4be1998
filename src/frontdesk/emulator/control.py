"""`/_emulator/…`: the strings behind the stage. Nothing here exists at Meta."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any, Literal

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from frontdesk.emulator.chat import listen, transcript
from frontdesk.emulator.customers import Utterance, say
from frontdesk.emulator.faults import Rule
from frontdesk.emulator.ledger import Contact
from frontdesk.emulator.openrouter import Scripted
from frontdesk.emulator.vendor import Vendor

_ENCODER = msgspec.json.Encoder()


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set about a customer; what is left out stays as it is."""

    name: str | None = None
    username: str | None = None
    user_id: str | None = None
    shows_phone: bool | None = None
    is_reachable: bool | None = None


class Speech(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose customers they are."""

    vendor: Literal["meta", "msg91"]


def reply(content: object, http_status: int = 200) -> Response:
    """A JSON response."""
    return Response(_ENCODER.encode(content), status_code=http_status, media_type="application/json")


class Control:
    """The endpoints, over one account."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        contact = "/_emulator/contacts/{phone}"
        self.routes: list[BaseRoute] = [
            Route(f"{contact}/messages", self.say, methods=["POST"]),
            Route(f"{contact}/messages", self.chat, methods=["GET"]),
            Route(f"{contact}/read", self.read, methods=["POST"]),
            Route(f"{contact}/events", self.events, methods=["GET"]),
            Route(contact, self.profile, methods=["GET", "PUT"]),
            Route("/_emulator/ledger", self.ledger, methods=["GET"]),
            Route("/_emulator/inbound", self.inbound, methods=["GET"]),
            Route("/_emulator/rejected", self.rejected, methods=["GET"]),
            Route("/_emulator/webhooks", self.webhooks, methods=["GET"]),
            Route("/_emulator/faults", self.faults, methods=["GET"]),
            Route("/_emulator/faults", self.add_faults, methods=["POST"]),
            Route("/_emulator/faults", self.remove_faults, methods=["DELETE"]),
            Route("/_emulator/completions", self.completions, methods=["GET"]),
            Route("/_emulator/answers", self.answer, methods=["POST"]),
            Route("/_emulator/media/{media_id}", self.media, methods=["GET"]),
            Route("/_emulator/vendor", self.speak, methods=["PUT"]),
            Route("/_emulator/reset", self.reset, methods=["POST"]),
            Route("/_emulator/verify", self.verify, methods=["POST"]),
        ]

    async def ledger(self, request: Request) -> Response:
        """What was accepted."""
        return _since(request, self._vendor.ledger.accepted)

    async def inbound(self, request: Request) -> Response:
        """What customers sent."""
        return _since(request, self._vendor.ledger.received)

    async def rejected(self, request: Request) -> Response:
        """What was refused."""
        return _since(request, self._vendor.ledger.rejected)

    async def webhooks(self, _: Request) -> Response:
        """How the deliveries stand."""
        return reply(self._vendor.webhooks.counts)

    async def completions(self, request: Request) -> Response:
        """What language models were asked."""
        return _since(request, self._vendor.openrouter.asked)

    async def answer(self, request: Request) -> Response:
        """Let language models say these from now on; an empty list: what they like."""
        try:
            self._vendor.openrouter.script(msgspec.json.decode(await request.body(), type=list[Scripted]))
        except (msgspec.DecodeError, ValueError) as cause:
            return reply({"error": str(cause)}, 400)
        return reply({"success": True})

    async def faults(self, _: Request) -> Response:
        """The rules in force."""
        return reply(self._vendor.faults.rules)

    async def add_faults(self, request: Request) -> Response:
        """Put rules in force; all or none."""
        try:
            rules = msgspec.json.decode(await request.body(), type=list[Rule])
            self._vendor.faults.add_all(rules)
        except (msgspec.DecodeError, ValueError) as cause:
            return reply({"error": str(cause)}, 400)
        self._vendor.faults_changed()
        return reply(self._vendor.faults.rules)

    async def remove_faults(self, request: Request) -> Response:
        """Take all rules out of force, or those whose `id` the query names."""
        ids = request.query_params.getlist("id")
        if ids:
            for rule_id in ids:
                self._vendor.faults.remove(rule_id)
        else:
            self._vendor.faults.clear()
        self._vendor.faults_changed()
        return reply(self._vendor.faults.rules)

    async def speak(self, request: Request) -> Response:
        """By which vendor customers' messages come from now on; what is under way arrives as it set out."""
        try:
            self._vendor.speaks = msgspec.json.decode(await request.body(), type=Speech).vendor
        except msgspec.DecodeError as cause:
            return reply({"error": str(cause)}, 400)
        return reply({"vendor": self._vendor.speaks})

    async def reset(self, _: Request) -> Response:
        """Back to the beginning."""
        self._vendor.clear()
        return reply({"success": True})

    async def verify(self, _: Request) -> Response:
        """Do the handshake that saving a callback URL does at Meta."""
        challenge = str(secrets.randbelow(10**10))
        answer = await self._vendor.webhooks.verify(challenge)
        body = answer.text if answer is not None else None
        is_verified = answer is not None and answer.status_code == 200 and body == challenge
        status = answer.status_code if answer is not None else None
        return reply({"verified": is_verified, "http_status": status, "challenge": challenge, "answer": body})

    async def say(self, request: Request) -> Response:
        """A customer writes."""
        try:
            utterance = msgspec.json.decode(await request.body(), type=Utterance)
            delivered = asyncio.Event()
            self._vendor.media.learn_base_url(str(request.base_url))
            entry = say(self._vendor, self._contact(request), utterance, delivered.set)
        except (msgspec.DecodeError, ValueError) as cause:
            return reply({"error": str(cause)}, 400)
        if request.query_params.get("wait") == "1" and self._vendor.webhooks.is_connected:
            await delivered.wait()
        return reply({"wamid": entry.wamid, "delivered_at": entry.delivered_at})

    async def read(self, request: Request) -> Response:
        """A customer looks at the chat."""
        return reply({"read": self._vendor.post.read(self._contact(request))})

    async def chat(self, request: Request) -> Response:
        """The chat as the customer sees it."""
        return reply(transcript(self._vendor, self._contact(request)))

    async def events(self, request: Request) -> Response:
        """What changes in the chat, as it changes."""
        return listen(self._vendor, self._contact(request))

    async def media(self, request: Request) -> Response:
        """A file for the phone page, which has no token; never a page of its own."""
        file = self._vendor.media.get(request.path_params["media_id"])
        if file is None:
            raise HTTPException(404, "no such file")
        guards = {"content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff"}
        return Response(file.content, headers={"content-type": file.mime_type, **guards})

    async def profile(self, request: Request) -> Response:
        """Who the customer is."""
        contact = self._contact(request)
        if request.method == "PUT":
            try:
                self._set(contact, msgspec.json.decode(await request.body(), type=Profile))
            except msgspec.DecodeError as cause:
                return reply({"error": str(cause)}, 400)
        names = ("phone", "user_id", "name", "username", "shows_phone", "is_reachable", "wrote_at")
        return reply({name: getattr(contact, name) for name in names})

    def _set(self, contact: Contact, profile: Profile) -> None:
        if profile.user_id is not None:
            self._vendor.ledger.rename(contact, profile.user_id)
        for name in ("name", "username", "shows_phone", "is_reachable"):
            value = getattr(profile, name)
            if value is not None:
                setattr(contact, name, value)

    def _contact(self, request: Request) -> Contact:
        address: str = request.path_params["phone"].removeprefix("+")
        if not _ADDRESS.fullmatch(address):
            raise HTTPException(400, "a contact goes by the phone's digits or by a user id such as GB.7182")
        return self._vendor.ledger.contact(address)


_ADDRESS = re.compile(r"[0-9]{5,20}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
"""A phone's digits, or a business-scoped user id; a username is neither."""


def _since(request: Request, entries: list[Any]) -> Response:
    """The entries after `since`; their numbers start at 1 and have no gaps."""
    try:
        start = max(int(request.query_params.get("since", "0")), 0)
    except ValueError:
        return reply({"error": "since must be a number"}, 400)
    return reply(entries[start:])
