"""What the service is told: the shape, the signature, the repetition, and what a customer's doing becomes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from itertools import pairwise
from typing import Any

import pytest

from emulator.stage import MESSAGES, MIRA, NUMBER, TOKEN, case, open_stage, text
from frontdesk.emulator.webhooks import sign, write

pytestmark = pytest.mark.anyio
PHOTO = base64.b64encode(b"not really a picture").decode()


def shape(value: Any) -> Any:
    """The keys, all the way down; lists by their first item."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_the_signature_is_the_one_of_the_vectors() -> None:
    vectors = case("signature_vectors.json")
    for vector in vectors["vectors"]:
        body = base64.b64decode(vector["body_base64"])
        assert (sign(vectors["app_secret"], body) == vector["header"]) is bool(vector["expect_valid"]), vector["name"]


def test_the_bytes_are_escaped_as_metas_are() -> None:
    vector = case("signature_vectors.json")["vectors"][0]
    body = base64.b64decode(vector["body_base64"])
    value = json.loads(body)["entry"][0]["changes"][0]["value"]
    assert write("209800000000017", [value]) == body


SAID: list[tuple[dict[str, Any], str]] = [
    ({"text": "Hello, my order has not arrived yet"}, "message_text.json"),
    ({"text": "Yes, that one", "reply_to": "wamid.x"}, "message_text_reply_context.json"),
    ({"type": "image", "content": PHOTO}, "message_image_with_url.json"),
    ({"type": "audio", "content": PHOTO}, "message_audio_voice.json"),
    ({"type": "video", "content": PHOTO, "caption": "it makes this noise"}, "message_video.json"),
    ({"type": "document", "content": PHOTO, "filename": "a.pdf", "caption": "invoice"}, "message_document.json"),
    ({"type": "location", "latitude": 52.2, "longitude": 21.0}, "message_location_pin.json"),
    ({"type": "button_reply", "id": "a", "title": "A", "reply_to": "wamid.x"}, "message_interactive_button_reply.json"),
    (
        {"type": "list_reply", "id": "a", "title": "A", "description": "B", "reply_to": "wamid.x"},
        "message_interactive_list_reply.json",
    ),
    (
        {"type": "list_reply", "id": "a", "title": "A", "reply_to": "wamid.x"},
        "message_interactive_list_reply_no_description.json",
    ),
    ({"type": "flow_reply", "answers": "{}", "reply_to": "wamid.x"}, "message_interactive_nfm_reply_flow.json"),
    (
        {"type": "template_reply", "id": "a", "title": "A", "reply_to": "wamid.x"},
        "message_button_template_quick_reply.json",
    ),
    ({"type": "reaction", "emoji": "👍", "reply_to": "wamid.x"}, "message_reaction.json"),
    ({"type": "reaction", "emoji": "", "reply_to": "wamid.x"}, "message_reaction_removed_empty_emoji.json"),
]


@pytest.mark.parametrize(("said", "name"), SAID)
async def test_a_message_has_the_form_of_the_example(said: dict[str, Any], name: str) -> None:
    async with open_stage() as stage:
        await stage.client.put(f"/_emulator/contacts/{MIRA}", json={"name": "Mira Testova"})
        await stage.client.post(f"/_emulator/contacts/{MIRA}/messages?wait=1", json=said)
        (taken,) = stage.taken
        assert shape(taken) == shape(case(name))
        assert (
            taken["entry"][0]["changes"][0]["value"]["messages"][0]["type"]
            == case(name)["entry"][0]["changes"][0]["value"]["messages"][0]["type"]
        )


async def test_somebody_behind_a_username_has_no_phone() -> None:
    async with open_stage() as stage:
        await stage.write("no phone number here", phone="GB.71820000000000000002")
        assert shape(stage.taken[0]) == shape(case("message_bsuid_only_no_phone.json"))
        answer = await stage.send(case("send_text_to_bsuid.json"))
        assert answer.json()["contacts"] == case("response_send_ok_bsuid.json")["contacts"]
        await stage.until(lambda: len(stage.statuses) == 2)
        delivered = next(body for body in stage.taken if "delivered" in str(body))
        assert shape(delivered) == shape(case("status_delivered_bsuid_only.json"))


async def test_a_shared_number_answers_the_request_for_it() -> None:
    async with open_stage() as stage:
        await stage.client.put(f"/_emulator/contacts/{MIRA}", json={"username": "mira.testova", "shows_phone": False})
        said = {"type": "contacts", "is_requested": True}
        await stage.client.post(f"/_emulator/contacts/{MIRA}/messages?wait=1", json=said)
        assert shape(stage.taken[0]) == shape(case("message_contacts_requested_phone.json"))


