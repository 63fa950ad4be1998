"""The real service on two vendors: what the one refuses for good leaves by the other, and is told of once."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from frontdesk.container import SystemClock
from frontdesk.core.message import MessageStatus
from frontdesk.testing.process import until, world
from frontdesk_plugins.sqlite.store import SqliteStore
from process.load import POLICY

pytestmark = pytest.mark.anyio

STANDBY = """
[channels.india]
provider = "msg91"
integrated_number = "15550100200"
authkey = { env = "MSG91_AUTHKEY" }
webhook_secret = { env = "MSG91_WEBHOOK_SECRET" }
"""
PHONE = "15550300001"


async def test_what_one_vendor_refuses_leaves_by_the_other(tmp_path: Path) -> None:
    more = {
        "sections": STANDBY,
        "environ": {"META_ACCESS_TOKEN": "EAAexpired", "FRONTDESK__CHANNELS__MAIN__STANDBY": "india"},
    }
    async with world(tmp_path, POLICY, service=more, reads="auto") as (customers, service):
        vendor = customers.emulator.vendor
        text = service.config.read_text()
        address = f'base_url = "{vendor.options.public_url}/api/v5"\n'
        service.config.write_text(text.replace(STANDBY.strip(), STANDBY.strip() + "\n" + address))
        await service.start()
        for answers, words in enumerate(("delivery?", "returns?"), start=1):
            await customers.write(PHONE, words)

            async def is_answered(count: int = answers) -> bool:
                return len(await customers.ledger()) == count

            await until(is_answered, 15, f"{words} is answered")
        ledger = await customers.ledger()
        assert {entry["vendor"] for entry in ledger} == {"msg91"}
        assert len({entry["reference"] for entry in ledger}) == 2
        async with httpx.AsyncClient(base_url=service.url) as http:
            troubles = (await http.get("/readyz")).json()["troubles"]
        assert any(trouble.startswith("channel main is paused") for trouble in troubles)
        assert await service.stop() == 0, service.log()
        async with SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True) as store:
            known = await store.find("india", PHONE)
            assert known == await store.find("main", PHONE)
            assert known is not None
            state = await store.conversation(known)
            assert state is not None
            assert (state.channel, state.home) == ("india", "main")
            assert {notice.kind for notice in await store.notices(10)} >= {"channel_paused", "failover"}
            sent = [one for one in await store.messages(known) if one.author == "bot"]
            assert MessageStatus.FAILED not in {one.status for one in sent}
