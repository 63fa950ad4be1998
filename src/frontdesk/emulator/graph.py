"""`POST /{version}/{phone_number_id}/messages`: the one hot route, so plain ASGI and no further.

A send passes, in this order: token, number, JSON, faults, shape, recipient, speed limits, window. What is accepted is
in the ledger before the answer leaves.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from frontdesk.emulator.acceptance import begin, category_of, outcome_of, words_of
from frontdesk.emulator.checks import CHECKS, check_envelope
from frontdesk.emulator.clock import now
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.faults import Kind, Rule
from frontdesk.emulator.ledger import Accepted, Contact
from frontdesk.emulator.requests import (
    Body,
    answer,
    authenticate,
    check_version,
    decode_object,
    drop,
    header,
    missing_object,
    read_body,
)
from frontdesk.emulator.vendor import Vendor

_PUNCTUATION = re.compile(r"[\s()\-.]")
_HTML = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1></body></html>"
)


class Messages:
    """The endpoint: sends, read marks and typing come to the same address."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        body = await read_body(receive)
        try:
            request = self._admit(scope, body)
            is_mark = "status" in request
            struck = self._struck(request, is_mark=is_mark)
            if await before(struck, receive, send):
                return
            reply = self._mark_read(request) if is_mark else await self._accept(request, body, struck)
        except GraphError as refusal:
            self._vendor.ledger.reject(refusal.http_status, refusal.code, refusal.details, body)
            await answer(send, refusal.http_status, refusal.body())
            return
        if await after(struck, receive):
            return
        await answer(send, 200, reply)

    def _admit(self, scope: Scope, body: bytes) -> Body:
        options = self._vendor.options
        where = scope["path_params"]
        check_version(options, where["major"], where["minor"], f"{where['node']}/messages")
        authenticate(options, header(scope, b"authorization"))
        if where["node"] != options.phone_number_id:
            raise missing_object("post", where["node"])
        if not header(scope, b"content-type").startswith("application/json"):
            raise GraphError("100_invalid_parameter", "The body must be sent as application/json.")
        return decode_object(body)

    def _struck(self, request: Body, *, is_mark: bool) -> dict[Kind, Rule]:
        if is_mark:
            return self._vendor.faults.draw("mark_read")
        to = request.get("to") or request.get("recipient")
        name = _PUNCTUATION.sub("", to).removeprefix("+") if isinstance(to, str) else None
        return self._vendor.faults.draw("send", name, to if isinstance(to, str) else None)

    async def _accept(self, request: Body, body: bytes, struck: dict[Kind, Rule]) -> bytes:
        vendor = self._vendor
        kind = check_envelope(request)
        CHECKS[kind](request, vendor.media.has)
        category = category_of(vendor, request, kind)
        if request.get("recipient_type") == "group":
            return self._accept_for_group(request, kind, body)
        contact, to = self._find_contact(request)
        vendor.limits.count(contact.key, asyncio.get_running_loop().time())
        outcome = outcome_of(vendor, request, kind, contact, category)
        outcome.is_silent = "no_statuses" in struck
        entry = self._entry(request, kind, body, contact, to)
        await begin(vendor, entry, contact, outcome, is_early="status_before_response" in struck)
        card = {"input": request.get("to") or request["recipient"]}
        card["wa_id" if request.get("to") else "user_id"] = to
        message = {"id": entry.wamid, **({"message_status": "accepted"} if kind == "template" else {})}
        return msgspec.json.encode({"messaging_product": "whatsapp", "contacts": [card], "messages": [message]})

    def _entry(self, request: Body, kind: str, body: bytes, contact: Contact, to: str) -> Accepted:
        ledger = self._vendor.ledger
        return Accepted(
            seq=len(ledger.accepted) + 1,
            at=now(),
            to=to,
            wamid=ledger.new_wamid(contact, from_contact=False),
            type=kind,
            text=words_of(self._vendor, request, kind),
            reference=request.get("biz_opaque_callback_data"),
            request=msgspec.Raw(body),
        )

    def _find_contact(self, request: Body) -> tuple[Contact, str]:
        options = self._vendor.options
        if not request.get("to"):
            recipient = request["recipient"]
            if not re.fullmatch(r"[A-Z]{2}(\.ENT)?\.[A-Za-z0-9]{1,128}", recipient):
                raise GraphError("131009_bad_param", "Param recipient is not a valid business-scoped user ID.")
            return self._vendor.ledger.contact(recipient), recipient
        to = dialled(request["to"], options.country_code)
        if to == options.display_phone_number:
            raise GraphError("131021_same_number")
        if options.allowed_contacts is not None and to not in options.allowed_contacts:
            raise GraphError("131030_not_in_allow_list")
        return self._vendor.ledger.contact(to), to

    def _accept_for_group(self, request: Body, kind: str, body: bytes) -> bytes:
        group = request["to"]
        nobody = Contact(user_id="XX.0", phone="15550100000")
        entry = self._entry(request, kind, body, nobody, group)
        self._vendor.ledger.accept(None, entry)
        message = {"id": entry.wamid, "group_id": group}
        card = {"input": group, "wa_id": group}
        return msgspec.json.encode({"messaging_product": "whatsapp", "contacts": [card], "messages": [message]})

    def _mark_read(self, request: Body) -> bytes:
        if request.get("messaging_product") != "whatsapp" or request["status"] != "read":
            raise GraphError("100_invalid_parameter", "Param status must be one of {read}.")
        found = self._vendor.ledger.received_by_id.get(str(request.get("message_id")))
        if found is None:
            raise GraphError("131009_bad_param", "Param message_id is not a valid message ID.")
        typing: Any = request.get("typing_indicator")
        if typing is not None and typing != {"type": "text"}:
            raise GraphError("131009_bad_param", "Param typing_indicator['type'] must be one of {text}.")
        received, contact = found
        self._vendor.mark_read(contact, received, is_typing=typing is not None)
        return b'{"success":true}'


def dialled(to: str, country_code: str) -> str:
    """The number that Meta really writes to: without a `+`, the business's own country code is put in front."""
    digits = _PUNCTUATION.sub("", to)
    number = digits[1:] if digits.startswith("+") else country_code + digits
    if not number.isdecimal() or not number.isascii() or not 7 <= len(number) <= 20:
        raise GraphError("131009_bad_param", "Param to is not a valid phone number.")
    return number


async def before(struck: dict[Kind, Rule], receive: Receive, send: Send) -> bool:
    """Meet the trouble that comes before acceptance; True when the call is over."""
    if not struck:
        return False
    if rule := struck.get("latency"):
        await asyncio.sleep(rule.seconds())
    if "refuse" in struck:
        await drop(receive)
        return True
    if rule := struck.get("http_5xx"):
        await answer(send, rule.status(), _HTML, b"text/html; charset=utf-8")
        return True
    if rule := struck.get("error"):
        raise GraphError(rule.error())
    return False


async def after(struck: dict[Kind, Rule], receive: Receive) -> bool:
    """Meet the trouble that comes after acceptance; True when the call is over."""
    if rule := struck.get("accept_then_hang"):
        await asyncio.sleep(rule.seconds())
    if "accept_then_drop" in struck:
        await drop(receive)
        return True
    return False
