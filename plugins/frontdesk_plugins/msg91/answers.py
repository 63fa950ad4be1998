"""What MSG91 answers: a refusal may come with HTTP 200, and the id of what was taken in one of eight places."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import msgspec

from frontdesk.calling import retry_after_seconds, sort_foreign_answer
from frontdesk.ports import OutcomeUnknown, ProviderFailure, Sent
from frontdesk.whatsapp.reading import UNREADABLE
from frontdesk_plugins.msg91.errors import failure, find_rule, split_reason
from frontdesk_plugins.msg91.fields import Post
from frontdesk_plugins.msg91.messages import HELLO

ID_PATHS = (
    ("request_id",),
    ("requestId",),
    ("data", "request_id"),
    ("data", "requestId"),
    ("data", "message_uuid"),
    ("data", "id"),
    ("message_id",),
)
"""In this order; after them `uuid` and `data.uuid`, where they are WhatsApp's own."""

_WORDS = (
    ("message",),
    ("msg",),
    ("errors",),
    ("error",),
    ("error", "message"),
    ("errors", "0", "message"),
    ("errors", "message"),
)
BLOCKED = 418

_FAILED = {"fail", "failed", "error"}
_DENIALS = {"failure", "unsuccessful", "rejected", "denied"}


def read_answer(response: httpx.Response, body: bytes, now: datetime) -> Post:
    """The answer of a call that was carried out. It is JSON, whatever its type says. Raises the three failures."""
    answer = _decode(body)
    status = response.status_code
    if status >= 300 or (answer is not None and (is_refusal(answer) or _is_known_denial(answer))):
        retry_after = retry_after_seconds(response.headers.get("retry-after"), now)
        raise refused(status, answer, body, retry_after)
    if answer is None:
        raise OutcomeUnknown(f"MSG91 answered {status} with something else than JSON")
    return answer


def refused(status: int, answer: Post | None, body: bytes, retry_after: float | None = None) -> ProviderFailure:
    """What a refusal means. MSG91 answers in JSON, so a page is a proxy's or a firewall's: no word in it tells whether
    MSG91 has the message, or of the account. Only of 418, its own for an address that is not allowed, is the form
    not known."""
    page = body[:300].decode("utf-8", "replace")
    if answer is None and status != BLOCKED:
        return sort_foreign_answer(status, "MSG91", page, retry_after)
    words = said(answer) if answer else ""
    error = (answer or {}).get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return failure(status, _word(code), words or page, retry_after)


def is_refusal(answer: Post) -> bool:
    """Whether an answer says no, whatever its HTTP status."""
    error = answer.get("error")
    return (
        answer.get("hasError") in (True, "true")
        or _word(answer.get("status")).casefold() in _FAILED
        or _word(answer.get("type")).casefold() == "error"
        or (isinstance(error, str | dict) and bool(error))
    )


def said(answer: Post) -> str:
    """The words of a refusal; "" where there are none."""
    found = (_at(answer, path) for path in _WORDS)
    return next((text for text in found if isinstance(text, str) and text), "")


# {"status": "success", "hasError": false, "data": "Your request is in process…", "errors": null,
#  "request_id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"}
def sent(answer: Post, reference: str) -> Sent:
    """What was taken. Where MSG91 names no id, our reference stands in for one until a report brings it. Raises
    OutcomeUnknown where nothing says that it was taken."""
    if denies(answer):
        raise OutcomeUnknown(f"MSG91 said no in a way that is not known: {said(answer)[:300] or 'no details'}")
    known = (_word(_at(answer, path)) for path in ID_PATHS)
    meta = (_word(_at(answer, path)) for path in (("uuid",), ("data", "uuid")))
    found = next(filter(None, known), "") or next((one for one in meta if one.startswith("wamid.")), "")
    if found:
        return Sent(provider_message_id=found.removesuffix(HELLO))
    if _word(answer.get("status")).casefold() == "success" or answer.get("hasError") in (False, "false"):
        return Sent(provider_message_id=reference)
    raise OutcomeUnknown("MSG91 answered with neither an id nor a word of success")


# {"status": "Failure"} · {"success": false} · {"success": false, "request_id": "0f1e2d3c…"}
def denies(answer: Post) -> bool:
    """Whether an answer sounds like a no in words in which nobody has seen MSG91 say it. What is known to be a no is
    listed in `is_refusal`; these are not taken for one, for who writes the message anew would double it if it went out.
    Nor for a yes, with an id or without. So its fate is unknown: the log is asked, and then people."""
    return answer.get("success") in (False, "false") or _word(answer.get("status")).casefold() in _DENIALS


def _is_known_denial(answer: Post) -> bool:
    """The reason that comes with it may be one that is known."""
    return denies(answer) and find_rule(*split_reason(said(answer))) is not None


def _decode(body: bytes) -> Post | None:
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except UNREADABLE:
        return None
    return found if isinstance(found, dict) else None


def _at(answer: Post, path: tuple[str, ...]) -> Any:
    found: Any = answer
    for key in path:
        if isinstance(found, list):
            found = found[0] if found and key == "0" else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
