"""The service as an application, with the real store and the real Cloud API provider."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.plugin import load_plugins

SECRET = "0123456789abcdef0123456789abcdef"
NUMBER = "310700000000042"


def settings_tree(data_dir: Path) -> dict[str, Any]:
    """A service with one number whose vendor cannot be reached."""
    return {
        "data_dir": str(data_dir),
        "flows": {"folder": ""},
        "server": {"body_max_bytes": 300_000, "request_seconds": 0.5},
        "channels": {
            "main": {
                "provider": "whatsapp_cloud",
                "phone_number_id": NUMBER,
                "base_url": "http://127.0.0.1:9",
                "access_token": {"env": "TOKEN"},
                "app_secret": {"env": "SECRET"},
                "verify_token": {"env": "VERIFY"},
            }
        },
    }


ENVIRON = {"TOKEN": "EAAtest", "SECRET": SECRET, "VERIFY": "my-verify-token"}

Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def container(tmp_path: Path) -> Container:
    settings = build(settings_tree(tmp_path), ENVIRON, where="the test")
    return Container(settings=settings, offers=load_plugins(settings.plugins()))


@pytest.fixture
async def http(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client,
    ):
        yield client


@pytest.fixture
def post(http: httpx.AsyncClient) -> Post:
    """Post a body, signed unless told otherwise."""

    async def run(body: bytes | dict[str, Any], **headers: str | bytes) -> httpx.Response:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        signed: dict[str, str | bytes] = {"content-type": "application/json", "x-hub-signature-256": signature(raw)}
        signed |= headers
        return await http.post(
            "/webhooks/main", content=raw, headers={key.encode(): _bytes(value) for key, value in signed.items()}
        )

    return run


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def signature(raw: bytes) -> str:
    """What Meta writes in the header."""
    return "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()


def text_message(text: str, wamid: str = "wamid.1", number: str = NUMBER, phone: str = "15550100777") -> dict[str, Any]:
    """A webhook with one text."""
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "209800000000017",
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": "15550100200", "phone_number_id": number},
                            "contacts": [{"profile": {"name": "Mira"}, "wa_id": phone}],
                            "messages": [
                                {
                                    "from": phone,
                                    "id": wamid,
                                    "timestamp": "1793520007",
                                    "type": "text",
                                    "text": {"body": text},
                                }
                            ],
                        },
                    }
                ],
            }
        ],
    }
