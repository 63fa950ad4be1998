"""Every example body on disk becomes the events and notices that lie beside it in `cases/expected`.

After a wanted change: `UPDATE_CASES=1 pytest tests/plugins/whatsapp_cloud`, then read the difference.
"""

from __future__ import annotations

import os

import msgspec
import pytest

from plugins.whatsapp_cloud.support import CASES, EXPECTED, names, receive

BODIES = names("message_", "status_", "value_", "field_", "dashboard_", "object_", "batch_")


@pytest.mark.parametrize("name", BODIES)
def test_an_example_becomes_the_expected_events(name: str) -> None:
    received = receive((CASES / name).read_bytes())
    found = msgspec.json.format(msgspec.json.encode(received), indent=1) + b"\n"
    expected = EXPECTED / name
    if "UPDATE_CASES" in os.environ:
        expected.write_bytes(found)
    assert msgspec.json.decode(found) == msgspec.json.decode(expected.read_bytes())


def test_no_expectation_is_left_without_its_example() -> None:
    assert sorted(path.name for path in EXPECTED.iterdir()) == BODIES
