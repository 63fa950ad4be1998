"""Every trouble that can be ordered is seen to happen, and only where it was ordered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from emulator.stage import CASES, MESSAGES, MIRA, NUMBER, TOKEN, case, open_stage, text
from frontdesk.emulator.requests import ConnectionDropped

pytestmark = pytest.mark.anyio
ERRORS = sorted(path.name for path in CASES.glob("error_*.json"))


def without_trace(body: Any) -> Any:
    return {"error": {key: value for key, value in body["error"].items() if key != "fbtrace_id"}}


def test_there_are_errors() -> None:
    assert len(ERRORS) > 40


@pytest.mark.parametrize("name", ERRORS)
async def test_every_error_can_be_ordered_by_name(name: str) -> None:
    async with open_stage() as stage:
        await stage.trouble("send", "error", value=name.removeprefix("error_").removesuffix(".json"), count=1)
        answer = await stage.send(text())
        assert answer.status_code == case(name)["_http_status"]
        assert without_trace(answer.json()) == without_trace(case(name)["body"])
        assert answer.json()["error"]["fbtrace_id"]
        assert await stage.show("ledger") == []
        assert (await stage.send(text())).status_code == 200


async def test_an_error_by_code_for_one_contact() -> None:
    async with open_stage() as stage:
        await stage.trouble("send", "error", value=131026, to=MIRA)
        assert (await stage.send(text())).json()["error"]["code"] == 131026
        assert (await stage.send(text(to="+15550100888"))).status_code == 200


async def test_a_page_instead_of_json() -> None:
    async with open_stage() as stage:
        await stage.trouble("send", "http_5xx", value=503)
        answer = await stage.send(text())
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert await stage.show("ledger") == []


@pytest.mark.parametrize(("kind", "ledgered"), [("refuse", 0), ("accept_then_drop", 1)])
async def test_a_cut_connection_before_and_after_acceptance(kind: str, ledgered: int) -> None:
    async with open_stage() as stage:
        await stage.write()
        await stage.trouble("send", kind)
        with pytest.raises(ConnectionDropped):
            await stage.send(text())
        assert len(await stage.show("ledger")) == ledgered
        await stage.settle()
        assert len(stage.statuses) == 2 * ledgered


async def test_accepted_and_then_silence() -> None:
    async with open_stage() as stage:
        await stage.trouble("send", "accept_then_hang", value=30)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await stage.send(text())
        assert len(await stage.show("ledger")) == 1


async def test_latency_of_a_send_and_of_a_webhook() -> None:
    async with open_stage() as stage:
        loop = asyncio.get_running_loop()
        await stage.trouble("send", "latency", value=0.1)
        await stage.trouble("webhook", "latency", value=0.15)
        start = loop.time()
        await stage.send(text())
        assert loop.time() - start >= 0.1
        start = loop.time()
        await stage.write()
        assert loop.time() - start >= 0.15


async def test_a_status_overtakes_the_response() -> None:
    async with open_stage() as stage:
        await stage.write()
        await stage.trouble("send", "status_before_response", count=1)
        answer = await stage.send(text())
        assert stage.statuses == [(answer.json()["messages"][0]["id"], "sent")]


async def test_no_statuses_and_a_lost_status() -> None:
    async with open_stage() as stage:
        await stage.write()
        await stage.trouble("send", "no_statuses", count=1)
        await stage.send(text("silent"))
        await stage.settle()
        assert stage.statuses == []
        chat = await stage.show(f"contacts/{MIRA}/messages")
        assert [line["text"] for line in chat["messages"]] == ["Hi", "silent"]
        await stage.trouble("webhook", "lost_status", count=1)
        await stage.send(text())
        await stage.settle()
        assert [status for _, status in stage.statuses] == ["delivered"]


async def test_a_webhook_comes_twice() -> None:
    async with open_stage() as stage:
        await stage.trouble("webhook", "duplicate", count=1)
        wamid = await stage.write()
        await stage.until(lambda: len(stage.taken) == 2)
        assert [message["id"] for message in stage.values("messages")] == [wamid, wamid]
        assert (await stage.show("inbound"))[0]["deliveries"] == 2


async def test_webhooks_change_places() -> None:
    async with open_stage(webhook_concurrency=1) as stage:
        await stage.trouble("webhook", "reorder", value=5, count=1)
        for said in ("first", "second", "third"):
            await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": said})
        await stage.until(lambda: len(stage.taken) == 3)
        bodies = [message["text"]["body"] for message in stage.values("messages")]
        assert bodies.index("second") < bodies.index("first")
        assert sorted(bodies) == ["first", "second", "third"]


async def test_a_webhook_that_nobody_overtakes_arrives_late() -> None:
    async with open_stage() as stage:
        await stage.trouble("webhook", "reorder", value=0.05)
        await stage.write("alone")
        assert len(stage.taken) == 1


async def test_webhooks_are_bundled() -> None:
    async with open_stage() as stage:
        await stage.trouble("webhook", "batch", value=0.1)
        url = "/_emulator/contacts/{}/messages"
        for number in range(5):
            await stage.client.post(url.format(15550100700 + number), json={"text": str(number)})
        await stage.until(lambda: bool(stage.taken))
        (body,) = stage.taken
        assert [len(entry["changes"]) for entry in body["entry"]] == [2, 2, 1]
        assert [message["text"]["body"] for message in stage.values("messages")] == list("01234")
        await stage.settle()
        assert all(entry["delivered_at"] for entry in await stage.show("inbound"))
        assert (await stage.show("webhooks"))["pending"] == 0


async def test_refused_webhooks_are_repeated() -> None:
    async with open_stage() as stage:
        await stage.trouble("webhook", "refuse", count=3)
        await stage.write()
        assert (await stage.show("webhooks"))["refused"] == 3
        assert len(stage.taken) == 1


async def test_a_phone_without_network_waits_in_both_directions() -> None:
    async with open_stage() as stage:
        await stage.write("before")
        await stage.trouble("webhook", "offline", to=MIRA, id="cut")
        await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": "under way"})
        await stage.send(text("for later"))
        await stage.settle()
        assert len(stage.values("messages")) == 1
        assert [status for _, status in stage.statuses] == ["sent"]
        assert [line["text"] for line in (await stage.show(f"contacts/{MIRA}/messages"))["messages"]] == [
            "before",
            "under way",
        ]
        await stage.client.delete("/_emulator/faults?id=cut")
        await stage.until(lambda: len(stage.values("messages")) == 2 and len(stage.statuses) == 2)


async def test_the_whole_line_can_be_cut() -> None:
    async with open_stage() as stage:
        await stage.trouble("webhook", "offline")
        await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": "Hello?"})
        await stage.settle()
        assert stage.bodies == []
        await stage.client.delete("/_emulator/faults")
        await stage.until(lambda: len(stage.taken) == 1)


async def test_trouble_with_uploads_and_read_marks() -> None:
    async with open_stage() as stage:
        await stage.trouble("media", "error", value=131053, count=1)
        await stage.trouble("mark_read", "error", value=131000, count=1)
        upload: dict[str, Any] = {
            "data": {"messaging_product": "whatsapp", "type": "image/png"},
            "files": {"file": ("a.png", b"x", "image/png")},
        }
        answers = [await stage.client.post(f"/v26.0/{NUMBER}/media", headers=TOKEN, **upload) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [400, 200]
        mark = {"messaging_product": "whatsapp", "status": "read", "message_id": await stage.write()}
        answers = [await stage.client.post(MESSAGES, json=mark, headers=TOKEN) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 200]


async def test_the_dice_are_repeatable() -> None:
    async def codes(seed: int) -> list[int]:
        async with open_stage(seed=seed, throughput_per_second=None) as stage:
            await stage.trouble("send", "error", value=131000, probability=0.5)
            return [(await stage.send(text())).status_code for _ in range(30)]

    first = await codes(1)
    assert first == await codes(1)
    assert {200, 500} == set(first)
    assert first != await codes(2)


@pytest.mark.parametrize(
    "rule",
    [
        {"on": "send", "kind": "batch"},
        {"on": "lunch", "kind": "error"},
        {"on": "send", "kind": "error", "value": 4711},
        {"on": "send", "kind": "error", "probabilty": 0.1},
        {"on": "send", "kind": "latency", "value": "long"},
        {"on": "send", "kind": "latency", "probability": 1.1},
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_and_none_is_kept(rule: dict[str, Any]) -> None:
    async with open_stage() as stage:
        good = {"on": "send", "kind": "latency"}
        answer = await stage.client.post("/_emulator/faults", json=[good, rule])
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert await stage.show("faults") == []


async def test_a_rule_of_the_same_id_takes_the_others_place() -> None:
    async with open_stage() as stage:
        await stage.trouble("send", "latency", id="slow", value=9)
        await stage.trouble("send", "latency", id="slow", value=1)
        assert await stage.show("faults") == [{"on": "send", "kind": "latency", "id": "slow", "value": 1.0}]