async def test_raw_carries_any_message() -> None:
    async with open_stage() as stage:
        message = {"type": "order", "order": {"catalog_id": "1", "product_items": []}}
        url = f"/_emulator/contacts/{MIRA}/messages"
        assert (await stage.client.post(url, json={"type": "raw", "message": message})).status_code == 200
        await stage.until(lambda: bool(stage.taken))
        assert message.items() <= stage.values("messages")[0].items()


@pytest.mark.parametrize(
    "said", [{"type": "dance"}, {"txt": "Hi"}, {"type": "reaction"}, {"type": "raw"}, {"type": "image", "content": "?"}]
)
async def test_a_customer_cannot_do_what_there_is_not(said: dict[str, Any]) -> None:
    async with open_stage() as stage:
        answer = await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json=said)
        assert answer.status_code == 400
        assert answer.json()["error"]
        for nobody in ("mira", "tom.sample", "GB.", "12"):
            assert (await stage.client.get(f"/_emulator/contacts/{nobody}/messages")).status_code == 400


async def test_statuses_follow_in_order_with_the_callback_data() -> None:
    async with open_stage(reads="auto") as stage:
        await stage.write()
        wamid = (await stage.send(case("send_text.json"))).json()["messages"][0]["id"]
        await stage.until(lambda: len(stage.statuses) == 3)
        assert stage.statuses == [(wamid, "sent"), (wamid, "delivered"), (wamid, "read")]
        assert {status["biz_opaque_callback_data"] for status in stage.values("statuses")} == {"v1|outbox=019a-5b1c"}
        assert shape(stage.taken[1]) == shape(case("status_with_callback_data.json"))
        assert (await stage.show("ledger"))[0]["status"] == "read"


@pytest.mark.parametrize(("nth", "name"), [(0, "sent"), (1, "delivered"), (2, "read")])
async def test_a_status_has_the_form_of_the_example(nth: int, name: str) -> None:
    async with open_stage(reads="auto") as stage:
        await stage.write()
        await stage.send(text())
        await stage.until(lambda: len(stage.statuses) == 3)
        assert shape(stage.taken[1 + nth]) == shape(case(f"status_{name}.json"))


async def test_nothing_is_read_before_the_phone_shows_it() -> None:
    async with open_stage() as stage:
        await stage.write()
        await stage.send(text())
        await stage.until(lambda: len(stage.statuses) == 2)
        await stage.settle()
        assert len(stage.statuses) == 2
        assert (await stage.client.post(f"/_emulator/contacts/{MIRA}/read")).json() == {"read": 1}
        await stage.until(lambda: stage.statuses[-1][1] == "read")


async def test_outside_the_window_a_message_fails_late_but_a_template_goes() -> None:
    async with open_stage() as stage:
        assert (await stage.send(text())).status_code == 200
        await stage.until(lambda: bool(stage.statuses))
        assert shape(stage.taken[0]) == shape(case("status_failed_131047_window.json"))
        await stage.send(case("send_template_no_params.json"))
        await stage.until(lambda: len(stage.statuses) == 3)
        assert [status for _, status in stage.statuses] == ["failed", "sent", "delivered"]
        assert stage.values("statuses")[2]["pricing"]["category"] == "utility"


async def test_the_window_closes_after_its_time_and_can_refuse_at_once() -> None:
    async with open_stage(window="sync", window_seconds=0.05) as stage:
        await stage.write()
        assert (await stage.send(text())).status_code == 200
        await asyncio.sleep(0.06)
        answer = await stage.send(text())
        assert answer.status_code == 400
        assert answer.json()["error"]["error_data"] == case("error_131047_window.json")["body"]["error"]["error_data"]


async def test_an_unreachable_phone_fails() -> None:
    async with open_stage() as stage:
        await stage.client.put(f"/_emulator/contacts/{MIRA}", json={"is_reachable": False})
        await stage.send(text())
        await stage.until(lambda: bool(stage.statuses))
        assert shape(stage.taken[0]) == shape(case("status_failed_131026_undeliverable.json"))


async def test_a_reaction_is_sent_and_never_delivered() -> None:
    async with open_stage() as stage:
        wamid = await stage.write()
        body = case("send_reaction.json")
        await stage.send(body)
        await stage.until(lambda: bool(stage.statuses))
        assert stage.values("statuses")[0]["errors"][0]["code"] == 131009
        body["reaction"]["message_id"] = wamid
        await stage.send(body)
        await stage.settle()
        assert [status for _, status in stage.statuses] == ["failed", "sent"]


