"""OpenRouter in a box: `/openrouter/api/v1/…`, so that it can stand beside a service whose own API is at `/api/v1`.

    POST /openrouter/api/v1/chat/completions   not streamed; falls back to `models` as the vendor does
    POST /openrouter/api/v1/audio/transcriptions   as OpenAI has it: a form with a file; says what it is told to say
    GET  /openrouter/api/v1/models, /key, /generation?id=

Strict where the vendor may be: the key, the models that there are, at most three in `models`, no field that the
reference lacks. Faults: `{"on": "complete", "kind": …}` with the kinds `latency`, `error` (`value`: a name of
`openrouter_answers.ANSWERS`), `http_5xx` and `html` (pages), `garbage`, `cut_off`, `refuse`, `accept_then_drop`,
`accept_then_hang`; `to` is a model's id.
"""

from __future__ import annotations

import asyncio
import email
import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from frontdesk.emulator.clock import now
from frontdesk.emulator.faults import Faults, Kind, Rule
from frontdesk.emulator.openrouter_answers import ANSWERS, GENERATION, KEY, MODELS, Canned, answer_name, made_up
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.emulator.requests import drop, header, read_body

PREFIX = "/openrouter/api/v1"
KNOWN = {
    "messages", "model", "models", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p",
    "top_a", "seed", "stop", "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "logprobs",
    "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning", "reasoning_effort", "provider",
    "plugins", "user", "session_id", "metadata", "service_tier", "trace", "cache_control", "stream", "stream_options",
}  # fmt: skip
MODELS_MAX = 3
PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
GARBAGE = b'{"id":"gen-1","choices":[{"message":{"content":"We are \xff\xfe open'
PRICE_IN, PRICE_OUT = 0.0000008, 0.000005
CHARACTERS_PER_TOKEN = 4


class Asked(Struct, frozen=True, kw_only=True):
    """A call that came: the model that answered ("" if none did), the status, the request as it was sent, and what is
    billed for it in USD, whoever hears the answer."""

    seq: int
    at: datetime
    model: str
    status: int
    request: msgspec.Raw
    cost: float = 0.0


