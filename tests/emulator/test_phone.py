"""The page's own needs: the stream, the chat as it is shown, files without a token, a policy against scripts; and
what only a real socket can show."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from emulator.stage import MESSAGES, MIRA, NUMBER, TOKEN, case, open_stage, text
from frontdesk.emulator import EmulatorOptions, create_emulator

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def open_server(**options: Any) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    quick: dict[str, Any] = {"sent_after_seconds": 0.005, "delivered_after_seconds": 0.01}
    app = create_emulator(EmulatorOptions(**quick, **options))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has a flag and no event
        await asyncio.sleep(0.005)
    try:
        yield url
    finally:
        server.should_exit = True
        await serving


async def test_the_stream_tells_of_messages_statuses_and_typing() -> None:
    async with open_server() as url, httpx.AsyncClient(base_url=url, timeout=5) as client:
        seen: list[tuple[str, Any]] = []
        is_open = asyncio.Event()

        async def listen() -> None:
            async with client.stream("GET", f"/_emulator/contacts/{MIRA}/events") as stream:
                is_open.set()
                kind = ""
                async for line in stream.aiter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        seen.append((kind, json.loads(value)))
                    if len(seen) == 4:
                        return

        listening = asyncio.create_task(listen())
        await is_open.wait()
        await asyncio.sleep(0.05)
        said = await client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": "Hi"})
        mark = case("send_typing_indicator.json") | {"message_id": said.json()["wamid"]}
        await client.post(MESSAGES, json=mark, headers=TOKEN)
        await client.post(MESSAGES, json=text("Hello *you*"), headers=TOKEN)
        async with asyncio.timeout(3):
            await listening
        kinds = [kind for kind, _ in seen]
        assert kinds == ["message", "status", "typing", "message"]
        assert seen[0][1]["bubble"]["mine"] is True
        assert seen[1][1]["status"] == "read"
        assert seen[3][1]["bubble"]["content"]["body"] == "Hello *you*"


async def test_real_connections_are_cut_without_a_word() -> None:
    async with open_server() as url, httpx.AsyncClient(base_url=url, timeout=5) as client:
        for kind, ledgered in (("refuse", 0), ("accept_then_drop", 1)):
            await client.post("/_emulator/reset")
            await client.post("/_emulator/faults", json=[{"on": "send", "kind": kind}])
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                await client.post(MESSAGES, json=text(), headers=TOKEN)
            assert len((await client.get("/_emulator/ledger")).json()) == ledgered


async def test_webhooks_go_over_real_http_and_wait_for_a_service_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    bodies: list[bytes] = []

    async def service(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            bodies.append((await receive())["body"])
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    callback = f"http://127.0.0.1:{port}/webhooks/main"
    async with (
        open_server(callback_url=callback, retry_scale=0.02) as url,
        httpx.AsyncClient(base_url=url, timeout=5) as client,
    ):
        await client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": "Hello?"})
        await asyncio.sleep(0.1)
        counts = (await client.get("/_emulator/webhooks")).json()
        assert (counts["pending"], counts["delivered"]) == (1, 0)
        server = uvicorn.Server(uvicorn.Config(service, port=port, log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(5):
            while not bodies:  # noqa: ASYNC110 - filled by a server that has no event for it
                await asyncio.sleep(0.01)
        assert json.loads(bodies[0])["entry"][0]["changes"][0]["value"]["messages"][0]["text"] == {"body": "Hello?"}
        server.should_exit = True
        await serving


async def test_the_page_allows_no_script_of_others() -> None:
    async with open_stage() as stage:
        page = await stage.client.get("/phone")
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert " style=" not in page.text
        assert "onclick" not in page.text
        for name in ("phone.js", "bubbles.js", "marks.js", "files.js", "network.js", "phone.css", "voice.ogg"):
            answer = await stage.client.get(f"/phone/static/{name}")
            assert answer.status_code == 200
            assert b"innerHTML" not in answer.content


async def test_the_business_name_is_only_text() -> None:
    async with open_stage(business_name="<script>alert(1)</script>") as stage:
        assert "<script>alert" not in (await stage.client.get("/phone")).text


async def test_the_chat_shows_files_quotes_templates_and_reactions() -> None:
    async with open_stage() as stage:
        first = await stage.write("Hello")
        upload = await stage.client.post(
            f"/v26.0/{NUMBER}/media",
            data={"messaging_product": "whatsapp", "type": "image/png"},
            files={"file": ("a.png", b"picture", "image/png")},
            headers=TOKEN,
        )
        image = case("send_image_id.json") | {"image": {"id": upload.json()["id"]}, "context": {"message_id": first}}
        template = case("send_template_positional.json")
        template["template"]["components"][0]["parameters"][0]["image"] = {"id": upload.json()["id"]}
        reaction = case("send_reaction.json")
        reaction["reaction"]["message_id"] = first
        for body in (image, template, reaction):
            assert (await stage.send(body)).status_code == 200
        await stage.settle()
        hello, shown, filled, thumb = (await stage.show(f"contacts/{MIRA}/messages"))["messages"]
        assert shown["reply_to"] == thumb["reply_to"] == hello["wamid"]
        assert (await stage.client.get(shown["media_url"])).content == b"picture"
        assert (await stage.client.get(filled["media_url"])).headers["content-security-policy"].startswith("sandbox")
        assert filled["content"]["body"] == "Hello Mira, your order 8812 is on its way."
        assert [button["id"] for button in filled["content"]["buttons"]] == ["order:8812:cancel", "Track parcel"]
        assert thumb["text"] == "✅"


async def test_the_paths_of_a_service_are_left_alone() -> None:
    app = create_emulator(EmulatorOptions())
    routes = app.state.emulator.routes
    paths = ("/webhooks/main", "/healthz", "/readyz", "/metrics", "/desk", "/desk/login", "/api/v1/conversations", "/")
    for path in paths:
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        assert [route.path for route in routes if route.matches(scope)[0].value] == []