@pytest.mark.parametrize("bad", [0, 202, 401, 500])
async def test_anything_but_200_is_repeated_until_200(bad: int) -> None:
    async with open_stage() as stage:
        stage.answers = lambda attempt: 200 if attempt >= 4 else bad
        wamid = await stage.write("Hello?")
        assert len(stage.bodies) == 5
        assert len(set(stage.bodies)) == 1
        (entry,) = await stage.show("inbound")
        assert (entry["wamid"], entry["deliveries"]) == (wamid, 1)
        assert entry["delivered_at"] > entry["at"]
        counts = await stage.show("webhooks")
        assert (counts["attempts"], counts["refused"], counts["pending"]) == (5, 4, 0)


async def test_the_gaps_grow() -> None:
    async with open_stage(retry_seconds=(0.0, 0.05, 0.1), retry_scale=1.0) as stage:
        at: list[float] = []

        def answer(attempt: int) -> int:
            at.append(asyncio.get_running_loop().time())
            return 200 if attempt == 4 else 503

        stage.answers = answer
        await stage.write()
        gaps = [later - earlier for earlier, later in pairwise(at)]
        assert gaps[0] < 0.04 < gaps[1] < 0.09 < min(gaps[2:])


async def test_at_last_meta_gives_up() -> None:
    async with open_stage(retry_for_seconds=0.02) as stage:
        stage.answers = lambda _: 500
        await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": "Hello?"})
        await asyncio.sleep(0.2)
        counts = await stage.show("webhooks")
        assert (counts["given_up"], counts["pending"]) == (1, 0)


async def test_the_backlog_survives_the_service_being_away() -> None:
    async with open_stage() as stage:
        is_up = False
        stage.answers = lambda _: 200 if is_up else 0
        for number in range(20):
            await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": str(number)})
        await stage.settle()
        assert stage.taken == []
        is_up = True
        await stage.until(lambda: len(stage.taken) == 20)
        assert {message["text"]["body"] for message in stage.values("messages")} == {str(n) for n in range(20)}


async def test_webhooks_leave_concurrently() -> None:
    async with open_stage(webhook_concurrency=8) as stage:
        here, most = 0, 0
        serve = stage.serve

        async def slow(request: Any) -> Any:
            nonlocal here, most
            here += 1
            most = max(most, here)
            await asyncio.sleep(0.02)
            here -= 1
            return await serve(request)

        stage.serve = slow  # type: ignore[method-assign]
        for number in range(30):
            await stage.client.post(f"/_emulator/contacts/{MIRA}/messages", json={"text": str(number)})
        await stage.until(lambda: len(stage.taken) == 30)
        assert most == 8


async def test_the_handshake() -> None:
    async with open_stage() as stage:
        answer = (await stage.client.post("/_emulator/verify")).json()
        assert (answer["verified"], answer["http_status"]) == (True, 200)


async def test_files_of_a_customer_can_be_fetched_with_token_and_name_only() -> None:
    async with open_stage(media_url_seconds=1.2) as stage:
        said = {"type": "image", "content": PHOTO, "mime_type": "image/png"}
        await stage.client.post(f"/_emulator/contacts/{MIRA}/messages?wait=1", json=said)
        image = stage.values("messages")[0]["image"]
        answer = await stage.client.get(f"/v26.0/{image['id']}", headers=TOKEN)
        assert answer.json().keys() == case("response_media_url.json").keys()
        file = answer.json()
        assert (
            file["sha256"]
            == base64.b64decode(image["sha256"]).hex()
            == hashlib.sha256(b"not really a picture").hexdigest()
        )
        bytes_ = await stage.client.get(file["url"], headers=TOKEN)
        assert (bytes_.content, bytes_.headers["content-type"]) == (b"not really a picture", "image/png")
        assert (await stage.client.get(image["url"], headers=TOKEN)).status_code == 200
        assert (await stage.client.get(file["url"])).status_code == 401
        assert (await stage.client.get(file["url"], headers=TOKEN | {"user-agent": ""})).status_code == 403
        assert (await stage.client.get(file["url"].replace("hash=", "hash=0"), headers=TOKEN)).status_code == 404
        await asyncio.sleep(2.0)
        assert (await stage.client.get(file["url"], headers=TOKEN)).status_code == 404
        assert (await stage.client.delete(f"/v26.0/{image['id']}", headers=TOKEN)).json() == {"success": True}
        assert (await stage.client.get(f"/v26.0/{image['id']}", headers=TOKEN)).status_code == 400


