"""What the Graph API's endpoints have in common: the token, the version, whole bodies, and connections cut short."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.options import EmulatorOptions

Body = dict[str, Any]


class ConnectionDropped(ConnectionResetError):
    """The call is cut off where no server's transport could be found to cut, as in a test without a socket."""


def authenticate(options: EmulatorOptions, authorization: str, query_token: str = "", *, app: bool = False) -> None:
    """Raise Meta's refusal unless the token is the account's (or, with `app`, the app's own `id|secret`)."""
    token = query_token or authorization.removeprefix("Bearer ").strip()
    if not token or (authorization and not query_token and not authorization.startswith("Bearer ")):
        raise GraphError("2500_no_token")
    if token in options.expired_tokens:
        raise GraphError("190_token_expired")
    if token != options.access_token and not (app and token == f"{options.app_id}|{options.app_secret}"):
        raise GraphError("190_malformed_token")


def check_version(options: EmulatorOptions, major: int, minor: int, rest: str) -> None:
    """Raise Meta's refusal for a version that is gone or not there yet."""
    if f"v{major}.{minor}" not in options.versions:
        raise GraphError("2500_unknown_version", message=f"Unknown path components: /{rest}")


def missing_object(method: str, node: str) -> GraphError:
    """Meta's refusal for an id that it does not have, or that this token may not see."""
    return GraphError(
        "100_object_missing",
        message=f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist, cannot be loaded due to"
        " missing permissions, or does not support this operation.",
    )


def header(scope: Scope, name: bytes) -> str:
    """One request header's value, or an empty string."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def read_body(receive: Receive) -> bytes:
    """The whole body; raises ConnectionDropped when the caller went away."""
    body = b""
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise ConnectionDropped("the caller went away")
        chunk: bytes = part.get("body", b"")
        body += chunk
        if not part.get("more_body", False):
            return body


def decode_object(body: bytes) -> Body:
    """A JSON object, or Meta's refusal."""
    try:
        return msgspec.json.decode(body, type=Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise GraphError("100_invalid_parameter", "The body must be a JSON object in UTF-8.") from cause


async def answer(send: Send, http_status: int, body: bytes, content_type: bytes = b"application/json") -> None:
    """A whole response, with the version header that Meta adds."""
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"facebook-api-version", b"v26.0"),
    ]
    await send({"type": "http.response.start", "status": http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def drop(receive: Receive) -> None:
    """Cut the connection without an answer.

    ASGI has no word for it, so the server's own transport is asked; without one the call ends in ConnectionDropped.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionDropped("cut off by a fault rule")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
