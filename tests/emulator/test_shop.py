"""The sample shop's system, as its flows meet it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.stage import open_stage
from frontdesk.emulator.clock import now

pytestmark = pytest.mark.anyio


async def test_orders_stand_where_the_flows_expect_them() -> None:
    async with open_stage() as stage:
        found: dict[str, Any] = {}
        for number in ("A1001", "a1002", "A1003", "A1004"):
            answer = await stage.client.get(f"/_shop/orders/{number}")
            assert answer.status_code == 200
            found[answer.json()["number"]] = answer.json()
        unknown = await stage.client.get("/_shop/orders/B7")
    statuses = [(number, order["status"]) for number, order in found.items()]
    assert statuses == [
        ("A1001", "shipped"), ("A1002", "being_packed"), ("A1003", "delivered"), ("A1004", "cancelled")
    ]  # fmt: skip
    assert found["A1001"]["expected_on"] == (now().date() + timedelta(days=1)).isoformat()
    assert (found["A1001"]["carrier"], found["A1002"]["carrier"]) == ("Pigeon Parcels", None)
    assert (unknown.status_code, unknown.json()) == (404, {"error": "there is no order B7"})


async def test_a_day_has_its_times_and_sunday_none() -> None:
    async with open_stage() as stage:
        thursday = await stage.client.get("/_shop/slots?day=2026-12-24")
        sunday = await stage.client.get("/_shop/slots?day=2026-12-27")
        none = await stage.client.get("/_shop/slots?day=tomorrow")
    assert thursday.json() == {"day": "2026-12-24", "times": ["10:00", "15:00", "17:00"]}
    assert sunday.json()["times"] == []
    assert none.status_code == 400


async def test_a_booking_is_taken_once_for_each_key() -> None:
    body = {"day": "2026-12-24", "time": "10:00", "people": 2, "name": "Mira"}
    async with open_stage() as stage:

        async def book(key: str = "", **more: object) -> tuple[int, Any]:
            headers = {"Idempotency-Key": key} if key else {}
            answer = await stage.client.post("/_shop/bookings", json=body | more, headers=headers)
            return answer.status_code, answer.json()

        assert await book("k1") == (201, {"reference": "V7001"})
        assert await book("k1") == (200, {"reference": "V7001"})
        assert await book("k2") == (201, {"reference": "V7002"})
        assert await book() == (201, {"reference": "V7003"})
        assert await book() == (201, {"reference": "V7004"})
        assert (await book("k3", time="03:00"))[0] == 409
        assert (await book("k3", day="2026-12-27"))[0] == 409
        assert (await book("k3", day="soon"))[0] == 400


async def test_faults_are_asked_for_in_the_address() -> None:
    async with open_stage() as stage:
        broken = await stage.client.get("/_shop/orders/A1001?fault=500")
        began_at = now()
        slow = await stage.client.get("/_shop/orders/A1001?fault=slow&seconds=0.1")
        took = now() - began_at
    assert (broken.status_code, slow.status_code) == (500, 200)
    assert timedelta(seconds=0.1) <= took < timedelta(seconds=2)
