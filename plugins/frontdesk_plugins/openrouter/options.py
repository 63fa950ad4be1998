"""What the configuration may say about a server that speaks OpenAI's chat completions, and what is known of each kind.

A *profile* holds how kinds of servers differ. Nothing is keyed on a host's name: whoever runs vLLM behind a proxy says
`profile = "vllm"`.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Annotated, Literal

import httpx
from msgspec import Meta, Struct

from frontdesk.plugin import ConfigError, Secret

ProfileName = Literal["openrouter", "openai", "ollama", "vllm", "llamacpp", "lmstudio", "other"]
Answers = Literal["json_schema", "json_object", "text"]


class Profile(Struct, frozen=True, kw_only=True):
    """One kind of server. `is_router`: it takes OpenRouter's own fields (`models`, `provider`, `plugins`,
    `session_id`). `sends_user`: it wants the contact's hash. `is_free`: where it tells no cost there is none.
    `form_bars_tools`: it makes every token fit the form of the reply, so that no call of a tool can come out (Ollama's
    `tool_calls` stay empty); where tools are offered the form is asked for in words alone. `context_tokens`: what we
    cut a prompt to, for some cut it themselves and say nothing."""

    base_url: str
    answers: Answers = "json_schema"
    is_router: bool = False
    sends_user: bool = False
    is_free: bool = True
    form_bars_tools: bool = True
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    context_tokens: int = 8_192


PROFILES: dict[ProfileName, Profile] = {
    "openrouter": Profile(
        base_url="https://openrouter.ai/api/v1",
        is_router=True,
        sends_user=True,
        is_free=False,
        form_bars_tools=False,
        context_tokens=32_000,
    ),
    "openai": Profile(
        base_url="https://api.openai.com/v1",
        sends_user=True,
        is_free=False,
        form_bars_tools=False,
        limit_field="max_completion_tokens",
        context_tokens=32_000,
    ),
    "ollama": Profile(base_url="http://127.0.0.1:11434/v1", context_tokens=4_096),
    "vllm": Profile(base_url="http://127.0.0.1:8000/v1"),
    "llamacpp": Profile(base_url="http://127.0.0.1:8080/v1"),
    "lmstudio": Profile(base_url="http://127.0.0.1:1234/v1"),
    "other": Profile(base_url="", answers="text", is_free=False),
}

Amount = Annotated[
    str, Meta(pattern=r"^(\d{1,6}(\.\d{1,12})?)?$", extra={"form": 'an amount of USD in quotes, such as "0.60"'})
]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that speaks OpenAI's chat completions."""

    model: Annotated[str, Meta(min_length=1, description="The model's id at the server.")]
    fallback_models: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(max_length=2, description="Asked when that one fails, in this order."),
    ] = ()
    profile: Annotated[
        ProfileName,
        Meta(description="`openrouter`, `openai`, `ollama`, `vllm`, `llamacpp`, `lmstudio` or `other`."),
    ] = "openrouter"
    base_url: Annotated[str, Meta(description="Where `/chat/completions` is; empty for the profile's own place.")] = ""
    api_key: Annotated[Secret | None, Meta(description="The server's key; local ones need none.")] = None
    answers: Annotated[
        Answers | None,
        Meta(description="How it can be made to answer in form: `json_schema`, `json_object` or `text`."),
    ] = None
    max_tokens: Annotated[int, Meta(ge=16, le=32_000, description="Longest answer, thoughts included.")] = 800
    context_tokens: Annotated[
        int,
        Meta(ge=0, description="Longer prompts are shortened to this, oldest turns first; 0: the profile's."),
    ] = 0
    temperature: Annotated[float, Meta(ge=0, le=2, description="How much chance there is in an answer.")] = 0.2
    reasoning_effort: Annotated[
        Literal["none", "minimal", "low", "medium", "high"] | None,
        Meta(description="For models that think; their thoughts are never shown."),
    ] = None
    leave_out: Annotated[
        tuple[Literal["temperature", "response_format", "tools", "user", "session_id", "reasoning_effort"], ...],
        Meta(description="Fields of the request that this model refuses."),
    ] = ()
    data_collection: Annotated[
        Literal["deny", "allow"], Meta(description="OpenRouter: whether hosts of models may keep what is sent.")
    ] = "deny"
    zdr: Annotated[bool, Meta(description="OpenRouter: only hosts that keep nothing at all.")] = False
    only: Annotated[tuple[str, ...], Meta(description="OpenRouter: only these hosts.")] = ()
    order: Annotated[tuple[str, ...], Meta(description="OpenRouter: these hosts first.")] = ()
    ignore: Annotated[tuple[str, ...], Meta(description="OpenRouter: never these hosts.")] = ()
    sort: Annotated[
        Literal["price", "throughput", "latency"] | None, Meta(description="OpenRouter: which hosts first.")
    ] = None
    max_price_in: Annotated[Amount, Meta(description="OpenRouter: no host above, USD a million tokens.")] = ""
    max_price_out: Annotated[Amount, Meta(description="OpenRouter: the same for what it writes.")] = ""
    price_in: Annotated[
        Amount, Meta(description="USD a million tokens, for servers that do not tell what a call cost.")
    ] = ""
    price_out: Annotated[Amount, Meta(description="The same for what it writes.")] = ""
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=600, description="For one request; the ladder's times are shorter, as a rule.")
    ] = 60.0
    user_key: Annotated[
        Secret | None, Meta(description="Keys the hashes that stand for contacts; by default `api_key` does.")
    ] = None


def check_options(where: str, options: Options) -> None:
    """Raises ConfigError with the cure."""
    profile = PROFILES[options.profile]
    if options.profile in ("openrouter", "openai") and not options.api_key and not options.base_url:
        raise ConfigError(f'{where}.api_key is missing; add api_key = {{ env = "…" }} with the vendor\'s key')
    if not (options.base_url or profile.base_url):
        raise ConfigError(f"{where}.base_url is missing; write where the server's /chat/completions is")
    if options.api_key:
        key = options.api_key.reveal()
        if not key.isascii() or any(not "!" <= letter <= "~" for letter in key):
            raise ConfigError(f"{where}.api_key holds blanks or line breaks; copy it again")
    if options.profile == "lmstudio" and options.answers == "json_object":
        raise ConfigError(f"{where}.answers: LM Studio knows no json_object; leave it out, or take json_schema or text")
    for name in ("price_in", "price_out"):
        _decimal(f"{where}.{name}", getattr(options, name))
    if bool(options.price_in) != bool(options.price_out):
        raise ConfigError(f"{where}: price_in and price_out belong together; set both or none")


def address(where: str, options: Options, path: str = "/chat/completions") -> httpx.URL:
    """Where completions (or what `path` says) are asked for. https; or http on this machine, or without a key (a
    neighbour container). Raises ConfigError."""
    text = options.base_url or PROFILES[options.profile].base_url
    try:
        url = httpx.URL(text.rstrip("/") + path)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{where}.base_url: {text!r} is no address; leave it out for the profile's own") from error
    is_safe = url.scheme == "https" or (url.scheme == "http" and (not options.api_key or _is_loopback(url.host)))
    if not url.host or url.userinfo or not is_safe:
        raise ConfigError(
            f"{where}.base_url: {text!r} would show the key to others; use https, or http on 127.0.0.1 or without a key"
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _decimal(where: str, text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation as error:
        raise ConfigError(f"{where}: {text!r} is no amount; write one such as 0.15") from error