@pytest.mark.parametrize(
    ("mime_type", "size", "status", "code"),
    [
        ("image/jpeg", 5 * 1024 * 1024, 200, None),
        ("image/jpeg", 5 * 1024 * 1024 + 1, 400, 131053),
        ("image/webp", 500 * 1024 + 1, 400, 131053),
        ("image/gif", 10, 400, 100),
        ("image/png", 0, 400, 131053),
    ],
)
async def test_uploads_have_kinds_and_sizes(mime_type: str, size: int, status: int, code: int | None) -> None:
    async with open_stage() as stage:
        answer = await stage.client.post(
            f"/v26.0/{NUMBER}/media",
            data={"messaging_product": "whatsapp", "type": mime_type},
            files={"file": ("a", b"x" * size, mime_type)},
            headers=TOKEN,
        )
        assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code)


async def test_the_account_answers_a_doctor() -> None:
    async with open_stage() as stage:
        app = {"authorization": f"Bearer {stage.options.app_id}|{stage.options.app_secret}"}

        async def ask(path: str, headers: dict[str, str] = TOKEN) -> Any:
            return (await stage.client.get(f"/v26.0/{path}", headers=headers)).json()

        token = await ask("debug_token?input_token=EAAemulator", app)
        assert shape(token) == shape(case("response_debug_token.json"))
        assert shape(await ask("debug_token?input_token=x")) == shape(case("response_debug_token_expired.json"))
        assert shape(await ask(f"{stage.options.waba_id}/subscribed_apps")) == shape(
            case("response_subscribed_apps.json")
        )
        subscriptions = await ask(f"{stage.options.app_id}/subscriptions", app)
        assert shape(subscriptions) == shape(case("response_app_subscriptions.json"))
        fields = ",".join(case("response_phone_number_live.json"))
        assert shape(await ask(f"{NUMBER}?fields={fields}")) == shape(case("response_phone_number_live.json"))
        numbers = await ask(f"{stage.options.waba_id}/phone_numbers")
        assert shape(numbers) == shape(case("response_phone_number_expired_code.json"))
        assert (await ask(f"{NUMBER}?fields=id,shoe_size"))["error"]["code"] == 100
        assert (await ask("123"))["error"]["error_subcode"] == 33
        assert (await ask("me", {}))["error"]["code"] == 2500


async def test_a_read_mark_with_typing_shows_on_the_phone_until_the_reply() -> None:
    async with open_stage() as stage:
        wamid = await stage.write()
        body = case("send_typing_indicator.json") | {"message_id": wamid}
        await stage.client.post(MESSAGES, json=body, headers=TOKEN)
        chat = await stage.show(f"contacts/{MIRA}/messages")
        assert (chat["typing"], chat["messages"][0]["status"]) == (True, "read")
        await stage.send(text())
        await stage.until(lambda: len(stage.statuses) == 2)
        assert (await stage.show(f"contacts/{MIRA}/messages"))["typing"] is False


async def test_a_service_that_breaks_off_in_any_way_is_tried_again() -> None:
    async with open_stage() as stage:
        serve = stage.serve
        attempts = 0

        async def broken(request: Any) -> Any:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                raise RuntimeError("no answer at all")
            return await serve(request)

        stage.serve = broken  # type: ignore[method-assign]
        await stage.write()
        counts = await stage.show("webhooks")
        assert (counts["delivered"], counts["refused"]) == (1, 1)
        assert "no answer at all" in counts["last_error"]


async def test_without_a_callback_nothing_leaves_and_nobody_waits() -> None:
    async with open_stage(callback_url=None) as stage:
        await stage.write()
        assert stage.bodies == []
        assert (await stage.client.post("/_emulator/verify")).json()["verified"] is False


async def test_a_username_and_a_new_user_id_are_told_but_not_with_the_sent_status() -> None:
    async with open_stage() as stage:
        profile = {"username": "mira.testova", "user_id": "US.1", "name": ""}
        await stage.client.put(f"/_emulator/contacts/{MIRA}", json=profile)
        await stage.write()
        await stage.send(text())
        await stage.until(lambda: len(stage.statuses) == 2)
        assert [card["profile"] for card in stage.values("contacts")] == [
            {"name": "", "username": "mira.testova"},
            {"name": ""},
            {"name": "", "username": "mira.testova"},
        ]
        assert {status["recipient_user_id"] for status in stage.values("statuses")} == {"US.1"}
        assert (await stage.show("contacts/US.1"))["phone"] == MIRA
