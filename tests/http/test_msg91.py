"""A number on MSG91 behind the service's own addresses, and what a wrong set-up of it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from frontdesk.cli import cli
from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.plugin import load_plugins

pytestmark = pytest.mark.anyio

ENVIRON = {"KEY": "the-authkey", "WORD": "the word"}
POST = {"customerNumber": "15550100045", "direction": "0", "uuid": "wamid.1", "contentType": "text", "text": "hello"}
SECTION = """
[channels.main]
provider = "msg91"
integrated_number = "15550100001"
base_url = "http://127.0.0.1:9/api/v5"
authkey = { env = "KEY" }
webhook_secret = { env = "WORD" }
poll_logs = "off"
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "frontdesk.toml"
    file.write_text(f'data_dir = "{tmp_path}/data"\n[flows]\nfolder = ""\n{SECTION}', encoding="utf-8")
    return file


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    section: dict[str, Any] = {
        "provider": "msg91",
        "integrated_number": "15550100001",
        "base_url": "http://127.0.0.1:9/api/v5",
        "authkey": {"env": "KEY"},
        "webhook_secret": {"env": "WORD"},
        "poll_logs": "off",
    }
    tree = {"data_dir": str(tmp_path / "data"), "flows": {"folder": ""}, "channels": {"main": section}}
    settings = build(tree, ENVIRON, where="the test")
    app = Container(settings=settings, offers=load_plugins(settings.plugins())).app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://desk", headers={"x-webhook-secret": "the word"}
        ) as client,
    ):
        yield client


async def troubles(http: httpx.AsyncClient) -> list[str]:
    return list((await http.get("/readyz")).json()["troubles"])


async def test_inbound_and_status_have_addresses_of_their_own(http: httpx.AsyncClient) -> None:
    assert (await http.post("/webhooks/main/inbound", json=POST)).status_code == 200
    report = {"crqid": "effect-1", "eventName": "sent", "requestId": "r"}
    assert (await http.post("/webhooks/main/status", json=report)).status_code == 200
    assert (await http.get("/webhooks/main/inbound")).status_code == 200
    assert (await http.post("/webhooks/main/elsewhere", json=POST)).status_code == 404
    assert await troubles(http) == []


async def test_a_field_that_is_not_there_is_told_until_it_comes(http: httpx.AsyncClient) -> None:
    misfit = {name: value for name, value in POST.items() if name != "customerNumber"}
    assert (await http.post("/webhooks/main/inbound", json=misfit)).status_code == 200
    (trouble,) = await troubles(http)
    assert trouble.startswith("channel main: inbound posts arrive but no field named messages.0.from or customerNumber")
    assert (await http.post("/webhooks/main/inbound", json=POST)).status_code == 200
    assert await troubles(http) == []


async def test_a_word_that_is_wrong_is_a_trouble(http: httpx.AsyncClient) -> None:
    refused = await http.post("/webhooks/main/inbound", json=POST, headers={"x-webhook-secret": "another"})
    assert (refused.status_code, refused.text) == (401, "unauthorized")
    (trouble,) = await troubles(http)
    assert "X-Webhook-Secret" in trouble
    assert "the word" not in trouble
    assert (await http.get("/webhooks/main/inbound")).status_code == 200
    assert await troubles(http) == [trouble]


def test_check_tells_what_was_misfit_since_yesterday(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    def checked() -> list[str]:
        found = CliRunner().invoke(cli, ["check", "--config", str(configuration), "--json"])
        assert found.exit_code == 0, found.output
        return list(json.loads(found.stdout.splitlines()[-1])["troubles"])

    assert checked() == []
    _post_misfit(configuration)
    (trouble,) = checked()
    assert trouble.startswith("channel main: inbound posts arrive but no field named ")
    told = CliRunner().invoke(cli, ["notices", "--config", str(configuration)])
    assert "mapping: inbound posts arrive but no field named" in told.output


def _post_misfit(configuration: Path) -> None:
    import asyncio

    from frontdesk.config import load

    settings = load(configuration, ENVIRON)

    async def post() -> None:
        app = Container(settings=settings, offers=load_plugins(settings.plugins())).app()
        transport, headers = httpx.ASGITransport(app), {"x-webhook-secret": "the word"}
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, headers=headers) as client:
            await client.post("http://desk/webhooks/main/inbound", json={"direction": "0", "text": "hello"})

    asyncio.run(post())
