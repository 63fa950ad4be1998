"""The emulated MSG91: both doors, webhooks from the operator's template, reports, the log, and trouble."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from frontdesk.emulator import EmulatorOptions, create_emulator
from frontdesk.emulator.options import channel_section, secrets_of

pytestmark = pytest.mark.anyio

SESSION = "/api/v5/whatsapp/whatsapp-outbound-message/"
BULK = f"{SESSION}bulk/"
KEY = {"authkey": "msg91-emulator"}
NUMBER = "15550100200"
MIRA = "15550100777"


def text(body: str = "Hello", **more: object) -> dict[str, Any]:
    head = {"integrated_number": NUMBER, "recipient_number": MIRA, "CRQID": "effect-1"}
    return {**head, "content_type": "text", "text": body, **more}


def template(name: str = "order_update", language: str = "en_US", **components: Any) -> dict[str, Any]:
    target = {"to": [MIRA], "components": components}
    inner = {"name": name, "language": {"code": language, "policy": "deterministic"}, "to_and_components": [target]}
    payload = {"messaging_product": "whatsapp", "type": "template", "template": inner}
    return {"integrated_number": NUMBER, "content_type": "template", "CRQID": "effect-2", "payload": payload}


class Stage:
    """The emulator, and what it told a service."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.client: httpx.AsyncClient
        self.settle: Callable[[], Any]

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.posts.append((request.url.path, dict(request.headers), request.content))
        return httpx.Response(200)

    async def send(self, body: dict[str, Any], path: str = SESSION, key: str = "msg91-emulator") -> httpx.Response:
        return await self.client.post(path, json=body, headers={"authkey": key})

    async def write(self, **what: object) -> None:
        url = f"/_emulator/contacts/{MIRA}/messages?wait=1"
        (await self.client.post(url, json={"type": "text", "text": "Hi", **what})).raise_for_status()

    def told(self, place: str) -> list[dict[str, Any]]:
        return [json.loads(body) for path, _, body in self.posts if path == f"/webhooks/main{place}"]

    async def until_told(self, place: str, count: int) -> list[dict[str, Any]]:
        import asyncio

        async with asyncio.timeout(3):
            while len(self.told(place)) < count:  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.005)
        return self.told(place)


@asynccontextmanager
async def open_stage(**options: Any) -> AsyncIterator[Stage]:
    quick = {"sent_after_seconds": 0.005, "delivered_after_seconds": 0.01, "read_after_seconds": 0.015}
    known = {"vendor": "msg91", "callback_url": "http://service/webhooks/main", "public_url": "http://vendor.test"}
    stage = Stage()
    app = create_emulator(EmulatorOptions(**{**quick, **known, **options}), httpx.MockTransport(stage.answer))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vendor.test") as client,
    ):
        stage.client = client
        yield stage


async def test_a_message_of_a_customer_fills_the_template_and_bears_the_word() -> None:
    async with open_stage() as stage:
        await stage.write(text='He said "hi"\nto \\me 👩‍🌾')
        (post,) = stage.told("/inbound")
        assert post["text"] == 'He said "hi"\nto \\me 👩‍🌾'
        assert post["direction"] == "0"
        assert (post["customerNumber"], post["integratedNumber"]) == (MIRA, NUMBER)
        (inner,) = json.loads(post["messages"])
        assert inner["id"] == post["uuid"]
        headers = stage.posts[0][1]
        assert headers["x-webhook-secret"] == EmulatorOptions().webhook_secret
        assert "x-hub-signature-256" not in headers


async def test_the_operators_template_is_filled_and_nothing_else() -> None:
    mine = '{"who": "{{customerNumber}}", "what": "{{text}}", "odd": "{{nobodyKnows}}", "kind": 7}'
    async with open_stage(inbound_template=mine) as stage:
        await stage.write()
        assert stage.told("/inbound") == [{"who": MIRA, "what": "Hi", "odd": "", "kind": 7}]


async def test_an_msg91_that_does_not_escape_breaks_its_json() -> None:
    async with open_stage(inbound_template='{"text": "{{text}}"}', msg91_escapes=False) as stage:
        await stage.write(text='say "hi"')
        assert stage.posts[0][2] == b'{"text": "say "hi""}'


