"""`/api/v1/…`: what other programs of the business may ask for. All answers are JSON; a refusal is `{"error": …}`.

    POST /api/v1/conversations/{conversation}/flow
         Authorization: Bearer …            the word of `api.token`
         Idempotency-Key: …                 or "id" in the body; the same again is one request
         {"flow": "order_status", "values": {"number": "A1001"}}

`conversation` is its id, or `channel:address` (`main:15550100777`). Accepted means on disk: 202 with the event's id.
400 for what cannot be read or does not fit the flow's variables, 401 without the token, 404 for a conversation or a
flow that there is not, 409 for a flow that does not let itself be requested, 503 while the store is away; then try
again with the same key.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta, Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from frontdesk.config import ApiSettings, ServerSettings
from frontdesk.core.conversation import Conversation
from frontdesk.core.event import FlowRequested, identify
from frontdesk.core.flow import Flow, VariableKind
from frontdesk.core.position import Stored
from frontdesk.core.token import NUMBER_MAX, nearest
from frontdesk.core.value import LIST_ITEMS_MAX, TEXT_CHARACTERS_MAX
from frontdesk.engine.engine import Engine
from frontdesk.engine.library import Library
from frontdesk.http.body import TooLarge, read_body
from frontdesk.ports import Clock, Store, StoreUnavailable

log = structlog.get_logger("frontdesk.api")

BODY_BYTES_MAX = 65_536
ACCEPT_SECONDS = 5.0
"""The longest that a caller waits for the store."""

RETRY_AFTER_SECONDS = "5"

_KINDS: dict[VariableKind, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "a text"),
    "number": ((int, float), "a number"),
    "yes_no": ((bool,), "true or false"),
    "date": ((str,), "a date such as 2026-12-24"),
    "list": ((tuple,), "a list"),
}


class FlowRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body. `values`: the flow's variables, without their scope."""

    flow: Annotated[str, Meta(max_length=40)]
    values: dict[str, Stored] = {}
    id: Annotated[str, Meta(max_length=200)] = ""


class Refusal(Exception):
    """An answer other than 202: its status, and a sentence with the cure."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Api:
    """The programs' way in."""

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        library: Library,
        clock: Clock,
        settings: ApiSettings,
        server: ServerSettings,
    ) -> None:
        self._engine = engine
        self._store = store
        self._library = library
        self._clock = clock
        self._token = settings.token
        self._request_seconds = server.request_seconds

    def routes(self) -> list[Route]:
        """What there is."""
        return [Route("/api/v1/conversations/{conversation}/flow", self.request_flow, methods=["POST"])]

    async def request_flow(self, request: Request) -> Response:
        """Let a flow begin in a conversation."""
        headers = {}
        try:
            self._check_token(request)
            asked = await self._read(request)
            async with asyncio.timeout(ACCEPT_SECONDS):
                return JSONResponse({"id": await self._begin(request, asked)}, 202)
        except Refusal as refusal:
            status, sentence = refusal.status, str(refusal)
            if status == 401:
                headers["WWW-Authenticate"] = "Bearer"
        except (StoreUnavailable, TimeoutError) as error:
            log.error("request not accepted", reason=str(error) or "the store has not answered")  # noqa: TRY400 -- expected
            status, sentence = 503, "the store is away; try again with the same key"
            headers["Retry-After"] = RETRY_AFTER_SECONDS
        return JSONResponse({"error": sentence}, status, headers)

    def _check_token(self, request: Request) -> None:
        if self._token is None:
            raise Refusal(404, 'the API is not switched on; set [api] token = { env = "…" } in the configuration')
        kind, _, word = request.headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(word.strip().encode(), self._token.reveal().encode())
        if kind.lower() != "bearer" or not is_right:
            raise Refusal(401, "the token is missing or wrong; send Authorization: Bearer and the word of api.token")

    async def _read(self, request: Request) -> FlowRequest:
        try:
            body = await read_body(request, bytes_max=BODY_BYTES_MAX, seconds=self._request_seconds)
            return msgspec.json.decode(body, type=FlowRequest)
        except TooLarge as error:
            raise Refusal(413, f"the body is too large; at most {BODY_BYTES_MAX} bytes are read") from error
        except (TimeoutError, ClientDisconnect) as error:
            raise Refusal(408, "the body did not come in time; send it at once") from error
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refusal(400, f"the body cannot be read ({error}); send a JSON object with flow and values") from error

    async def _begin(self, request: Request, asked: FlowRequest) -> str:
        state = await self._find(request.path_params["conversation"])
        book = self._library.current_book
        flow = book.flows.get(asked.flow) if book else None
        if book is None or flow is None:
            hint = nearest(asked.flow, book.flows) if book and book.flows else "; there are no flows"
            raise Refusal(404, f"there is no flow {asked.flow}{hint}")
        if not flow.may_be_requested:
            raise Refusal(409, f"the flow {flow.name} may not be requested; write request: true below its starts_on")
        check_values(flow, asked.values)
        key = asked.id or request.headers.get("idempotency-key", "")[:200] or secrets.token_hex(16)
        event = FlowRequested(
            id=identify("flow_requested", state.id, key),
            at=self._clock.now(),
            channel=state.channel,
            flows=book.version,
            conversation_id=state.id,
            flow=flow.name,
            values=asked.values,
        )
        await self._engine.handle(event)  # None: it was requested before, which is as good
        return event.id

    async def _find(self, named: str) -> Conversation:
        channel, colon, address = named.partition(":")
        known = await self._store.find(channel, address.lstrip("+")) if colon else named
        state = await self._store.conversation(known) if known else None
        if state is None:
            raise Refusal(404, "there is no such conversation; name it by its id, or as channel:address")
        return state


def check_values(flow: Flow, values: Mapping[str, Stored]) -> None:
    """Whether the flow's variables can take them. Raises Refusal."""
    known = {name.removeprefix("flow."): one for name, one in flow.variables.items() if name.startswith("flow.")}
    for name, value in values.items():
        if name not in known:
            hint = nearest(name, known) if known else "; it has none"
            raise Refusal(400, f"the flow {flow.name} has no variable flow.{name[:40]}{hint}")
        kind = known[name].kind
        types, words = _KINDS[kind]
        is_fit = value is None or (isinstance(value, types) and isinstance(value, bool) == (kind == "yes_no"))
        if not is_fit or not _is_bounded(value) or (kind == "date" and value is not None and not _is_date(value)):
            raise Refusal(400, f"values.{name} does not fit its variable; send {words} of bounded size")


def _is_bounded(value: Stored) -> bool:
    match value:
        case str():
            return len(value) <= TEXT_CHARACTERS_MAX
        case int() | float():
            return abs(value) <= NUMBER_MAX
        case tuple():
            return len(value) <= LIST_ITEMS_MAX and all(map(_is_bounded, value))
        case _:
            return True


def _is_date(value: Stored) -> bool:
    try:
        return date.fromisoformat(str(value)).isoformat() == value
    except ValueError:
        return False
