"""MSG91's API: free-form sends, templates in bulk, the log, and the unknown path.

Refusals come with HTTP 200, as MSG91's mostly do, and answers are labelled HTML. What is taken has a request id; what
becomes of it is told by webhooks, or by the log.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from frontdesk.emulator.acceptance import begin, category_of, outcome_of, words_of
from frontdesk.emulator.checks import CHECKS, check_envelope
from frontdesk.emulator.clock import now
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.faults import Kind, Rule
from frontdesk.emulator.graph import after, before
from frontdesk.emulator.ledger import Accepted, Received
from frontdesk.emulator.msg91_requests import Msg91Error, session_message, template_messages
from frontdesk.emulator.msg91_webhooks import IST
from frontdesk.emulator.parts import Body
from frontdesk.emulator.requests import answer, decode_object, header, read_body
from frontdesk.emulator.vendor import Vendor

_PREFIX = "/api/v5"
_SENDS = f"{_PREFIX}/whatsapp/whatsapp-outbound-message/"
_HTML = b"text/html; charset=utf-8"
_UNAUTHORIZED = "Unauthorized"
Struck: TypeAlias = dict[Kind, Rule]


class Msg91:
    """The endpoints."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._options = vendor.options
        self.routes: list[BaseRoute] = [
            Route(_SENDS, Sends(vendor), methods=["POST"]),
            Route(f"{_SENDS}bulk/", Sends(vendor, is_bulk=True), methods=["POST"]),
            Route(f"{_PREFIX}/report/logs/wa", self.log, methods=["GET", "POST"]),
            Route(f"{_PREFIX}/whatsapp/whatsapp-activation/", self.numbers, methods=["GET"]),
            Route("/whatsapp-haptik-media/{number}/{media_id}", self.file, methods=["GET"]),
            Route(f"{_PREFIX}/{{rest:path}}", self.unknown, methods=["GET", "POST"]),
        ]

    async def log(self, request: Request) -> Response:
        """What was taken and what customers wrote, between two days of India's."""
        if not _is_known(self._vendor, request.headers.get("authkey", "")):
            return _refusal(_UNAUTHORIZED, 401)
        days = request.query_params.get("startDate", ""), request.query_params.get("endDate", "")
        rows = [_outbound(self._options.display_phone_number, one) for one in self._vendor.ledger.accepted]
        rows += [_inbound(self._options.display_phone_number, one) for one in self._vendor.ledger.received]
        wanted = [row for row in rows if days[0] <= row["requestedAt"][:10] <= days[1]]
        request_id = request.query_params.get("requestId")
        wanted = [row for row in wanted if request_id in (None, row["requestId"])]
        return _json({"data": wanted[:1_000], "metadata": {"total": len(wanted)}})

    async def numbers(self, request: Request) -> Response:
        """The account's numbers."""
        if not _is_known(self._vendor, request.headers.get("authkey", "")):
            return _refusal(_UNAUTHORIZED, 401)
        return _json({"data": [{"integrated_number": self._options.display_phone_number}]})

    async def file(self, request: Request) -> Response:
        """A customer's file, for whoever knows its address."""
        file = self._vendor.media.get(request.path_params["media_id"])
        if file is None:
            return Response("Not Found", 404, media_type="text/plain")
        return Response(file.content, headers={"content-type": file.mime_type})

    async def unknown(self, _: Request) -> Response:
        """Every other path."""
        return _json({"type": "error", "msg": "Route Missing"}, 404)