class Scripted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to say: `text` in the form that is asked for, `content` as it is, the answer named `canned`, or a `call` of
    a tool (`name`, and any text as `arguments`); to calls whose last message holds `when`, `count` times at most."""

    text: str | None = None
    content: str | None = None
    canned: str | None = None
    call: dict[str, str] | None = None
    when: str = ""
    count: Annotated[int, Meta(ge=1)] | None = None


class OpenRouter:
    """The account: its calls, and what it is told to say."""

    def __init__(self, options: EmulatorOptions, faults: Faults) -> None:
        self._options = options
        self._faults = faults
        self.clear()
        self.routes: list[BaseRoute] = [
            Route(f"{PREFIX}/chat/completions", _Completions(self), methods=["POST"]),
            Route(f"{PREFIX}/audio/transcriptions", self.transcribe, methods=["POST"]),
            Route(f"{PREFIX}/models", self.models, methods=["GET"]),
            Route(f"{PREFIX}/key", self.key, methods=["GET"]),
            Route(f"{PREFIX}/generation", self.generation, methods=["GET"]),
        ]

    def clear(self) -> None:
        """Nothing was asked, and nothing is to be said."""
        self.asked: list[Asked] = []
        self._script: list[tuple[Scripted, int | None]] = []

    def script(self, answers: list[Scripted]) -> None:
        """Say these from now on, the first that fits. Raises ValueError for one that says nothing."""
        for one in answers:
            if sum(value is not None for value in (one.text, one.content, one.canned, one.call)) != 1:
                raise ValueError("an answer is one of text, content, canned and call")
            if one.canned is not None and one.canned not in ANSWERS:
                raise ValueError(f"{one.canned!r} is no answer; there are: {', '.join(sorted(ANSWERS))}")
        self._script = [(one, one.count) for one in answers]

    async def transcribe(self, request: Request) -> Response:
        """What a file says: the text that is scripted, else its own bytes as text."""
        body = await request.body()
        told = {"form": request.headers.get("content-type", ""), "size": len(body)}
        if not self.knows(request.headers.get("authorization", "")):
            return _canned("401")
        form = _form(told["form"], body)
        if not {"file", "model"} <= form.keys():
            self.note(msgspec.json.encode(told), "", Canned(status=400))
            return JSONResponse({"error": {"message": "file and model are required"}}, 400)
        scripted = self._next("")
        self.note(msgspec.json.encode(told), "whisper", Canned())
        if scripted is not None and scripted.canned is not None:
            return _canned(scripted.canned)
        said = scripted.text if scripted is not None else form["file"].decode("utf-8", "replace")
        return JSONResponse({"text": said})

    async def models(self, _: Request) -> Response:
        """What there is, with prices a token."""
        return JSONResponse(MODELS)

    async def key(self, request: Request) -> Response:
        """What is left of the key."""
        return JSONResponse(KEY) if self.knows(request.headers.get("authorization", "")) else _canned("401")

    async def generation(self, request: Request) -> Response:
        """One call, afterwards."""
        known = request.query_params.get("id", "")
        data = GENERATION["data"] | {"id": known}
        is_known = known.startswith("gen-")
        return JSONResponse({"data": data} if is_known else {"error": {"code": 404}}, 200 if is_known else 404)

    def knows(self, authorization: str) -> bool:
        """Whether the key is right."""
        return authorization == f"Bearer {self._options.openrouter_key}"

    def refusal(self, request: Any, authorization: str) -> Canned | None:
        """Why a call is not taken."""
        if not self.knows(authorization):
            return ANSWERS["401"]
        if not isinstance(request, dict) or not isinstance(request.get("messages"), list) or not request["messages"]:
            return _refused("Input required: messages")
        unknown = sorted(set(request) - KNOWN)
        if unknown:
            return _refused(f"Unrecognized key: {unknown[0]}")
        if len(request.get("models", ())) > MODELS_MAX:
            return ANSWERS["400_models_too_long"]
        if request.get("model") not in self._options.models:
            return ANSWERS["400_unknown_model"]
        return None

    def struck(self, model: str) -> dict[Kind, Rule]:
        """The trouble that a call of this model meets."""
        return self._faults.draw("complete", model)

    def says(self, request: dict[str, Any], model: str) -> Canned:
        """An answer of this model's."""
        heard = _words(request["messages"][-1].get("content")).casefold()
        scripted = self._next(heard)
        if scripted is not None and scripted.canned is not None:
            return ANSWERS[scripted.canned]
        if scripted is not None and scripted.call is not None:
            return _called(_completion(request, model, ""), scripted.call)
        content = scripted.content if scripted is not None else None
        if content is None:
            content = made_up(request, scripted.text if scripted is not None else None)
        return _completion(request, model, content)

    def _next(self, heard: str) -> Scripted | None:
        for place, (one, left) in enumerate(self._script):
            if one.when.casefold() in heard:
                if left == 1:
                    del self._script[place]
                elif left is not None:
                    self._script[place] = (one, left - 1)
                return one
        return None

    def note(self, body: bytes, model: str, answer: Canned) -> None:
        """A call is over, or is about to hang."""
        request = msgspec.Raw(body if _decoded(body) is not None else b"null")
        usage = answer.body.get("usage") if isinstance(answer.body, dict) else None
        cost = usage.get("cost", 0.0) if isinstance(usage, dict) else 0.0
        entry = Asked(seq=len(self.asked) + 1, at=now(), model=model, status=answer.status, request=request, cost=cost)
        self.asked.append(entry)


class _Completions:
    """`POST /chat/completions`: plain ASGI, for it cuts connections."""

    def __init__(self, account: OpenRouter) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        request = _decoded(body)
        refusal = self._account.refusal(request, header(scope, b"authorization"))
        if refusal is not None:
            self._account.note(body, "", refusal)
            await _send(send, refusal.status, refusal.encoded(), refusal.headers)
            return
        model, struck, answer = self._answer(request)
        self._account.note(body, model if answer.status == 200 else "", answer)
        await _deliver(struck, answer, receive, send)

    def _answer(self, request: dict[str, Any]) -> tuple[str, dict[Kind, Rule], Canned]:
        """The first model that does not fail with an error, or the last one's error; other trouble is met as it is."""
        names = dict.fromkeys((request["model"], *request.get("models", ())))
        for model in names:
            struck = self._account.struck(model)
            answer = ANSWERS[answer_name(struck["error"].value)] if "error" in struck else None
            if answer is None or answer.status == 200 or model == list(names)[-1]:
                return model, struck, answer or self._account.says(request, model)
        raise AssertionError("the last model always answers")


