"""A number that has just changed its vendor: both call, and only one is sent by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.core.effect import SendMessage
from frontdesk.core.message import Message, MessageStatus
from frontdesk.core.transcript import as_text
from frontdesk.plugin import load_plugins
from frontdesk.ports import Store
from frontdesk.testing.contracts import LEASE
from frontdesk.testing.examples import replied, succeeded
from http_fixtures import ENVIRON, settings_tree, signature, text_message

pytestmark = pytest.mark.anyio

PHONE = "15550100777"
MSG91 = {
    "provider": "msg91",
    "integrated_number": "15550100001",
    "base_url": "http://127.0.0.1:9/api/v5",
    "authkey": {"env": "KEY"},
    "webhook_secret": {"env": "WORD"},
    "poll_logs": "off",
}
WORDS = {**ENVIRON, "KEY": "the-authkey", "WORD": "the word"}


class Number:
    """The service, and both of the vendors' ways of calling it."""

    def __init__(self, container: Container, http: httpx.AsyncClient) -> None:
        self.container = container
        self.http = http
        self.present: str = container.settings().channels["main"].provider
        self.former = "msg91" if self.present == "whatsapp_cloud" else "whatsapp_cloud"

    async def by_meta(self, body: dict[str, Any], **headers: str) -> int:
        raw = msgspec.json.encode(body)
        signed = {"content-type": "application/json", "x-hub-signature-256": signature(raw), **headers}
        return (await self.http.post("/webhooks/main", content=raw, headers=signed)).status_code

    async def by_msg91(self, part: str, body: dict[str, Any]) -> int:
        word = {"x-webhook-secret": "the word"}
        return (await self.http.post(f"/webhooks/main/{part}", json=body, headers=word)).status_code

    async def heard(self) -> list[str]:
        """What the contact said, as it is kept."""
        return [as_text(one.content) for one in await self.messages() if one.author == "contact"]

    async def messages(self) -> Sequence[Message]:
        store: Store = self.container.store()
        known = await store.find("main", PHONE)
        return await store.messages(known) if known else []

    async def sent(self, wamid: str) -> str:
        """A person has answered, and a vendor has taken it; our reference."""
        engine, store = self.container.engine(), self.container.store()
        await self.by_meta(text_message("hello", f"{wamid}.before"))
        known, clock = await store.find("main", PHONE), self.container.clock()
        await engine.handle(replied(known, wamid, clock.now()))
        claim = next(one for one in await store.claim(LEASE, 9) if isinstance(one.effect, SendMessage))
        await engine.handle(succeeded(claim, clock.now(), wamid))
        return str(claim.effect.id)

    async def payment_fails(self, vendor: str, reference: str, wamid: str = "wamid.9") -> None:
        """A vendor reports that it could not send a message for a reason that is the account's."""
        now = self.container.clock().now()
        if vendor == "msg91":
            report = {
                "crqid": reference, "eventName": "failed", "uuid": wamid, "customerNumber": PHONE, "direction": "1",
                "reason": "131042: Business eligibility payment issue", "ts": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            }  # fmt: skip
            assert await self.by_msg91("status", report) == 200
            return
        body = text_message("")
        value = body["entry"][0]["changes"][0]["value"]
        del value["messages"]
        value["statuses"] = [
            {
                "id": wamid, "status": "failed", "timestamp": str(int(now.timestamp())), "recipient_id": PHONE,
                "errors": [{"code": 131042, "title": "Business eligibility payment issue"}],
                **({"biz_opaque_callback_data": reference} if reference else {}),
            }
        ]  # fmt: skip
        assert await self.by_meta(body) == 200

    async def asked(self) -> int:
        """How many messages of the contact's were decided to be answered."""
        store: Store = self.container.store()
        known = await store.find("main", PHONE)
        state = await store.conversation(known) if known else None
        return len(state.arrivals) if state else 0


@pytest.fixture(params=["msg91", "whatsapp_cloud"])
async def number(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Number]:
    tree = settings_tree(tmp_path)
    tree["server"]["role"] = "web"  # nothing is sent
    meta = tree["channels"]["main"]
    tree["channels"]["main"] = {**MSG91, "former": meta} if request.param == "msg91" else {**meta, "former": MSG91}
    settings = build(tree, WORDS, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        yield Number(container, http)


def said(wamid: str, text: str) -> dict[str, Any]:
    """The same message as `text_message`, told by MSG91."""
    return {
        "customerNumber": PHONE, "direction": "0", "uuid": wamid, "contentType": "text", "text": text,
        "ts": "2026-11-01T12:00:07",
    }  # fmt: skip


@pytest.mark.parametrize("first", ["meta", "msg91"])
async def test_a_message_that_both_vendors_tell_is_one(number: Number, first: str) -> None:
    for wamid, text in (("wamid.1", "hello"), ("wamid.2", "where is my order?")):
        calls = [number.by_meta(text_message(text, wamid)), number.by_msg91("inbound", said(wamid, text))]
        for call in calls if first == "meta" else reversed(calls):
            assert await call == 200
    assert await number.heard() == ["hello", "where is my order?"]
    assert await number.asked() == 2


@pytest.mark.parametrize("ours", [True, False], ids=["with our reference", "by the vendor's id"])
async def test_a_former_vendors_trouble_with_the_account_does_not_stop_the_present_one(
    number: Number, *, ours: bool
) -> None:
    sent = await number.sent("wamid.9")
    await number.payment_fails(number.former, sent if ours else "")
    gate = number.container.engine().gate("main")
    assert not gate.pause_reason
    assert [one.status for one in await number.messages() if one.author == "agent"] == [MessageStatus.FAILED]
    await number.payment_fails(number.present, await number.sent("wamid.10"), "wamid.10")
    assert gate.pause_reason


async def test_a_number_that_was_exchanged_within_one_app_is_still_heard(tmp_path: Path) -> None:
    tree = settings_tree(tmp_path)
    tree["server"]["role"] = "web"
    meta = tree["channels"]["main"]
    tree["channels"]["main"] = {**meta, "phone_number_id": "209900000000099", "former": meta}
    settings = build(tree, WORDS, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    app = container.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as http,
    ):
        number = Number(container, http)
        old, new = text_message("to the old one", "wamid.1"), text_message("to the new one", "wamid.2")
        new["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "209900000000099"
        stray = text_message("to nobody's", "wamid.3")
        stray["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "1"
        assert await number.by_meta(old) == 200
        assert await number.by_meta({**new, "entry": [*new["entry"], *text_message("both", "wamid.4")["entry"]]}) == 200
        assert await number.by_meta(stray) == 200
        assert await number.heard() == ["to the old one", "to the new one", "both"]
        assert [one.kind for one in await container.store().notices(9)] == ["wrong_number"]
