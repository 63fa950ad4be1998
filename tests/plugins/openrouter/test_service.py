"""The whole service against emulated vendors: a customer writes, a language model answers, or another one does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.core.event import ReplyDrafted
from frontdesk.demo import knowledge_folder
from frontdesk.plugin import load_plugins
from frontdesk.testing.process import until
from http_fixtures import ENVIRON, settings_tree, signature, text_message
from plugins.openrouter.support import KEY, Vendor

pytestmark = pytest.mark.anyio
PHONE = "15550100777"


class Service:
    """The service on a ladder of two backends, both played by the emulator."""

    def __init__(self, container: Container, http: httpx.AsyncClient, vendor: Vendor) -> None:
        self.container = container
        self.http = http
        self.vendor = vendor

    async def write(self, text: str) -> None:
        """The contact writes, through the emulator's ledger of who may be answered and the signed webhook."""
        said = await self.vendor.control.post(f"/_emulator/contacts/{PHONE}/messages", json={"text": text})
        body = text_message(text, wamid=said.json()["wamid"])
        now = int(self.container.clock().now().timestamp())
        body["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = str(now)
        raw = msgspec.json.encode(body)
        answer = await self.http.post(
            "/webhooks/main",
            content=raw,
            headers={"content-type": "application/json", "x-hub-signature-256": signature(raw)},
        )
        assert answer.status_code == 200

    async def heard(self, count: int) -> list[str]:
        """What the contact got so far, as soon as it is so much."""
        found: list[str] = []

        async def has_come() -> bool:
            entries = (await self.vendor.control.get("/_emulator/ledger")).json()
            found[:] = [entry["text"] for entry in entries]
            return len(found) >= count

        await until(has_come, 10, f"{count} answers")
        return found

    async def drafted(self) -> list[ReplyDrafted]:
        """The drafts in the journal."""
        store = self.container.store()
        known = await store.find("main", PHONE)
        return [entry.event async for entry in store.journal(known) if isinstance(entry.event, ReplyDrafted)]


@pytest.fixture
async def service(vendor: Vendor, tmp_path: Path) -> AsyncIterator[Service]:
    model = {"provider": "openrouter", "base_url": vendor.base_url, "api_key": {"env": "MODEL"}}
    tree: dict[str, Any] = settings_tree(tmp_path) | {
        "policy": {"greeting": "", "burst_wait_seconds": 0.05, "marks_read": False},
        "knowledge": {"folder": str(knowledge_folder())},
        "flows": {"folder": ""},
        "language_model": {
            **model,
            "model": "example/model-a",
            "fallbacks": {"other": {**model, "model": "other/model-b"}},
        },
    }
    tree["channels"]["main"] |= {"base_url": vendor.url}
    environ = {**ENVIRON, "TOKEN": "EAAemulator", "MODEL": KEY}
    settings = build(tree, environ, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        yield Service(container, http, vendor)


async def test_a_language_model_answers_from_what_the_business_knows(service: Service) -> None:
    await service.write("What does delivery cost?")
    (answer,) = await service.heard(1)
    assert "elivery" in answer
    (drafted,) = await service.drafted()
    (call,) = drafted.calls
    assert (call.backend, call.model, call.code) == ("first", "example/model-a", "")
    assert drafted.usage == call.usage
    assert drafted.usage is not None
    assert float(drafted.usage.cost_usd) > 0
    assert drafted.sources
    (request,) = await service.vendor.requests()
    assert PHONE not in msgspec.json.encode(request).decode()


async def test_another_one_answers_where_the_first_refuses_and_people_are_told(service: Service) -> None:
    await service.vendor.trouble("error", value="402_credits", to="example/model-a")
    await service.write("What does delivery cost?")
    await service.heard(1)
    (drafted,) = await service.drafted()
    assert [(call.backend, call.code) for call in drafted.calls] == [("first", "openrouter_credits"), ("other", "")]
    ready = (await service.http.get("/readyz")).json()
    assert ready["status"] == "degraded"
    (trouble,) = ready["troubles"]
    assert trouble.startswith("example/model-a of the language model first is left out")
    assert "There is no credit left; add some" in trouble
    metrics = (await service.http.get("/metrics")).text
    assert 'frontdesk_model_breaker{backend="first",model="example/model-a"} 1.0' in metrics
    assert 'frontdesk_model_breaker{backend="other",model="other/model-b"} 0.0' in metrics


async def test_a_hostile_model_reaches_nobody(service: Service) -> None:
    """Its prose, magic words and tools are no answer; a person gets the conversation."""
    await service.vendor.says({"canned": "hostile_tool", "count": 2}, {"canned": "hostile_prose"})
    await service.write("What does delivery cost?")
    (answer,) = await service.heard(1)
    assert answer == service.container.settings().policy.hand_off_text
    assert await service.drafted() == []


async def test_a_question_that_nobody_can_answer(service: Service) -> None:
    await service.write("Qwertyuiop?")
    (answer,) = await service.heard(1)
    assert answer == service.container.settings().policy.unanswered_text