@pytest.mark.parametrize(
    ("utterance", "field", "value"),
    [
        ({"type": "image", "caption": "broken box"}, "caption", "broken box"),
        ({"type": "document", "filename": "a.pdf"}, "filename", "a.pdf"),
        ({"type": "location", "latitude": 12.5, "longitude": 77}, "latitude", "12.5"),
        ({"type": "button_reply", "id": "yes", "title": "Yes"}, "interactive", '"id":"yes"'),
        ({"type": "template_reply", "id": "go", "title": "Go"}, "button", '"payload":"go"'),
        ({"type": "reaction", "reply_to": "wamid.X", "emoji": "👍"}, "reaction", '"emoji":"👍"'),
        ({"reply_to": "wamid.X"}, "replyMsgId", "wamid.X"),
    ],
)
async def test_every_kind_fills_its_field(utterance: dict[str, Any], field: str, value: str) -> None:
    async with open_stage() as stage:
        await stage.write(**utterance)
        (post,) = stage.told("/inbound")
        assert value in post[field]


async def test_a_file_lies_at_a_public_address() -> None:
    async with open_stage() as stage:
        await stage.write(type="image", content="aGVsbG8=")
        (post,) = stage.told("/inbound")
        assert post["url"].startswith(f"http://vendor.test/whatsapp-haptik-media/{NUMBER}/")
        assert (await stage.client.get(post["url"])).content == b"hello"
        assert (await stage.client.get(f"/whatsapp-haptik-media/{NUMBER}/1")).status_code == 404


@pytest.mark.parametrize("way", ["json", "query"])
async def test_a_text_is_taken_by_both_ways_and_reported(way: str) -> None:
    async with open_stage(reads="auto") as stage:
        await stage.write()
        if way == "json":
            answer = await stage.send(text())
        else:
            answer = await stage.client.post(SESSION, params=text(), headers=KEY)
        assert answer.headers["content-type"].startswith("text/html")
        request_id = answer.json()["request_id"]
        reports = await stage.until_told("/status", 3)
        assert [report["eventName"] for report in reports] == ["sent", "delivered", "read"]
        assert {(report["requestId"], report["crqid"], report["direction"]) for report in reports} == {
            (request_id, "effect-1", "1")
        }
        (entry,) = (await stage.client.get("/_emulator/ledger")).json()
        assert (entry["reference"], entry["text"], entry["vendor"]) == ("effect-1", "Hello", "msg91")


async def test_the_reference_of_a_free_form_message_may_be_forgotten() -> None:
    async with open_stage(msg91_returns_reference=False) as stage:
        await stage.write()
        await stage.send(text())
        assert (await stage.until_told("/status", 1))[0]["crqid"] == ""
        await stage.send(template("follow_up", "en", body_1={"type": "text", "value": "Mira"}), BULK)
        assert (await stage.until_told("/status", 3))[-1]["crqid"] == "effect-2"


@pytest.mark.parametrize("word", ["failed", "hold"])
async def test_outside_the_window_a_message_is_taken_and_fails(word: str) -> None:
    async with open_stage(msg91_failures=word) as stage:
        assert (await stage.send(text())).json()["status"] == "success"
        (report,) = await stage.until_told("/status", 1)
        assert report["eventName"] == word
        assert report["reason"].startswith("131047: ")


async def test_a_template_is_checked_against_what_was_approved() -> None:
    async with open_stage() as stage:
        good: dict[str, Any] = {
            "header_1": {"type": "image", "value": "https://x.org/a.png"},
            "body_1": {"type": "text", "value": "Mira"},
            "body_2": {"type": "text", "value": "4471"},
            "button_1": {"subtype": "quick_reply", "type": "payload", "value": "cancel"},
            "button_2": {"subtype": "url", "type": "text", "value": "4471"},
        }
        assert (await stage.send(template(**good), BULK)).json()["status"] == "success"
        (entry,) = (await stage.client.get("/_emulator/ledger")).json()
        assert entry["text"] == "Hello Mira, your order 4471 is on its way."
        bad = await stage.send(template(**{**good, "body_2": {"type": "text", "value": "a\nb"}}), BULK)
        assert bad.json()["errors"].startswith("132012: ")
        assert (await stage.send(template("nobody"), BULK)).json()["errors"].startswith("132001: ")


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"text": ""}, SESSION, "text not found in request"),
        ({"recipient_number": ""}, SESSION, "recipient_number not found in request"),
        ({"payload": {"text": "x"}}, SESSION, "100: Unexpected key"),
        ({"content_type": "carrier pigeon"}, SESSION, "not a valid content_type"),
        ({"content_type": "image"}, SESSION, "100: Unexpected key"),
        ({"integrated_number": "15550100999"}, SESSION, "15550100999 is not integrated"),
        ({"recipient_number": "+15550100777"}, SESSION, "recipient_number is invalid"),
        ({"recipient_number": NUMBER}, SESSION, "131021"),
        ({"text": "x" * 4_097}, SESSION, "100: "),
        ({}, BULK, "for now, only template is supported for bulk"),
    ],
)
async def test_a_refusal_comes_with_200_and_words(body: dict[str, Any], path: str, words: str) -> None:
    async with open_stage() as stage:
        answer = await stage.send({**text(), **body}, path)
        assert answer.status_code == 200
        assert answer.json()["hasError"] is True
        assert words in answer.json()["errors"]
        assert not (await stage.client.get("/_emulator/ledger")).json()
        assert len((await stage.client.get("/_emulator/rejected")).json()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"content_type": "image", "attachment_url": "https://x.org/a.png", "caption": "c"},
        {"content_type": "image", "image": {"link": "https://x.org/a.png", "caption": "c"}},
        {
            "content_type": "image",
            "payload": {"type": "image", "image": {"link": "https://x.org/a.png", "caption": "c"}},
        },
    ],
)
async def test_files_are_taken_in_three_spellings(body: dict[str, Any]) -> None:
    async with open_stage() as stage:
        await stage.write()
        message = {key: value for key, value in text().items() if key != "text"}
        assert (await stage.send({**message, **body})).json()["status"] == "success"
        (entry,) = (await stage.client.get("/_emulator/ledger")).json()
        assert entry["request"]["image"] == {"link": "https://x.org/a.png", "caption": "c"}