class Sends:
    """Both doors for messages. A send passes, in this order: authkey, JSON, faults, shape, speed limits, window. What
    is taken is in the ledger before the answer leaves."""

    def __init__(self, vendor: Vendor, *, is_bulk: bool = False) -> None:
        self._vendor = vendor
        self._is_bulk = is_bulk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        body = await read_body(receive)
        try:
            messages = self._admit(Request(scope), header(scope, b"authkey"), body)
            struck = self._vendor.faults.draw("send", messages[0]["to"].removeprefix("+"))
            if await before(struck, receive, send):
                return
            reply = await self._accept(messages, struck)
        except Msg91Error as refusal:
            await self._refuse(send, refusal.http_status, str(refusal), body)
            return
        except GraphError as refusal:
            words = f"{refusal.code}: {refusal.details or refusal.error['message']}"
            await self._refuse(send, 200, words, body, refusal.code)
            return
        if await after(struck, receive):
            return
        await answer(send, 200, reply, _HTML)

    def _admit(self, request: Request, authkey: str, body: bytes) -> list[Body]:
        if not _is_known(self._vendor, authkey):
            raise Msg91Error(_UNAUTHORIZED, 401)
        given: Body = decode_object(body) if body else dict(request.query_params)
        number = str(given.get("integrated_number", "")) or "the number"
        messages = template_messages(given) if self._is_bulk else [session_message(given)]
        if number != self._vendor.options.display_phone_number:
            raise Msg91Error(f"{number} is not integrated")
        if not all(message["to"][1:].isdecimal() for message in messages):
            raise Msg91Error("recipient_number is invalid: country code and digits only")
        return messages

    async def _accept(self, messages: list[Body], struck: Struck) -> bytes:
        request_id = secrets.token_hex(16)
        for message in messages:
            await self._accept_one(message, request_id, struck)
        data = "Your request is in process, check delivery reports for status"
        reply = {"status": "success", "hasError": False, "data": data, "errors": None, "request_id": request_id}
        return msgspec.json.encode(reply)

    async def _accept_one(self, message: Body, request_id: str, struck: Struck) -> None:
        vendor, kind = self._vendor, check_envelope(message)
        CHECKS[kind](message, vendor.media.has)
        category = category_of(vendor, message, kind)
        to = message["to"].removeprefix("+")
        if to == vendor.options.display_phone_number:
            raise GraphError("131021_same_number")
        contact = vendor.ledger.contact(to)
        vendor.limits.count(contact.key, asyncio.get_running_loop().time())
        outcome = outcome_of(vendor, message, kind, contact, category)
        outcome.is_silent = "no_statuses" in struck
        entry = Accepted(
            seq=len(vendor.ledger.accepted) + 1,
            at=now(),
            to=to,
            wamid=vendor.ledger.new_wamid(contact, from_contact=False),
            type=kind,
            text=words_of(vendor, message, kind),
            reference=message.get("biz_opaque_callback_data"),
            request=msgspec.Raw(msgspec.json.encode(message)),
            vendor="msg91",
            request_id=request_id,
        )
        await begin(vendor, entry, contact, outcome, is_early="status_before_response" in struck)

    async def _refuse(self, send: Send, http_status: int, words: str, body: bytes, code: int | None = None) -> None:
        self._vendor.ledger.reject(http_status, code, words, body)
        refusal = {"status": "fail", "hasError": True, "data": "", "errors": words}
        await answer(send, http_status, msgspec.json.encode(refusal), _HTML)


def _is_known(vendor: Vendor, authkey: str) -> bool:
    return secrets.compare_digest(authkey.encode(), vendor.options.authkey.encode())


def _outbound(number: str, entry: Accepted) -> dict[str, Any]:
    failed = entry.status == "failed"
    return {
        "requestedAt": _india(entry.at),
        "requestId": entry.request_id or None,
        "status": entry.status.capitalize() if entry.status != "accepted" else None,
        "failureReason": str(entry.error_code) if failed else None,
        "uuid": entry.wamid,
        "integratedNumber": number,
        "customerNumber": entry.to.removeprefix("+"),
        "messageType": entry.type,
        "direction": "OUTBOUND",
        "content": msgspec.json.encode({"text": entry.text}).decode(),
    }


def _inbound(number: str, entry: Received) -> dict[str, Any]:
    """Without a status, and wrapped as some saw them."""
    row = {
        "requestedAt": _india(entry.at),
        "status": None,
        "uuid": entry.wamid,
        "integratedNumber": number,
        "customerNumber": entry.from_,
        "messageType": entry.type,
        "direction": "INBOUND",
        "content": msgspec.json.encode({"text": entry.text}).decode(),
    }
    wrapped = {name: {"value": value, "metaData": None} for name, value in row.items()}
    return {**wrapped, "requestedAt": row["requestedAt"], "requestId": None}


def _india(at: datetime) -> str:
    return at.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def _json(content: object, http_status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), http_status, media_type="text/html")


def _refusal(words: str, http_status: int) -> Response:
    return _json({"status": "fail", "hasError": True, "errors": words, "code": str(http_status)}, http_status)
