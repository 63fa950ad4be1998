"""A recorded conversation under changed flows: what would have been said and asked instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from flow_tests.recorded import SHOP, asked_for_an_order, recording
from frontdesk.core.policy import Policy
from frontdesk.engine.rehearsal import Rehearsal, rehearse
from frontdesk.flows.book import compile_book

pytestmark = pytest.mark.anyio


async def rehearsed(folder: Path, changed: Mapping[str, str]) -> Rehearsal:
    async with recording(folder) as shop:
        await asked_for_an_order(shop)
        known = await shop.known()
        stored = await shop.store.conversation(known)
        assert stored is not None
        return await rehearse(shop.store.journal(known), stored, Policy(), compile_book({**SHOP, **changed}))


def with_order(old: str, new: str) -> dict[str, str]:
    text = SHOP["order_status.yaml"]
    assert old in text
    return {"order_status.yaml": text.replace(old, new)}


async def test_the_same_flows_say_the_same(tmp_path: Path) -> None:
    found = await rehearsed(tmp_path, {})
    assert [one for one in found.decisions if one.differs] == []
    assert found.left_out == ()
    assert sum(bool(one.about) for one in found.decisions) == 5


async def test_other_words_are_shown_beside_the_recorded_ones(tmp_path: Path) -> None:
    found = await rehearsed(tmp_path, with_order("What is your order number?", "Which order?"))
    different = [one for one in found.decisions if one.differs]
    assert any("What is your order number?" in line for one in different for line in one.recorded)
    assert any("Which order?" in line for one in different for line in one.rehearsed)
    assert {one.about for one in different} >= {"Order status"}
    assert found.left_out == ()


async def test_the_world_still_answers_what_is_asked_at_another_place(tmp_path: Path) -> None:
    """One more message before the call: its id is another, and the recorded answer counts all the same."""
    found = await rehearsed(
        tmp_path,
        with_order("  look_up:\n", "  one_moment:\n    say: {en: One moment., hi: रुकें।}\n  look_up:\n") | {},
    )
    said = [line for one in found.decisions for line in one.rehearsed]
    assert "bot says: One moment." in said
    assert any("Order A1001 is on its way with Verma Couriers" in line for line in said)
    assert found.left_out == ()


async def test_answers_to_what_nobody_would_have_asked_are_left_out_and_told(tmp_path: Path) -> None:
    found = await rehearsed(tmp_path, with_order('path: "/orders/{{', 'path: "/parcels/{{'))
    asked = [line for one in found.decisions for line in one.rehearsed]
    assert "asks host shop: GET /parcels/A1001" in asked
    assert ("call_returned", "asks host shop: GET /orders/A1001") in [
        (one.event_type, one.of) for one in found.left_out
    ]
    assert found.state.run is not None, "it waits for an answer that nobody recorded"
