"""What came of a call that may not be repeated blindly: it never left, it was refused, or nobody knows.

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

from frontdesk.ports import OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure


async def exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, vendor: str, *, is_repeatable: bool
) -> tuple[httpx.Response, bytes]:
    """The answer, whatever its status, and its whole body. Raises TemporaryFailure where nothing was sent, or where
    the call may be repeated; else OutcomeUnknown. `vendor`: a name for the reason."""
    try:
        response = await transport.handle_async_request(request)
        try:
            body = await response.aread()
        finally:
            await response.aclose()
    except Exception as error:
        raise sort_exception(error, vendor, is_repeatable=is_repeatable) from error
    return response, body


def sort_exception(error: Exception, vendor: str, *, is_repeatable: bool) -> ProviderFailure:
    """What an exception while calling means (the table above)."""
    if is_repeatable or never_left(error):
        return TemporaryFailure(f"{vendor} could not be reached: {error!r}", code="unreachable")
    return OutcomeUnknown(f"the request went out and no whole answer came back: {error!r}")


def never_left(error: Exception) -> bool:
    """Whether there was no connection, so that nothing can have been sent."""
    details = getattr(error.__cause__, "details", None)
    if isinstance(details, dict):
        return any("client error (Connect)" in cause["message"] for cause in details.get("causes") or ())
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def sort_status(
    status: int, vendor: str, details: str = "", retry_after: float | None = None, *, is_repeatable: bool = False
) -> ProviderFailure:
    """What an HTTP status other than success means by itself, where nothing in the answer tells more. A 5xx tells
    nothing: a proxy answers so for a request that has long been carried out."""
    code, told = str(status), f"{vendor} answered {status}{f': {details}' if details else ''}"
    if status in range(200, 300) or status >= 500 or status == 408:
        if is_repeatable:
            return TemporaryFailure(told, code=code, retry_after=retry_after)
        return OutcomeUnknown(f"{told}, which does not tell whether the message was taken")
    if status in range(300, 400):
        reason = f"{vendor} answers with a redirect, which is not followed; correct the address"
        return TemporaryFailure(reason, code=code, concerns="account")
    if status == 429:
        return TemporaryFailure(f"{told}: too many requests", code=code, retry_after=retry_after, concerns="channel")
    return PermanentFailure(told, code=code)


def sort_foreign_answer(
    status: int, vendor: str, page: str = "", retry_after: float | None = None, *, is_repeatable: bool = False
) -> ProviderFailure:
    """What an answer means that does not have the vendor's form: something in between gave it, a firewall or a proxy.
    With a 4xx the request came no further, so nothing was taken; and nothing in it tells of the account."""
    if 400 <= status < 500 and status not in {408, 429}:
        reason = (
            f"something before {vendor} answered {status} with a page of its own{f' ({page})' if page else ''}; let "
            "this server reach the vendor through the firewall or proxy"
        )
        return TemporaryFailure(reason, code="proxy", retry_after=retry_after)
    return sort_status(status, vendor, page, retry_after, is_repeatable=is_repeatable)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """A Retry-After header: seconds or a date."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def guarded_url(text: str) -> httpx.URL | None:
    """An address that a secret may be sent to: https, or http to this very machine (an emulator). None for others."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return None
    is_guarded = url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host))
    return url if url.host and not url.userinfo and is_guarded else None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
