"""What is sent: the body of one chat completion. Pure.

    {"model": "example/model-a", "models": ["other/model-b"], "messages": [{"role": "system", "content": "…"}, …],
     "max_tokens": 800, "temperature": 0.2, "response_format": {"type": "json_schema", …},
     "provider": {"require_parameters": true, "data_collection": "deny"},
     "plugins": [{"id": "context-compression", "enabled": false}], "user": "…", "session_id": "…"}

Only a router is sent `models`, `provider`, `plugins` and `session_id`. `context-compression` is switched off by name,
for it is on by default where a context is small, and drops the middle of a prompt silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from frontdesk.core.arguments import schema as schema_of_tool
from frontdesk.core.drafted import schema
from frontdesk.core.prompt import Form, Line, Prompt
from frontdesk.core.tool import ToolOffered
from frontdesk_plugins.openrouter.options import PROFILES, Answers, Options

CHOICE_TOKENS = 64
"""A number in braces; models that think need more (`reasoning_effort`)."""


def answers_of(options: Options) -> Answers:
    """How this server can be made to answer in form."""
    return options.answers or PROFILES[options.profile].answers


def form_of(options: Options) -> Form:
    """The form that is asked for."""
    return "lines" if answers_of(options) == "text" else "fields"


def pseudonym(options: Options, purpose: str, conversation_id: str) -> str:
    """A hash that stands for a contact: the same each time, of no use to anybody without the key."""
    secret = options.user_key or options.api_key
    key = blake2b((secret.reveal() if secret else "").encode(), digest_size=32).digest()
    return blake2b(
        conversation_id.encode("utf-8", "replace"), key=key, person=purpose.encode(), digest_size=12
    ).hexdigest()


def request_body(
    options: Options, models: Sequence[str], prompt: Prompt, told: Sequence[Line], conversation_id: str
) -> bytes:
    """One request. `models`: that is asked, and those that a router may take instead."""
    profile = PROFILES[options.profile]
    body: dict[str, Any] = {
        "model": models[0],
        "messages": [{"role": line.role, "content": line.text} for line in told],
        profile.limit_field: output_limit(options, prompt),
        "temperature": options.temperature,
        "stream": False,
        **beside(options, prompt),
    }
    if options.reasoning_effort:
        body |= _reasoning(options)
    if profile.sends_user and conversation_id:
        body["user"] = pseudonym(options, "user", conversation_id)
    if profile.is_router:
        body |= _routing(options, models, conversation_id)
    for name in options.leave_out:
        body.pop(name, None)
        if name == "reasoning_effort":
            body.pop("reasoning", None)
    return msgspec.json.encode(body)


def beside(options: Options, prompt: Prompt) -> dict[str, Any]:
    """What the model is told besides the lines, billed as they are: the form of its reply, and its tools."""
    return {**_form(options, prompt), **_tools(prompt)}


def output_limit(options: Options, prompt: Prompt) -> int:
    """The most tokens that one reply may have."""
    is_brief = prompt.task == "choose" and options.reasoning_effort in (None, "none")
    return min(options.max_tokens, CHOICE_TOKENS) if is_brief else options.max_tokens


def as_told(options: Options, prompt: Prompt) -> Prompt:
    """Without tools, where the server cannot be told of them: then its lines must not speak of them either."""
    is_told = answers_of(options) != "text" and "tools" not in options.leave_out
    return prompt if is_told or not prompt.tools else msgspec.structs.replace(prompt, tools=())


def _form(options: Options, prompt: Prompt) -> dict[str, Any]:
    known, answers = schema(prompt), answers_of(options)
    is_barred = bool(prompt.tools) and PROFILES[options.profile].form_bars_tools
    if known is None or answers == "text" or is_barred:
        return {}
    if answers == "json_object":
        return {"response_format": {"type": "json_object"}}
    named = {"name": f"frontdesk_{prompt.task}", "strict": True, "schema": known}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _tools(prompt: Prompt) -> dict[str, Any]:
    """What may be called instead of an answer."""
    if not prompt.tools:
        return {}
    return {"tools": [{"type": "function", "function": _function(tool)} for tool in prompt.tools]}


def _function(tool: ToolOffered) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": schema_of_tool(tool)}


def _reasoning(options: Options) -> dict[str, Any]:
    if PROFILES[options.profile].is_router:
        return {"reasoning": {"effort": options.reasoning_effort, "exclude": True}}
    return {"reasoning_effort": options.reasoning_effort}


def _routing(options: Options, models: Sequence[str], conversation_id: str) -> dict[str, Any]:
    provider: dict[str, Any] = {"require_parameters": True, "data_collection": options.data_collection}
    provider |= {"zdr": True} if options.zdr else {}
    provider |= {name: getattr(options, name) for name in ("only", "order", "ignore", "sort") if getattr(options, name)}
    prices = {"prompt": options.max_price_in, "completion": options.max_price_out}
    given = {name: price for name, price in prices.items() if price}
    provider |= {"max_price": given} if given else {}
    session = {"session_id": pseudonym(options, "session", conversation_id)} if conversation_id else {}
    others = {"models": list(models[1:])} if models[1:] else {}
    return {
        **others,
        "provider": provider,
        "plugins": [{"id": "context-compression", "enabled": False}],
        **session,
    }
