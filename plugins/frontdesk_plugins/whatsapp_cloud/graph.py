"""Calls of the Graph API, and what a refusal means; what breaks on the way is sorted by `frontdesk.calling`."""

from __future__ import annotations

from datetime import datetime

import httpx
from msgspec import Raw, Struct

from frontdesk.calling import exchange, guarded_url, retry_after_seconds, sort_foreign_answer, sort_status
from frontdesk.plugin import ConfigError, Tools
from frontdesk.ports import ProviderFailure
from frontdesk.whatsapp.reading import NOTHING, UNREADABLE, read, word
from frontdesk.whatsapp.said import VendorError
from frontdesk_plugins.whatsapp_cloud.errors import failure, find_rule
from frontdesk_plugins.whatsapp_cloud.options import Options

USER_AGENT = "Frontdesk"
VENDOR = "Meta"


# {"error": {"message": "(#131056) … pair rate limit hit", "type": "OAuthException", "code": 131056,
#  "error_data": {"messaging_product": "whatsapp", "details": "Message failed to send because …"}, "fbtrace_id": "A…"}}
class Refusal(Struct):
    """The body of a refusal."""

    error: Raw = NOTHING


class Graph:
    """The Graph API for one number."""

    def __init__(self, channel: str, options: Options, tools: Tools) -> None:
        self.options = options
        self.base = _base_url(channel, options.base_url)
        self.is_local = self.base.scheme == "http"
        self._transport = tools.transport
        self._clock = tools.clock
        self._authorization = f"Bearer {options.access_token.reveal()}"
        self._root = f"{str(self.base).rstrip('/')}/{options.graph_version}"
        self._messages_url = httpx.URL(f"{self._root}/{options.phone_number_id}/messages")

    async def post_message(self, body: bytes, *, is_repeatable: bool = False) -> bytes:
        """The answer's body. Raises the three failures; OutcomeUnknown only if the call may not be repeated."""
        headers = {"Content-Type": "application/json", **self.headers()}
        request = httpx.Request("POST", self._messages_url, content=body, headers=headers, extensions=self._timeout())
        return await self._call(request, is_repeatable=is_repeatable)

    async def get(self, path: str, **query: str) -> bytes:
        """The body of an object. Raises TemporaryFailure or PermanentFailure."""
        url = httpx.URL(f"{self._root}/{path}", params=query)
        request = httpx.Request("GET", url, headers=self.headers(), extensions=self._timeout())
        return await self._call(request, is_repeatable=True)

    async def open(self, url: httpx.URL, timeout_seconds: float) -> httpx.Response:
        """A GET whose body is still to be read; the caller closes it. Raises what the transport raises."""
        headers = {"Accept-Encoding": "identity", **self.headers()}
        extensions = {"timeout": {"read": timeout_seconds}}
        request = httpx.Request("GET", url, headers=headers, extensions=extensions)
        return await self._transport.handle_async_request(request)

    def headers(self) -> dict[str, str]:
        """What every call needs; Meta turns away calls without a user agent."""
        return {"Authorization": self._authorization, "User-Agent": USER_AGENT}

    def refusal(self, response: httpx.Response, body: bytes, *, is_repeatable: bool) -> ProviderFailure:
        """What an answer other than 200 means."""
        return sort_refusal(response, body, now=self._clock.now(), is_repeatable=is_repeatable)

    async def _call(self, request: httpx.Request, *, is_repeatable: bool) -> bytes:
        response, body = await exchange(self._transport, request, VENDOR, is_repeatable=is_repeatable)
        if response.status_code != 200:
            raise self.refusal(response, body, is_repeatable=is_repeatable)
        return body

    def _timeout(self) -> dict[str, dict[str, float]]:
        return {"timeout": {"read": self.options.timeout_seconds}}


def sort_refusal(response: httpx.Response, body: bytes, *, now: datetime, is_repeatable: bool) -> ProviderFailure:
    """What an answer other than 200 means. A code that is known decides; without one a 5xx tells nothing.
    What holds no error in Meta's form was not said by Meta."""
    status = response.status_code
    refusal = _read_refusal(body)
    code = word(refusal.code)
    details = refusal.said()
    retry_after = retry_after_seconds(response.headers.get("retry-after"), now)
    if find_rule(code, details) is not None:
        return failure(code, details, retry_after)
    if not code and not details:
        return sort_foreign_answer(status, VENDOR, retry_after=retry_after, is_repeatable=is_repeatable)
    if status < 400 or status >= 500 or status in {408, 429}:
        return sort_status(status, VENDOR, details, retry_after, is_repeatable=is_repeatable)
    return failure(code or str(status), details, retry_after)


def _read_refusal(body: bytes) -> VendorError:
    try:
        return read(read(body, Refusal).error, VendorError)
    except UNREADABLE:
        return VendorError()


def _base_url(channel: str, text: str) -> httpx.URL:
    """https, or http to this very machine (the emulator). Raises ConfigError."""
    url = guarded_url(text)
    if url is None:
        raise ConfigError(
            f"[channels.{channel}] base_url: {text!r} is no address that may see the token; leave it out for Meta's, "
            "or use https, or http on 127.0.0.1"
        )
    return url
