"""What an error means, wherever it hides: a status, a body with status 200, a choice of an answer, a page of HTML.

Two shapes of bodies live side by side at OpenRouter, and local servers have more:

    {"error": {"code": 429, "message": "…", "metadata": {"error_type": "rate_limit_exceeded"}}}
    {"error": {"message": "…", "error_type": "not_found", "http_status": 404, "availability": {"code": "…",
     "retryable": false, "excluded_by": ["require_parameters"]}}}                              no code
    {"object": "error", "message": "…", "type": "BadRequestError", "code": 400}                older vLLM
    {"error": "text"}                                                                          LM Studio

A text is never matched on, for most of them are worded differently each time. What decides: `availability.retryable`
where it is told; for 402 and 403 what limit it was; else the status.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

import httpx
from msgspec import Struct

from frontdesk.core.event import Usage
from frontdesk.ports import Concerns, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk_plugins.openrouter.reading import decode, number, seconds, within, word

SAID_CHARACTERS_MAX = 300
CODE_CHARACTERS_MAX = 64
RETRY_SECONDS_MAX = 3_600.0
MILLISECONDS_FROM = 10**11
"""A time stamp as large as this is in milliseconds."""

Reaction: TypeAlias = Literal["again", "never"]


class Rule(Struct, frozen=True):
    """What follows from a status: whether another try may help, what it concerns, and a sentence for people."""

    reaction: Reaction
    concerns: Concerns
    says: str


RULES: dict[int, Rule] = {
    400: Rule("never", "message", "The request was refused."),
    401: Rule("never", "account", "The key is missing, wrong or disabled; set api_key."),
    402: Rule("never", "account", "There is no credit left; add some, or raise the key's limit."),
    403: Rule("never", "account", "The server forbids it; check the key's rights and where it may be used from."),
    404: Rule("never", "channel", "The model is not there; correct model, or load it."),
    408: Rule("again", "message", "The server took too long."),
    412: Rule("never", "message", "A condition of the request was not met."),
    413: Rule("never", "message", "The request is too large; lower context_tokens."),
    422: Rule("never", "message", "The request could not be processed."),
    429: Rule("again", "channel", "Too many requests."),
    500: Rule("again", "channel", "Something went wrong at the server."),
    501: Rule("never", "channel", "The server cannot do what was asked; set another profile or answers."),
    502: Rule("again", "channel", "The model's host is down or answered nonsense."),
    503: Rule("again", "channel", "No host of the model is available, or it is being loaded."),
    504: Rule("again", "message", "The server took too long."),
    524: Rule("again", "message", "The server took too long."),
    529: Rule("again", "channel", "The model's host is overloaded."),
}
TOO_LONG = {"context_length_exceeded", "token_limit_exceeded", "string_too_long", "exceed_context_size_error"}
_TOO_LONG = Rule("never", "message", "The prompt is longer than the model's context; lower context_tokens.")
_BUSY_BUDGET = Rule("again", "account", "Too many requests at once for what is left of the credit.")
_TOO_BIG = Rule("never", "message", "The request may cost more than is left; lower max_tokens or add credit.")
_CAP = Rule("never", "account", "A spending cap is reached; raise it, or wait for its reset.")
_FILTERED = Rule("never", "channel", "No host of the model passes the filters; loosen the one that is named.")
_FLAGGED = Rule("never", "contact", "What was written was refused by the vendor's moderation.")
_FLAGGED_KINDS = {"content_policy_violation", "refusal"}


class Refusal(Struct, frozen=True, kw_only=True):
    """An error, read. `code`: HTTP's or the body's own number; `kind`: the vendor's word for it."""

    code: int
    kind: str = ""
    message: str = ""
    is_retryable: bool | None = None
    retry_after: float | None = None
    limit_source: str = ""
    is_too_big: bool = False
    is_flagged: bool = False
    excluded_by: tuple[str, ...] = ()
    detail: str = ""


def refusal_in(body: Any, status: int) -> Refusal | None:
    """The error that a decoded body holds, or that a choice of it holds; None where there is none."""
    error = within(body, "error")
    if error is None:
        error = within(body, "choices", 0, "error")
    if error is None and within(body, "object") == "error":
        error = body
    if error is None or error is False or error == "":
        return None
    if not isinstance(error, dict):
        return Refusal(code=status, message=word(error))
    return _read(error, status)


