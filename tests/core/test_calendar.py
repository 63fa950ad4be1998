"""The dates that contacts write."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest

from frontdesk.core.calendar import read_date

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24", "2026-12-24"),
        ("on 2026-12-24 please", "2026-12-24"),
        ("24.12.", "2026-12-24"),
        ("24.12.2027", "2027-12-24"),
        ("24/12/27", "2027-12-24"),
        ("25.11.", "2027-11-25"),  # this year's is past
        ("26.11.", "2026-11-26"),
        ("12/24", "2026-12-24"),  # cannot be meant in the order of the business
        ("29 feb", "2028-02-29"),
        ("29.2.2027", None),
        ("31.2.", None),
        ("0.1.", None),
        ("24.12. or 25.12.", None),
        ("2026-12-24 or 2026-12-25", None),
        ("2026-13-01", None),
        ("today", "2026-11-26"),
        ("Tomorrow!", "2026-11-27"),
        ("the day after tomorrow", "2026-11-28"),
        ("übermorgen", "2026-11-28"),
        ("mañana", "2026-11-27"),
        ("आज", "2026-11-26"),
        ("on Friday", "2026-11-27"),
        ("thursday", "2026-12-03"),  # today's name means the next one
        ("शुक्रवार", "2026-11-27"),
        ("friday or saturday", None),
        ("friday at 5", None),
        ("24 Dec", "2026-12-24"),
        ("December 24th, 2027", "2027-12-24"),
        ("1er janvier", "2027-01-01"),
        ("24 दिसंबर", "2026-12-24"),
        ("friday 24 dec", "2026-12-24"),
        ("1 or 2 dec", None),
        ("dec", None),
        ("24 dec 2026 2027", None),
        ("123 dec", None),
        ("24 dec jan", None),
        ("२४.१२.२०२६", "2026-12-24"),
        ("5", None),
        ("", None),
        ("x" * 200 + " today", None),
    ],
)
def test_a_date_as_people_write_it(text: str, expected: str | None) -> None:
    found = read_date(text, THURSDAY, "DMY")
    assert (found.isoformat() if found else None) == expected


@pytest.mark.parametrize(("order", "expected"), [("DMY", "2026-12-05"), ("MDY", "2027-05-12")])
def test_the_order_of_the_business_decides(order: Literal["DMY", "MDY"], expected: str) -> None:
    found = read_date("5/12", THURSDAY, order)
    assert found is not None
    assert found.isoformat() == expected
