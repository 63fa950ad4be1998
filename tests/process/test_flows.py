"""Flows under the real command: refused at the start, changed by hand, by SIGHUP, and badly."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from frontdesk.testing.process import Customers, Service, until, world

pytestmark = pytest.mark.anyio

PHONE = "15550100777"
MENU = """\
title: Menu
starts_on: {keywords: [menu]}
variables: {flow.wish: text}
steps:
  ask_wish: {ask: What do you wish?, save: flow.wish}
  thank: {say: "Thank you for {{ flow.wish }}."}
  bye: {end: true}
"""
POLICY = 'greeting = ""\nmarks_read = false'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "menu.yaml").write_text(MENU)
    return folder


def settings(folder: Path, watch_seconds: float) -> dict[str, object]:
    environ = {"FRONTDESK__FLOWS__FOLDER": str(folder), "FRONTDESK__FLOWS__WATCH_SECONDS": str(watch_seconds)}
    return {"environ": environ}


async def texts(customers: Customers) -> list[str]:
    return [entry["text"] for entry in await customers.ledger()]


def has_said(customers: Customers, count: int) -> Callable[[], Awaitable[bool]]:
    async def run() -> bool:
        return len(await customers.ledger()) >= count

    return run


async def readiness(service: Service) -> dict[str, object]:
    async with httpx.AsyncClient() as http:
        found: dict[str, object] = (await http.get(f"{service.url}/readyz")).json()
        return found


async def test_flows_answer_and_a_change_is_taken_by_whoever_begins_anew(tmp_path: Path, folder: Path) -> None:
    async with world(tmp_path, POLICY, service=settings(folder, 0.1)) as (customers, service):
        await service.start()
        await customers.write(PHONE, "menu")
        await until(has_said(customers, 1), 10, "the flow has asked")
        (folder / "menu.yaml").write_text(MENU.replace("What do", "What would").replace("Thank you", "Many thanks"))

        async def is_taken() -> bool:
            async with httpx.AsyncClient() as http:
                return 'reloads_total{outcome="taken"} 1.0' in (await http.get(f"{service.url}/metrics")).text

        await until(is_taken, 10, "the change is taken")
        await customers.write(PHONE, "a mug")
        await until(has_said(customers, 2), 10, "the flow has answered")
        await customers.write("15550100778", "menu")
        await until(has_said(customers, 3), 10, "the new flow has asked")
        assert await texts(customers) == ["What do you wish?", "Thank you for a mug.", "What would you wish?"]


async def test_sighup_lets_one_process_read_its_flows_and_goes_on(tmp_path: Path, folder: Path) -> None:
    async with world(tmp_path, POLICY, service=settings(folder, 0.0)) as (customers, service):
        await service.start()
        (folder / "menu.yaml").write_text("title: Menu")
        service.send(signal.SIGHUP)

        async def is_degraded() -> bool:
            return (await readiness(service))["status"] == "degraded"

        await until(is_degraded, 10, "the mistake is seen")
        troubles = (await readiness(service))["troubles"]
        assert f"the flows in {folder} were changed but not taken: menu.yaml:1:" in str(troubles)
        (folder / "menu.yaml").write_text(MENU.replace("What do", "What would"))
        service.send(signal.SIGHUP)

        async def is_ready() -> bool:
            return (await readiness(service))["status"] == "ready"

        await until(is_ready, 10, "it is good again")
        await customers.write(PHONE, "menu")
        await until(has_said(customers, 1), 10, "the new flow has asked")
        assert await texts(customers) == ["What would you wish?"]
        assert await service.stop() == 0


async def test_sighup_lets_one_process_read_its_knowledge_too(tmp_path: Path, folder: Path) -> None:
    known = tmp_path / "knowledge"
    known.mkdir()
    (known / "a.md").write_text("Horses neigh.")
    service_settings = settings(folder, 0.0)
    environ = service_settings["environ"]
    assert isinstance(environ, dict)
    environ |= {"FRONTDESK__KNOWLEDGE__FOLDER": str(known), "FRONTDESK__KNOWLEDGE__WATCH_SECONDS": "0"}
    async with world(tmp_path, POLICY, service=service_settings) as (_, service):
        await service.start()
        (known / "b.md").write_text("Goats bleat.")
        service.send(signal.SIGHUP)

        async def is_read() -> bool:
            async with httpx.AsyncClient() as http:
                metrics = (await http.get(f"{service.url}/metrics")).text
            return 'frontdesk_knowledge_files{state="used"} 2.0' in metrics

        await until(is_read, 10, "the new file is read")


async def test_a_start_with_broken_flows_is_refused_in_a_sentence(tmp_path: Path, folder: Path) -> None:
    (folder / "menu.yaml").write_text("title: Menu")
    async with world(tmp_path, POLICY, service=settings(folder, 0.0)) as (_, service):
        await service.start(waits=False)
        assert await service.ended() == 1
        assert f"frontdesk: the flows in {folder} cannot be used: menu.yaml:1:" in service.log()
        assert "Traceback" not in service.log()
