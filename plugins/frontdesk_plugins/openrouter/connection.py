"""One request and its answer, within a time and a size; everything that can go wrong becomes one of three failures.

Asking a model has no side effect but its cost, so what nobody knows the end of may be asked again; that it may have
been billed is what `OutcomeUnknown` tells.
"""

from __future__ import annotations

from typing import Any

import httpx

from frontdesk.calling import never_left
from frontdesk.core.event import Usage
from frontdesk.plugin import Tools
from frontdesk.ports import OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk_plugins.openrouter.errors import failure, refusal_in, refusal_of
from frontdesk_plugins.openrouter.options import PROFILES, Options
from frontdesk_plugins.openrouter.reading import decode
from frontdesk_plugins.openrouter.reply import Reply, both, reply_in, usage_in

BODY_BYTES_MAX = 1_048_576
ENOUGH_SECONDS = 0.2
USER_AGENT = "Frontdesk"


class Connection:
    """To one server."""

    def __init__(self, url: httpx.URL, options: Options, tools: Tools) -> None:
        self._url = url
        self._options = options
        self._transport = tools.transport
        self._clock = tools.clock
        self._headers = {
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        if options.api_key:
            self._headers["Authorization"] = f"Bearer {options.api_key.reveal()}"
        self._is_router = PROFILES[options.profile].is_router

    async def post(self, body: bytes, seconds: float, used: Usage | None, *, has_others: bool) -> Reply:
        """Ask, within so many seconds. `used` was used before by the same completion. Raises the three failures."""
        response, decoded = await self.send(body, seconds, used, has_others=has_others)
        return reply_in(decoded, self._options, response.headers.get("x-generation-id", "")[:200])

    async def send(
        self, body: bytes, seconds: float, used: Usage | None = None, *, has_others: bool = False, form: str = ""
    ) -> tuple[httpx.Response, dict[str, Any]]:
        """The answer and what is in it, a JSON object. `form`: the content type, if it is not JSON that is sent. Raises
        the three failures."""
        if seconds < ENOUGH_SECONDS:
            raise TemporaryFailure("there was no time left to ask again", code="deadline", usage=used)
        timeout = {"timeout": {"read": min(seconds, self._options.timeout_seconds)}}
        headers = {**self._headers, "Content-Type": form or "application/json"}
        request = httpx.Request("POST", self._url, content=body, headers=headers, extensions=timeout)
        try:
            response = await self._transport.handle_async_request(request)
            try:
                answer = await _read_capped(response)
            finally:
                await response.aclose()
        except ProviderFailure as error:
            error.usage = used
            raise
        except Exception as error:
            raise _sorted(error, used) from error
        return response, self._decoded(response, answer, used, has_others=has_others)

    def _decoded(
        self, response: httpx.Response, answer: bytes, used: Usage | None, *, has_others: bool
    ) -> dict[str, Any]:
        status, decoded = response.status_code, decode(answer)
        refusal = refusal_in(decoded, status) if status == 200 else refusal_of(answer, status)
        if refusal is not None:
            usage = both(used, usage_in(decoded, self._options))
            tried = self._is_router and has_others
            raise failure(refusal, response.headers, self._clock.now(), usage, has_tried_others=tried)
        if not isinstance(decoded, dict):
            raise OutcomeUnknown("the server answered 200 with something that is no JSON", code="garbage", usage=used)
        return decoded


async def _read_capped(response: httpx.Response) -> bytes:
    if response.status_code in range(300, 400):
        reason = "base_url answers with a redirect, which is not followed; correct it"
        raise PermanentFailure(reason, code=str(response.status_code), concerns="account")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise OutcomeUnknown(f"the answer is longer than {BODY_BYTES_MAX} bytes", code="too_long")
    return bytes(body)


def _sorted(error: Exception, used: Usage | None) -> ProviderFailure:
    if never_left(error):
        reason = "the server cannot be reached; check base_url, and that it runs"
        return TemporaryFailure(reason, code="unreachable", concerns="account", usage=used)
    return OutcomeUnknown(
        f"the request went out and no whole answer came back ({type(error).__name__})", code="no_answer", usage=used
    )
