"""The whole service against emulated vendors: a customer writes, a language model answers, or another one does."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.core.event import DraftFailed, EffectPostponed, Event, Perceived, ReplyDrafted
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

    async def write(self, text: str, phone: str = PHONE) -> None:
        """The contact writes, through the emulator's ledger of who may be answered and the signed webhook."""
        said = await self.vendor.control.post(f"/_emulator/contacts/{phone}/messages", json={"text": text})
        await self._deliver(text_message(text, wamid=said.json()["wamid"], phone=phone))

    async def send_file(self, kind: str, content: bytes) -> None:
        """The same with a voice message or a picture."""
        told = {"type": kind, "content": base64.b64encode(content).decode(), "is_voice": True}
        said = await self.vendor.control.post(f"/_emulator/contacts/{PHONE}/messages", json=told)
        wamid = said.json()["wamid"]
        body = text_message("", wamid=wamid)
        message = body["entry"][0]["changes"][0]["value"]["messages"][0]
        del message["text"]
        (known,) = [
            one for one in (await self.vendor.control.get("/_emulator/inbound")).json() if one["wamid"] == wamid
        ]
        message |= known["message"]
        await self._deliver(body)

    async def _deliver(self, body: dict[str, Any]) -> None:
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
        return [event for event in await self.journal() if isinstance(event, ReplyDrafted)]

    async def journal(self, phone: str = PHONE) -> list[Event]:
        """All that happened to a contact."""
        store = self.container.store()
        known = await store.find("main", phone)
        return [entry.event async for entry in store.journal(known)]


@asynccontextmanager
async def serving(vendor: Vendor, tmp_path: Path, **changes: Any) -> AsyncIterator[Service]:
    """The service; `changes` are put into the sections that all tests have."""
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
    for name, section in changes.items():
        tree[name] = tree.get(name, {}) | section
    environ = {**ENVIRON, "TOKEN": "EAAemulator", "MODEL": KEY}
    settings = build(tree, environ, where="the test", is_development=True)
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        yield Service(container, http, vendor)


@pytest.fixture
async def service(vendor: Vendor, tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(vendor, tmp_path) as service:
        yield service


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
    (alarm,) = [one for one in await service.container.store().notices(10) if one.is_alarm]
    assert alarm.text.startswith("the language model first refuses what it is asked")
    assert "There is no credit left; add some" in alarm.text


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


BAD_INPUT = {
    "hostile_prose": "unusable",
    "hostile_wrong_types": "unusable",
    "hostile_huge": "unusable",
    "hostile_shapes": "empty",
    "hostile_tool": "unknown_tool",
    "tool_calls": "unknown_tool",
    "200_empty_completion": "empty",
    "200_no_choices": "empty",
    "200_thoughts_only": "unusable",
    "200_length": "length",
    "200_content_filter": "content_filter",
    "200_refusal": "refusal",
    "404_constraint": "",
    "400_unknown_model": "",
}
"""What a model says, and the code under which the journal has it; "" for any."""


async def test_whatever_a_model_says_the_journal_tells_why_nobody_read_it(vendor: Vendor, tmp_path: Path) -> None:
    calm = {"breaker_calls_min": 1_000, "deadline_seconds": 1.5, "call_seconds": 1.0}
    model = {"provider": "openrouter", "base_url": vendor.base_url, "api_key": {"env": "MODEL"}}
    async with serving(vendor, tmp_path, language_model={**model, "model": "example/model-a", **calm}) as service:
        for number, (canned, code) in enumerate(BAD_INPUT.items()):
            await vendor.says({"canned": canned})
            phone = f"1555010{number:04}"
            await service.write("What does delivery cost?", phone)
            said = await service.heard(number + 1)
            assert said[-1] == service.container.settings().policy.hand_off_text, canned
            (failed,) = [one for one in await service.journal(phone) if isinstance(one, DraftFailed)]
            assert failed.reason, canned
            if code:
                postponed = [one.calls for one in await service.journal(phone) if isinstance(one, EffectPostponed)]
                calls = [call for calls in (*postponed, failed.calls) for call in calls]
                assert {call.code for call in calls} == {code}, canned
                assert all(call.reason for call in calls)


async def test_a_voice_message_and_a_picture_are_answered_as_what_they_say(vendor: Vendor, tmp_path: Path) -> None:
    ear = {"provider": "openrouter", "base_url": vendor.base_url, "api_key": {"env": "MODEL"}, "model": "whisper"}
    eye = {**ear, "model": "example/model-a"}
    senses = {"hears_voice": True, "sees_pictures": True}
    async with serving(vendor, tmp_path, policy=senses, language_model={"voice": ear, "pictures": eye}) as service:
        await service.send_file("audio", b"What does delivery cost?")
        (answer,) = await service.heard(1)
        assert "elivery" in answer
        (heard,) = [one for one in await service.journal() if isinstance(one, Perceived)]
        assert (heard.sense, heard.words) == ("voice", "What does delivery cost?")
        await vendor.says({"content": "A broken cup.", "when": "Say in at most 80 words"})
        await service.send_file("image", b"\x89PNG")
        await service.heard(2)
        asked = [request for request in await vendor.requests() if "messages" in request][-1]
        assert "[image, which shows: A broken cup.]" in asked["messages"][-1]["content"]