async def test_without_the_authkey_nothing_is_done() -> None:
    async with open_stage() as stage:
        assert (await stage.send(text(), key="wrong")).status_code == 401
        for path in ("/api/v5/report/logs/wa", "/api/v5/whatsapp/whatsapp-activation/"):
            assert (await stage.client.get(path)).status_code == 401
            assert (await stage.client.get(path, headers=KEY)).status_code == 200
        unknown = await stage.client.get("/api/v5/nowhere", headers=KEY)
        assert (unknown.status_code, unknown.json()) == (404, {"type": "error", "msg": "Route Missing"})


async def test_the_log_has_both_directions() -> None:
    async with open_stage() as stage:
        await stage.write()
        request_id = (await stage.send(text())).json()["request_id"]
        await stage.until_told("/status", 2)
        days = {"startDate": "2000-01-01", "endDate": "2999-01-01"}
        rows = (await stage.client.get("/api/v5/report/logs/wa", params=days, headers=KEY)).json()["data"]
        assert [row["direction"] for row in rows] == ["OUTBOUND", {"value": "INBOUND", "metaData": None}]
        assert (rows[0]["status"], rows[0]["requestId"]) == ("Delivered", request_id)
        only = {**days, "requestId": request_id}
        assert len((await stage.client.get("/api/v5/report/logs/wa", params=only, headers=KEY)).json()["data"]) == 1
        past = {"startDate": "2000-01-01", "endDate": "2000-01-02"}
        assert not (await stage.client.get("/api/v5/report/logs/wa", params=past, headers=KEY)).json()["data"]


async def test_trouble_strikes_here_too() -> None:
    async with open_stage() as stage:
        await stage.write()
        rules = [{"on": "send", "kind": "error", "value": 131056, "count": 1}]
        await stage.client.post("/_emulator/faults", json=rules)
        assert (await stage.send(text())).json()["errors"].startswith("131056: ")
        await stage.client.post("/_emulator/faults", json=[{"on": "send", "kind": "no_statuses", "count": 1}])
        assert (await stage.send(text())).json()["status"] == "success"
        await stage.client.post("/_emulator/faults", json=[{"on": "webhook", "kind": "duplicate", "count": 1}])
        await stage.write()
        assert len(await stage.until_told("/inbound", 3)) == 3
        assert not stage.told("/status")


async def test_customers_can_be_given_to_the_other_vendor() -> None:
    async with open_stage() as stage:
        await stage.write()
        answer = await stage.client.put("/_emulator/vendor", json={"vendor": "meta"})
        assert answer.json() == {"vendor": "meta"}
        await stage.write()
        assert [path for path, _, _ in stage.posts] == ["/webhooks/main/inbound", "/webhooks/main"]
        assert (await stage.client.put("/_emulator/vendor", json={"vendor": "x"})).status_code == 400


def test_a_service_is_told_how_to_use_the_account() -> None:
    options = EmulatorOptions(public_url="http://127.0.0.1:8090")
    named = {value["env"] for vendor in ("meta", "msg91") for value in channel_section(options, vendor).values()
             if isinstance(value, dict)}  # fmt: skip
    assert named == set(secrets_of(options))
