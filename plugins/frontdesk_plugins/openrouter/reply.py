"""What a completion says, in every place where something may stand. Pure.

    {"id": "gen-…", "model": "the one that ran", "choices": [{"finish_reason": "stop", "message": {"role": "assistant",
     "content": "…", "refusal": null, "reasoning": null, "tool_calls": []}}], "usage": {"prompt_tokens": 812,
     "completion_tokens": 46, "prompt_tokens_details": {"cached_tokens": 640}, "cost": 0.000913}}

Nothing but `choices[0].message` is required of a server. Thoughts (`reasoning`, `reasoning_content`, `<think>`) are
never read into the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.core.event import Usage
from frontdesk.core.tool import ARGUMENTS_CHARACTERS_MAX, ToolCall
from frontdesk.ports import PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk_plugins.openrouter.options import PROFILES, Options
from frontdesk_plugins.openrouter.reading import cost, decimal_text, number, within, word

MILLION = Decimal(1_000_000)
NAME_CHARACTERS_MAX = 200


class Reply(Struct, frozen=True, kw_only=True):
    """What came back. `tools`: what it wants to call, in its own words."""

    text: str
    finish: str = ""
    refusal: str = ""
    tools: tuple[ToolCall, ...] = ()
    model: str = ""
    usage: Usage | None = None


def reply_in(body: Any, options: Options, generation_id: str = "") -> Reply:
    """The first choice of a decoded answer; empty where there is none."""
    message = within(body, "choices", 0, "message")
    calls = within(message, "tool_calls")
    return Reply(
        text=_text(within(message, "content")),
        finish=word(within(body, "choices", 0, "finish_reason")),
        refusal=word(within(message, "refusal")),
        tools=tuple(map(_call, calls)) if isinstance(calls, list) else (),
        model=word(within(body, "model"))[:NAME_CHARACTERS_MAX],
        usage=usage_in(body, options, generation_id) or _untold(body, options, generation_id),
    )


def _call(call: Any) -> ToolCall:
    """Arguments are text in which JSON should stand; some servers send the object itself."""
    arguments = within(call, "function", "arguments")
    text = msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else word(arguments)
    name = word(within(call, "function", "name"))[:NAME_CHARACTERS_MAX]
    return ToolCall(name=name, arguments=text[: ARGUMENTS_CHARACTERS_MAX + 1])


def _text(content: Any) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(content, list):
        return "".join(word(within(part, "text")) for part in content)
    return word(content)


def usage_in(body: Any, options: Options, generation_id: str = "") -> Usage | None:
    """What was used, and what it cost: as told, else by the configured prices, else nothing for a server of one's own,
    else "" for unknown. None where nothing is told."""
    told = within(body, "usage")
    if not isinstance(told, dict):
        return None
    tokens_in = number(within(told, "prompt_tokens")) or 0
    tokens_out = number(within(told, "completion_tokens")) or 0
    return Usage(
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=number(within(told, "prompt_tokens_details", "cached_tokens")) or 0,
        cost_usd=cost(within(told, "cost")) or _priced(options, tokens_in, tokens_out),
        generation_id=generation_id or _id(body),
    )


def _untold(body: Any, options: Options, generation_id: str) -> Usage:
    cost_usd = "0" if PROFILES[options.profile].is_free else ""
    return Usage(cost_usd=cost_usd, generation_id=generation_id or _id(body))


def _id(body: Any) -> str:
    return word(within(body, "id"))[:NAME_CHARACTERS_MAX]


def _priced(options: Options, tokens_in: int, tokens_out: int) -> str:
    if options.price_in and options.price_out:
        amount = Decimal(options.price_in) * tokens_in + Decimal(options.price_out) * tokens_out
        return decimal_text(amount / MILLION)
    return "0" if PROFILES[options.profile].is_free else ""


def both(one: Usage | None, other: Usage | None) -> Usage | None:
    """Two requests of one completion, together."""
    if one is None or other is None:
        return one or other
    is_known = bool(one.cost_usd and other.cost_usd)
    return Usage(
        tokens_in=one.tokens_in + other.tokens_in,
        tokens_out=one.tokens_out + other.tokens_out,
        tokens_cached=one.tokens_cached + other.tokens_cached,
        cost_usd=decimal_text(Decimal(one.cost_usd) + Decimal(other.cost_usd)) if is_known else "",
        generation_id=other.generation_id or one.generation_id,
    )


def trouble(reply: Reply, *, has_tools: bool = False) -> ProviderFailure | None:
    """Why the reply cannot be used, or None. Words that a finish reason is not known for are taken as an end.
    `has_tools`: it was given some, so that what it calls is for the rules to judge."""
    return next(_troubles(reply, has_tools=has_tools), None)


def _troubles(reply: Reply, *, has_tools: bool) -> Iterator[ProviderFailure]:
    if reply.finish == "error":
        yield TemporaryFailure("the answer ended with an error", code="finish_error", usage=reply.usage)
    if reply.finish == "content_filter":
        reason = "the model's host filtered the answer"
        yield PermanentFailure(reason, code="content_filter", usage=reply.usage)
    if reply.refusal:
        yield PermanentFailure("the model refused to answer", code="refusal", usage=reply.usage)
    if reply.finish == "length":
        reason = "the answer was cut off at the token limit; raise max_tokens"
        yield PermanentFailure(reason, code="length", usage=reply.usage)
    if reply.tools and has_tools:
        return
    if reply.tools and not reply.text.strip():
        reason = "the model called a tool that it was not given"
        yield PermanentFailure(reason, code="unknown_tool", usage=reply.usage)
    if not reply.text.strip():
        yield TemporaryFailure("the answer was empty", code="empty", usage=reply.usage)