async def _deliver(struck: dict[Kind, Rule], answer: Canned, receive: Receive, send: Send) -> None:
    body = answer.encoded()
    if rule := struck.get("latency"):
        await asyncio.sleep(rule.seconds())
    if rule := struck.get("accept_then_hang"):
        await asyncio.sleep(rule.seconds())
    if "refuse" in struck or "accept_then_drop" in struck or "accept_then_hang" in struck:
        await drop(receive)
    elif rule := struck.get("http_5xx"):
        await _send(send, rule.status(), PAGE, {}, b"text/html; charset=utf-8")
    elif "html" in struck:
        await _send(send, 200, PAGE, {}, b"text/html; charset=utf-8")
    elif "garbage" in struck:
        await _send(send, 200, GARBAGE, {})
    elif "cut_off" in struck:
        await _send(send, 200, body, answer.headers, cut_at=len(body) // 2)
        await asyncio.sleep(0.05)  # the first half is on its way
        await drop(receive)
    else:
        await _send(send, answer.status, body, answer.headers)


async def _send(
    send: Send,
    status: int,
    body: bytes,
    headers: dict[str, str],
    content_type: bytes = b"application/json",
    cut_at: int | None = None,
) -> None:
    told = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    told += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body[:cut_at], "more_body": cut_at is not None})


def _completion(request: dict[str, Any], model: str, content: str) -> Canned:
    generation = f"gen-{int(now().timestamp())}-{secrets.token_urlsafe(12)}"
    tokens_in = len(msgspec.json.encode(request["messages"])) // CHARACTERS_PER_TOKEN
    tokens_out = len(content) // CHARACTERS_PER_TOKEN + 1
    limit = request.get("max_tokens") or request.get("max_completion_tokens") or tokens_out
    finish = "length" if tokens_out > limit else "stop"
    message = {"role": "assistant", "content": content[: limit * CHARACTERS_PER_TOKEN], "refusal": None}
    body = {
        "id": generation,
        "provider": "Provider X",
        "model": model,
        "object": "chat.completion",
        "created": int(now().timestamp()),
        "choices": [{"index": 0, "finish_reason": finish, "native_finish_reason": finish, "message": message}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "prompt_tokens_details": {"cached_tokens": 0},
            "cost": round(tokens_in * PRICE_IN + tokens_out * PRICE_OUT, 9),
        },
    }
    return Canned(headers={"X-Generation-Id": generation}, body=body)


def _form(content_type: object, body: bytes) -> dict[str, bytes]:
    """The fields of a form."""
    mail = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = mail.get_payload() if mail.is_multipart() else []
    named = ((part.get_param("name", header="content-disposition"), part.get_payload(decode=True)) for part in parts)  # type: ignore[union-attr]  # messages
    return {str(name): bytes(payload) for name, payload in named if name and isinstance(payload, bytes)}


def _words(content: Any) -> str:
    """Of a message; of its parts, where it has some."""
    if isinstance(content, list):
        return " ".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content or "")


def _called(answer: Canned, call: dict[str, str]) -> Canned:
    (choice,) = answer.body["choices"]
    function = {"name": call.get("name", ""), "arguments": call.get("arguments", "{}")}
    choice["message"] |= {"content": None, "tool_calls": [{"id": "call_01", "type": "function", "function": function}]}
    choice["finish_reason"] = choice["native_finish_reason"] = "tool_calls"
    return answer


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _refused(message: str) -> Canned:
    return Canned(status=400, body={"error": {"code": 400, "message": message}})


def _canned(name: str) -> Response:
    return Response(ANSWERS[name].encoded(), ANSWERS[name].status, media_type="application/json")
