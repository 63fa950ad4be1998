"""`/webhooks/{channel}` and `/webhooks/{channel}/{part}`: bytes in, durable, 200. Accepted means on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from frontdesk.config import ServerSettings
from frontdesk.engine.engine import Engine
from frontdesk.engine.metrics import Metrics
from frontdesk.http.body import TooLarge, read_body
from frontdesk.ports import (
    WRONG_NUMBER,
    Channel,
    Clock,
    Notice,
    Received,
    RequestRefused,
    StoreUnavailable,
    WebhookRequest,
)

log = structlog.get_logger("frontdesk.webhooks")

RETRY_AFTER_SECONDS = "5"

ACCEPT_SECONDS = 5.0
"""The longest that a vendor is kept waiting for the store, however many of its own time-outs come together where the
network to it hangs. Then the answer is 503: should it be written after all, the vendor's repetition is a duplicate."""

STRANGERS_FOR = timedelta(hours=1)
"""While requests are accepted, those that are refused are strangers'."""

REFUSED = "refused"

# What the caller is told. Never why a signature failed: that would help to forge one.
_WORDS = {400: "bad request", 401: "unauthorized", 403: "forbidden", 404: "not found", 408: "request timeout"}


class Webhooks:
    """The vendors' way in."""

    def __init__(
        self,
        *,
        engine: Engine,
        channels: Mapping[str, Channel],
        formers: Mapping[str, Channel],
        metrics: Metrics,
        clock: Clock,
        settings: ServerSettings,
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._formers = formers
        self._metrics = metrics
        self._clock = clock
        self._settings = settings
        self._accepted_at: dict[str, datetime] = {}

    async def receive(self, request: Request) -> Response:
        """Answer a vendor's request."""
        began_at = time.perf_counter()
        name = request.path_params["channel"]
        channel = self._channels.get(name)
        response = await self._answer(request, name, channel) if channel else _refusal(404)
        self._metrics.webhook_seconds.observe(time.perf_counter() - began_at)
        self._metrics.webhooks.labels(name if channel else "", response.status_code).inc()
        return response

    async def _answer(self, request: Request, name: str, channel: Channel) -> Response:
        try:
            asked = await self._read(request)
            told = list(self._translate(name, channel, asked))
            for received, is_former in told:
                await self._take(received, is_former=is_former)
        except RequestRefused as refusal:
            return self._refuse(name, refusal)
        except TooLarge:
            return PlainTextResponse("the body is too large", 413)
        except (TimeoutError, ClientDisconnect):
            return _refusal(408)
        except StoreUnavailable as error:
            # Not accepted: the vendor keeps it and tries again, for days.
            log.error("webhook not accepted", channel=name, reason=str(error))  # noqa: TRY400 -- expected, one sentence
            return PlainTextResponse("try again later", 503, {"Retry-After": RETRY_AFTER_SECONDS})
        if request.method == "POST":
            for received, is_former in told:
                self._tell(name, received, is_former=is_former)
        return PlainTextResponse(told[0][0].answer)

    def _tell(self, name: str, received: Received, *, is_former: bool) -> None:
        """How well the way in works."""
        troubles = received.troubles or {}
        if is_former:
            self._engine.told(name, {f"former {part}": trouble for part, trouble in troubles.items()})
        else:
            self._accepted_at[name] = self._clock.now()
            self._engine.told(name, {**troubles, REFUSED: ""})

    def _translate(self, name: str, channel: Channel, request: WebhookRequest) -> Iterator[tuple[Received, bool]]:
        """What a request says, and whether it was the channel's former vendor who made it: that one is asked where the
        present one knows nothing of the request, or of a number that it is about, and it verifies for itself. Raises
        RequestRefused."""
        former = self._formers.get(name) if request.method == "POST" else None  # who is present sets addresses up
        try:
            received = channel.receive(request)
        except RequestRefused as refusal:
            found = _heard(former, request)
            if found is None:
                raise refusal from None
            yield found, True
            return
        found = _heard(former, request) if any(map(_is_of_another, received.notices)) else None
        if found is None or not found.events:
            yield received, False
            return
        yield _without_others(received), False
        yield _without_others(found), True

    def _refuse(self, name: str, refusal: RequestRefused) -> Response:
        """A stranger is turned away, and that is all. But a vendor that is told 401 again and again may stop calling:
        where nothing else comes any more, the configured secret is more likely wrong."""
        log.warning("webhook refused", channel=name, status=refusal.status, reason=str(refusal))
        accepted_at = self._accepted_at.get(name)
        if refusal.status == 401 and (accepted_at is None or self._clock.now() - accepted_at > STRANGERS_FOR):
            self._engine.told(name, {REFUSED: f"webhooks are refused and none is accepted: {refusal}; compare both"})
        return _refusal(refusal.status)

    async def _take(self, received: Received, *, is_former: bool) -> None:
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                await self._engine.take(received, is_former=is_former)
        except TimeoutError as error:
            raise StoreUnavailable(f"the store has not answered within {ACCEPT_SECONDS:.0f} s") from error

    async def _read(self, request: Request) -> WebhookRequest:
        limits = self._settings
        body = await read_body(request, bytes_max=limits.body_max_bytes, seconds=limits.request_seconds)
        return WebhookRequest(
            method=request.method,
            query=dict(request.query_params),
            headers={key.decode("latin-1"): value.decode("latin-1") for key, value in request.scope["headers"]},
            body=body,
            received_at=self._clock.now(),
            part=request.path_params.get("part", ""),
        )


def _heard(former: Channel | None, request: WebhookRequest) -> Received | None:
    """What a former vendor's request says; None where it is none."""
    try:
        return former.receive(request) if former else None
    except RequestRefused:
        return None


def _is_of_another(notice: Notice) -> bool:
    return notice.kind == WRONG_NUMBER


def _without_others(received: Received) -> Received:
    """Without what the other one of two vendors has taken."""
    notices = tuple(notice for notice in received.notices if not _is_of_another(notice))
    return msgspec.structs.replace(received, notices=notices)


def _refusal(status: int) -> Response:
    return PlainTextResponse(_WORDS.get(status, "refused"), status)