def _read(error: dict[str, Any], status: int) -> Refusal:
    metadata, availability = within(error, "metadata"), within(error, "availability")
    kinds = (
        within(availability, "code"),
        within(metadata, "error_type"),
        within(error, "error_type"),
        within(error, "code") if number(within(error, "code")) is None else None,
        within(error, "type"),
    )
    retryable = within(availability, "retryable")
    code = number(within(error, "code")) or number(within(error, "http_status")) or status
    return Refusal(
        code=code,
        kind=next(filter(None, map(word, kinds)), ""),
        message=word(within(error, "message")),
        is_retryable=retryable if isinstance(retryable, bool) else None,
        retry_after=seconds(within(availability, "retry_after")),
        limit_source=word(within(metadata, "limit_source")),
        is_too_big=within(metadata, "reason") == "weight_exceeds_budget",
        is_flagged=any(within(metadata, key) for key in ("reasons", "flagged_input", "patterns")),
        excluded_by=tuple(filter(None, map(word, _listed(within(availability, "excluded_by"))))),
        detail=word(within(availability, "constraint", "detail")),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def failure(
    refusal: Refusal,
    headers: httpx.Headers,
    now: datetime,
    usage: Usage | None = None,
    *,
    has_tried_others: bool = False,
) -> ProviderFailure:
    """The failure to raise. `has_tried_others`: the server went through the other models by itself."""
    rule = _rule(refusal)
    code = (refusal.limit_source or refusal.kind or str(refusal.code))[:CODE_CHARACTERS_MAX]
    reason = _sentence(rule, refusal)
    if rule.reaction == "never":
        return PermanentFailure(reason, code=code, concerns=rule.concerns, usage=usage)
    wait = retry_after(headers, now)
    wait = refusal.retry_after if wait is None else wait
    return TemporaryFailure(
        reason,
        code=code,
        retry_after=None if wait is None else min(wait, RETRY_SECONDS_MAX),
        concerns="account" if has_tried_others else rule.concerns,
        usage=usage,
    )


def _rule(refusal: Refusal) -> Rule:
    if refusal.kind in TOO_LONG:
        return _TOO_LONG
    if refusal.limit_source == "openrouter_in_flight_budget":
        return _BUSY_BUDGET
    if refusal.is_too_big:
        return _TOO_BIG
    if refusal.code == 403 and refusal.limit_source:
        return _CAP
    if refusal.is_flagged or refusal.kind in _FLAGGED_KINDS:
        return _FLAGGED
    if refusal.excluded_by:
        return _FILTERED
    if refusal.kind == "model_not_found":
        return RULES[404]
    rule = RULES.get(refusal.code) or RULES[500 if refusal.code >= 500 or refusal.code < 400 else 400]
    if refusal.is_retryable is None or refusal.is_retryable == (rule.reaction == "again"):
        return rule
    return Rule("again" if refusal.is_retryable else "never", rule.concerns, rule.says)


def _sentence(rule: Rule, refusal: Refusal) -> str:
    """For people; the vendor's own words follow as they are, with the filter's name, and never what it quotes of the
    contact's."""
    filters = f" Excluded by {', '.join(refusal.excluded_by)[:SAID_CHARACTERS_MAX]}." if refusal.excluded_by else ""
    detail = f" {refusal.detail[:SAID_CHARACTERS_MAX]}." if refusal.detail else ""
    said = " ".join(refusal.message.split())[:SAID_CHARACTERS_MAX] or "no details"
    return f"{rule.says}{filters}{detail} The server: {said} ({refusal.code})"


def refusal_of_page(body: bytes, status: int) -> Refusal:
    """An answer that is no JSON: a proxy's page, or nothing."""
    said = " ".join(body[:SAID_CHARACTERS_MAX].decode("utf-8", "replace").split())
    return Refusal(code=status, message=said)


def refusal_of(body: bytes, status: int) -> Refusal:
    """The error in an answer whose status is not 200."""
    return refusal_in(decode(body), status) or refusal_of_page(body, status)


def retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """What the headers ask for, in seconds: `Retry-After` as seconds or date, else the date of `X-RateLimit-Reset`."""
    text = headers.get("retry-after", "").strip()
    if text:
        span = seconds(text)
        return span if span is not None else _until(text, now)
    reset = number(headers.get("x-ratelimit-reset", "").strip())
    if reset is None:
        return None
    moment = reset / 1_000 if reset >= MILLISECONDS_FROM else float(reset)
    wait = moment - now.timestamp()
    return wait if 0 < wait <= 86_400 else None


def _until(text: str, now: datetime) -> float | None:
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
