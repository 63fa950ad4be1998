"""What these tests share: the emulated vendor and the cases on disk on a real server, and providers that ask them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from frontdesk.config import ServerSettings
from frontdesk.container import SystemClock, build_transport
from frontdesk.core.prompt import Prompt, Turn
from frontdesk.emulator import Emulator, EmulatorOptions
from frontdesk.http.server import bind
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import Clock
from frontdesk_plugins.openrouter import OpenRouter, Options

CASES = Path(__file__).parent / "cases"
KEY = "sk-or-v1-emulator"


def load(name: str) -> Any:
    return msgspec.json.decode((CASES / name).read_bytes())


def asked(question: str = "When are you open?", *turns: Turn, **fields: Any) -> Prompt:
    return Prompt(business_name="Sample Shop", question=question, turns=turns, **fields)


async def _case(request: Request) -> Response:
    """The answer of a file: its body, status and headers; a stream as it is."""
    path = CASES / request.path_params["name"]
    if path.suffix == ".sse":
        return Response(path.read_bytes(), media_type="text/event-stream")
    case = load(path.name)
    told = case.get("_http", {})
    headers = told.get("headers") or case.get("_headers") or {}
    return Response(msgspec.json.encode(case["body"]), told.get("status", 200), headers, "application/json")


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # they are pytest's
        return nullcontext()


class Vendor:
    """The emulator on a port of this machine."""

    def __init__(self, url: str, control: httpx.AsyncClient, transport: httpx.AsyncBaseTransport) -> None:
        self.url = url
        self.base_url = f"{url}/openrouter/api/v1"
        self.control = control
        self.transport = transport

    def provider(self, clock: Clock | None = None, **changes: Any) -> OpenRouter:
        known: dict[str, Any] = {"model": "example/model-a", "api_key": Secret(KEY), "base_url": self.base_url}
        return OpenRouter("language_model", Options(**{**known, **changes}), self.tools(clock))

    def tools(self, clock: Clock | None = None) -> Tools:
        http = httpx.AsyncClient(transport=self.transport)
        return Tools(http=http, transport=self.transport, clock=clock or SystemClock(), data_dir=Path())

    def case(self, name: str, **changes: Any) -> OpenRouter:
        return self.provider(base_url=f"{self.url}/cases/{name}", **changes)

    async def trouble(self, kind: str, **more: Any) -> None:
        answer = await self.control.post("/_emulator/faults", json=[{"on": "complete", "kind": kind, **more}])
        assert answer.status_code == 200, answer.text

    async def says(self, *answers: dict[str, Any]) -> None:
        answer = await self.control.post("/_emulator/answers", json=list(answers))
        assert answer.status_code == 200, answer.text

    async def asked(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control.get("/_emulator/completions")).json()
        return found

    async def requests(self) -> list[dict[str, Any]]:
        return [entry["request"] for entry in await self.asked()]


@asynccontextmanager
async def open_vendor(
    announce: Callable[[uvicorn.Server], None] = lambda _: None, **options: Any
) -> AsyncIterator[Vendor]:
    emulator = Emulator(EmulatorOptions(seed=7, **options))
    case = Route("/cases/{name}/chat/completions", _case, methods=["POST"])
    app = Starlette(routes=[case, *emulator.routes])
    listening = bind(ServerSettings(port=0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.listen(128)
    running = _Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    announce(running)
    serving = asyncio.create_task(running.serve([listening]))
    try:
        async with httpx.AsyncClient(base_url=url) as control, build_transport() as transport:
            yield Vendor(url, control, transport)
    finally:
        running.should_exit = True
        await serving
