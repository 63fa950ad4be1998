"""What variables keep of a value."""

from __future__ import annotations

import pytest

from frontdesk.core.flow import Variable
from frontdesk.core.scope import fitted
from frontdesk.core.value import TEXT_CHARACTERS_MAX, Value


@pytest.mark.parametrize(
    ("variable", "value", "kept"),
    [
        (Variable(name="flow.a", longest=5), "123456", "12345"),
        (Variable(name="flow.a", longest=5), 1234567, "12345"),
        (Variable(name="flow.a", longest=5), None, None),
        (Variable(name="flow.a", longest=99_999), "x" * 9_999, "x" * TEXT_CHARACTERS_MAX),
        (Variable(name="flow.a", kind="number"), "12", 12),
        (Variable(name="flow.a", kind="number"), True, None),
        (Variable(name="flow.a", kind="yes_no"), "yes", None),
        (Variable(name="flow.a", kind="date"), "2026-12-01T10:00", "2026-12-01"),
        (Variable(name="flow.a", kind="list"), ("a", ("b", "c")), ("a", "b, c")),
        (None, "x" * 9_999, "x" * TEXT_CHARACTERS_MAX),
        (None, 3, 3),
    ],
)
def test_a_value_is_kept_as_its_variable_was_declared(variable: Variable | None, value: Value, kept: Value) -> None:
    assert fitted(value, variable) == kept
