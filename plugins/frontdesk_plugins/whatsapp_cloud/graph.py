"""Calls of the Graph API, and what can go wrong with one: it never left, it was refused, or nobody knows.

Which exception means which was tried against a local server (pyreqwest 0.15 under its HttpxTransport), for the names
of the exceptions do not tell: a connection refused, a connection closed *after* the request was written, and a reset
in the middle all arrive as `httpx.ConnectError`, and any time-out before the first byte of the answer as
`httpx.ConnectTimeout`. What tells is the chain of causes: it holds "client error (Connect)" if and only if there never
was a connection. While a body is read its exceptions come as they are, not even httpx's.

| what happened                              | arrives as               | chain of causes holds           | here      |
|--------------------------------------------|--------------------------|---------------------------------|-----------|
| refused, name unknown, TLS refused         | ConnectError             | client error (Connect)          | temporary |
| closed or reset after the request          | ConnectError             | client error (SendRequest)      | unknown   |
| no answer in time                          | ConnectTimeout           | operation timed out             | unknown   |
| answer is no HTTP, body ends early         | DecodingError            | invalid HTTP version, end of …  | unknown   |
| body stalls                                | ReadTimeout              | operation timed out             | unknown   |

Other transports (httpx's own, MockTransport) have no such chain; there the names can be trusted. The transport adds
up a request's time-outs to one for the whole call.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx
from msgspec import Raw, Struct

from frontdesk.plugin import ConfigError, Tools
from frontdesk.ports import OutcomeUnknown, ProviderFailure, TemporaryFailure
from frontdesk_plugins.whatsapp_cloud.errors import failure, find_rule
from frontdesk_plugins.whatsapp_cloud.options import Options
from frontdesk_plugins.whatsapp_cloud.payload import VendorError
from frontdesk_plugins.whatsapp_cloud.reading import NOTHING, UNREADABLE, read, word

USER_AGENT = "Frontdesk"


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
        try:
            response = await self._transport.handle_async_request(request)
            try:
                body = await response.aread()
            finally:
                await response.aclose()
        except Exception as error:
            raise sort_exception(error, is_repeatable=is_repeatable) from error
        if response.status_code != 200:
            raise self.refusal(response, body, is_repeatable=is_repeatable)
        return body

    def _timeout(self) -> dict[str, dict[str, float]]:
        return {"timeout": {"read": self.options.timeout_seconds}}


def sort_exception(error: Exception, *, is_repeatable: bool) -> ProviderFailure:
    """What an exception while calling means (the table above)."""
    if is_repeatable or never_left(error):
        return TemporaryFailure(f"Meta could not be reached: {error!r}", code="unreachable")
    return OutcomeUnknown(f"the request went out and no whole answer came back: {error!r}")


def never_left(error: Exception) -> bool:
    """Whether there was no connection, so that nothing can have been sent."""
    details = getattr(error.__cause__, "details", None)
    if isinstance(details, dict):
        return any("client error (Connect)" in cause["message"] for cause in details.get("causes") or ())
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def sort_refusal(response: httpx.Response, body: bytes, *, now: datetime, is_repeatable: bool) -> ProviderFailure:
    """What an answer other than 200 means. A code that is known decides; without one a 5xx tells nothing."""
    status = response.status_code
    refusal = _read_refusal(body)
    code = word(refusal.code)
    details = refusal.said()
    retry_after = _seconds(response.headers.get("retry-after"), now)
    if find_rule(code, details) is not None:
        return failure(code, details, retry_after)
    if status in range(200, 300) or status >= 500 or status == 408:
        if is_repeatable:
            return TemporaryFailure(f"Meta answered {status}", code=code or str(status), retry_after=retry_after)
        return OutcomeUnknown(f"Meta answered {status}, which does not tell whether the message was taken")
    if status in range(300, 400):
        reason = "base_url answers with a redirect, which is not followed; correct it"
        return TemporaryFailure(reason, code=str(status), concerns="account")
    if status == 429:
        reason = "Meta says: too many requests"
        return TemporaryFailure(reason, code="429", retry_after=retry_after, concerns="channel")
    return failure(code or str(status), details, retry_after)


def _read_refusal(body: bytes) -> VendorError:
    try:
        return read(read(body, Refusal).error, VendorError)
    except UNREADABLE:
        return VendorError()


def _seconds(header: str | None, now: datetime) -> float | None:
    """A Retry-After header: seconds or a date."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _base_url(channel: str, text: str) -> httpx.URL:
    """https, or http to this very machine (the emulator). Raises ConfigError."""
    where = f"[channels.{channel}] base_url"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{where}: {text!r} is no address; leave it out for Meta's") from error
    if (
        not url.host
        or url.userinfo
        or (url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)))
    ):
        raise ConfigError(f"{where}: {text!r} would show the token to others; use https, or http on 127.0.0.1")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
