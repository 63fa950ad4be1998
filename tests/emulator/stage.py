"""An emulator with a service behind it that a test can steer: what it answers, and what it was told."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from frontdesk.emulator import EmulatorOptions, create_emulator

CASES = Path(__file__).parents[1] / "plugins" / "whatsapp_cloud" / "cases"
NUMBER = "310700000000042"
MESSAGES = f"/v26.0/{NUMBER}/messages"
MIRA = "15550100777"
TOKEN = {"authorization": "Bearer EAAemulator"}


def case(name: str) -> Any:
    return json.loads((CASES / name).read_text(encoding="utf-8"))


def text(body: str = "Hello", to: str = "+" + MIRA, **more: object) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}, **more}


class Stage:
    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.answers: Callable[[int], int] = lambda _: 200
        self.bodies: list[bytes] = []
        self.taken: list[dict[str, Any]] = []
        self.bad_signatures = 0
        self.client: httpx.AsyncClient

    async def answer(self, request: httpx.Request) -> httpx.Response:
        return await self.serve(request)

    async def serve(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            challenge = request.url.params["hub.challenge"]
            is_right = request.url.params["hub.verify_token"] == self.options.verify_token
            return httpx.Response(200, text=challenge) if is_right else httpx.Response(403)
        signature = hmac.new(self.options.app_secret.encode(), request.content, hashlib.sha256).hexdigest()
        self.bad_signatures += request.headers["x-hub-signature-256"] != f"sha256={signature}"
        status = self.answers(len(self.bodies))
        self.bodies.append(request.content)
        if status == 0:
            raise httpx.ConnectError("nobody there", request=request)
        if status == 200:
            self.taken.append(json.loads(request.content))
        return httpx.Response(status)

    def values(self, key: str) -> list[dict[str, Any]]:
        changes = [change for body in self.taken for entry in body["entry"] for change in entry["changes"]]
        return [item for change in changes for item in change["value"].get(key, [])]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [(status["id"], status["status"]) for status in self.values("statuses")]

    async def write(self, content: str = "Hi", phone: str = MIRA, **more: object) -> str:
        url = f"/_emulator/contacts/{phone}/messages?wait=1"
        answer = await self.client.post(url, json={"type": "text", "text": content, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["wamid"])

    async def send(self, body: object) -> httpx.Response:
        return await self.client.post(MESSAGES, json=body, headers=TOKEN)

    async def trouble(self, on: str, kind: str, **more: object) -> None:
        answer = await self.client.post("/_emulator/faults", json=[{"on": on, "kind": kind, **more}])
        assert answer.status_code == 200, answer.text

    async def show(self, what: str) -> Any:
        return (await self.client.get(f"/_emulator/{what}")).json()

    async def until(self, is_so: Callable[[], bool], seconds: float = 3.0) -> None:
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110 - what is waited for happens in the emulator, which has no event for it
                await asyncio.sleep(0.005)

    async def settle(self) -> None:
        """Let every timer of a quick emulator run out."""
        await asyncio.sleep(0.08)


@asynccontextmanager
async def open_stage(**options: Any) -> AsyncIterator[Stage]:
    quick = {"sent_after_seconds": 0.005, "delivered_after_seconds": 0.01, "read_after_seconds": 0.015}
    manners = {**quick, "retry_scale": 0.005, "callback_url": "http://service/webhooks/main", "seed": 7, **options}
    stage = Stage(EmulatorOptions(**manners))
    app = create_emulator(stage.options, httpx.MockTransport(stage.answer))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://graph.test") as client,
    ):
        stage.client = client
        yield stage
    assert stage.bad_signatures == 0
