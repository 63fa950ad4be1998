"""Accepted means on disk; everything else gets a clear status and is never a traceback."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from frontdesk.container import Container
from http_fixtures import ENVIRON, NUMBER, Post, signature, text_message

pytestmark = pytest.mark.anyio


async def texts(container: Container, phone: str = "15550100777") -> list[str]:
    store = container.store()
    known = await store.find("main", phone)
    if known is None:
        return []
    return [one.content.body for one in await store.messages(known) if one.author == "contact"]


async def test_a_signed_message_is_on_disk_before_the_200(container: Container, post: Post) -> None:
    response = await post(text_message("hello"))
    assert response.status_code == 200
    assert await texts(container) == ["hello"]


async def test_a_repeated_delivery_changes_nothing(container: Container, post: Post) -> None:
    for _ in range(3):
        assert (await post(text_message("hello"))).status_code == 200
    assert await texts(container) == ["hello"]


@pytest.mark.parametrize(
    "header",
    ["", "sha256=", "sha256=" + "0" * 64, "sha256=" + "0" * 63, "sha1=abc", "sha256=" + "ä" * 64, "nonsense"],
)
async def test_a_wrong_signature_is_401_and_nothing_is_kept_or_told(
    container: Container, post: Post, header: str
) -> None:
    response = await post(text_message("hello"), **{"x-hub-signature-256": header.encode()})
    assert (response.status_code, response.text) == (401, "unauthorized")
    assert await texts(container) == []


async def test_a_missing_signature_is_401(http: httpx.AsyncClient) -> None:
    response = await http.post("/webhooks/main", json=text_message("hello"))
    assert (response.status_code, response.text) == (401, "unauthorized")


async def test_an_unknown_channel_is_404(http: httpx.AsyncClient) -> None:
    assert (await http.post("/webhooks/nobody", content=b"{}")).status_code == 404


async def test_an_oversized_body_is_413_announced_or_not(http: httpx.AsyncClient) -> None:
    async def parts() -> Any:
        for _ in range(31):
            yield b"x" * 10_000

    assert (await http.post("/webhooks/main", content=b"x" * 300_001)).status_code == 413
    assert (await http.post("/webhooks/main", content=parts())).status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 50_000, b'{"a":' * 15_000, b"{}", b'{"entry": 7}'],
)
async def test_what_cannot_be_parsed_is_kept_and_answered_200(container: Container, post: Post, body: bytes) -> None:
    assert (await post(body)).status_code == 200
    kinds = [notice.kind for notice in await container.store().notices(10)]
    assert len(kinds) == 1
    assert kinds[0] in ("quarantine", "other_object")


async def test_a_wrong_content_type_costs_nothing_since_the_signature_vouches(container: Container, post: Post) -> None:
    response = await post(text_message("hello"), **{"content-type": "text/plain"})
    assert response.status_code == 200
    assert await texts(container) == ["hello"]


async def test_another_number_is_kept_as_an_alarm_and_not_answered(container: Container, post: Post) -> None:
    assert (await post(text_message("hello", number="999"))).status_code == 200
    assert await texts(container) == []
    assert [notice.is_alarm for notice in await container.store().notices(10)] == [True]


async def test_a_bad_item_does_not_cost_its_siblings(container: Container, post: Post) -> None:
    body = text_message("good")
    messages = body["entry"][0]["changes"][0]["value"]["messages"]
    messages.insert(0, {"id": 7, "from": [], "type": {}})
    messages.insert(0, "nonsense")
    body["entry"].insert(0, "nonsense")
    assert (await post(body)).status_code == 200
    assert await texts(container) == ["good"]


async def test_unknown_keys_and_kinds_are_accepted(container: Container, post: Post) -> None:
    body = text_message("good")
    value = body["entry"][0]["changes"][0]["value"]
    value["something_new"] = {"a": [1]}
    value["messages"].append({"from": "15550100777", "id": "wamid.2", "timestamp": "1793520008", "type": "hologram"})
    assert (await post(body)).status_code == 200
    known = await container.store().find("main", "15550100777")
    assert known
    kinds = [type(one.content).__name__ for one in await container.store().messages(known) if one.author == "contact"]
    assert kinds == ["Text", "Unsupported"]


async def test_while_the_store_cannot_write_it_is_503_and_then_it_recovers(container: Container, post: Post) -> None:
    await post(text_message("first", "wamid.0"))
    connection = container.store()._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    long = text_message("x" * 50_000, "wamid.1")
    response = await post(long)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    connection.execute("PRAGMA max_page_count = 1000000")
    assert (await post(long)).status_code == 200
    assert await texts(container) == ["first", "x" * 50_000]


async def test_meta_verifies_the_address(http: httpx.AsyncClient) -> None:
    right = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": ENVIRON["VERIFY"]}
    response = await http.get("/webhooks/main", params=right)
    assert (response.status_code, response.text) == (200, "1158201444")
    assert response.headers["content-type"].startswith("text/plain")
    assert (await http.get("/webhooks/main", params=right | {"hub.verify_token": "wrong"})).status_code == 403
    assert (await http.get("/webhooks/main")).status_code == 400


async def test_a_batch_of_a_thousand_is_taken_whole(container: Container, post: Post) -> None:
    body = text_message("0", "wamid.0")
    messages = body["entry"][0]["changes"][0]["value"]["messages"]
    for number in range(1, 1_000):
        messages.append(messages[0] | {"id": f"wamid.{number}", "text": {"body": str(number)}})
    assert (await post(body)).status_code == 200
    assert await texts(container) == [str(number) for number in range(1_000)]


def test_the_test_signs_as_meta_does() -> None:
    # openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef <(printf '{}')
    assert signature(b"{}").startswith("sha256=")
    assert len(signature(b"{}")) == 71
    assert NUMBER.isdigit()


async def test_a_part_behind_the_name_is_the_channels_to_know(http: httpx.AsyncClient, post: Post) -> None:
    """Meta's has none, and says so before it looks at anything else."""
    assert (await http.post("/webhooks/main/inbound", json=text_message("hello"))).status_code == 404
    assert (await http.post("/webhooks/main/in/bound", json=text_message("hello"))).status_code == 404


async def test_a_secret_that_fits_nobody_is_a_trouble_and_a_stranger_is_none(
    http: httpx.AsyncClient, post: Post
) -> None:
    async def troubles() -> list[str]:
        return list((await http.get("/readyz")).json()["troubles"])

    assert (await post(text_message("hello"), **{"x-hub-signature-256": "sha256=no"})).status_code == 401
    (trouble,) = await troubles()
    assert trouble.startswith("channel main: webhooks are refused and none is accepted: the signature does not match")
    assert (await post(text_message("hello"))).status_code == 200
    assert await troubles() == []
    assert (await post(text_message("hello"), **{"x-hub-signature-256": "sha256=no"})).status_code == 401
    assert await troubles() == []
