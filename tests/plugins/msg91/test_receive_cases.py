"""Every example body on disk becomes the events and notices that lie beside it in `cases/expected`.

After a wanted change: `UPDATE_CASES=1 pytest tests/plugins/msg91`, then read the difference.
"""

from __future__ import annotations

import os

import msgspec
import pytest

from plugins.msg91.support import CASES, EXPECTED, names, receive

BODIES = names("in_", "st_")


@pytest.mark.parametrize("name", BODIES)
def test_an_example_becomes_the_expected_events(name: str) -> None:
    received = receive((CASES / name).read_bytes(), "inbound" if name.startswith("in_") else "status")
    found = msgspec.json.format(msgspec.json.encode(received), indent=1) + b"\n"
    expected = EXPECTED / name
    if "UPDATE_CASES" in os.environ:
        expected.write_bytes(found)
    assert msgspec.json.decode(found) == msgspec.json.decode(expected.read_bytes())


@pytest.mark.parametrize("name", BODIES)
def test_an_example_is_told_apart_without_an_address_of_its_own(name: str) -> None:
    body = (CASES / name).read_bytes()
    by_address = receive(body, "inbound" if name.startswith("in_") else "status")
    assert receive(body).events == by_address.events


def test_no_expectation_is_left_without_its_example() -> None:
    assert sorted(path.name for path in EXPECTED.iterdir()) == BODIES
