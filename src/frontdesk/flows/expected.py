"""What fits as an answer: bounds that go with their kind and leave something."""

from __future__ import annotations

from typing import Any

from frontdesk.core.flow import Expected, ExpectedKind
from frontdesk.flows.steps import ExpectPart
from frontdesk.flows.texts import Texts

IS_FILE: frozenset[ExpectedKind] = frozenset({"image", "video", "audio", "document", "media"})
_KINDS: dict[str, tuple[ExpectedKind, ...]] = {
    "minimum": ("number", "text"),
    "maximum": ("number", "text"),
    "whole": ("number",),
    "earliest": ("date",),
    "latest": ("date",),
}


def read_expected(written: ExpectedKind | ExpectPart, texts: Texts) -> Expected:
    """What the step expects."""
    if not isinstance(written, ExpectPart):
        return Expected(kind=written)
    for key, kinds in _KINDS.items():
        if key in written.places and written.type not in kinds:
            sentence = f"“{key}” goes with {' or '.join(kinds)}, but {written.type} is expected; take it out."
            texts.findings.add("bounds", written.place_of(key), sentence)
    if written.test and written.type in IS_FILE:
        sentence = f"Of an answer of the kind {written.type} there is nothing to test; take the test out."
        texts.findings.add("test-without-value", written.place_of("test"), sentence)
    _check_bounds(written, texts)
    return Expected(
        kind=written.type,
        minimum=_number(written.minimum),
        maximum=_number(written.maximum),
        is_whole=written.whole,
        earliest=texts.expression_or_none(written.earliest),
        latest=texts.expression_or_none(written.latest),
        test=texts.expression_or_none(written.test),
    )


def _check_bounds(written: ExpectPart, texts: Texts) -> None:
    least, most = written.minimum, written.maximum
    if least is not None and most is not None and least > most:
        sentence = "The minimum is above the maximum, so that nothing fits; change one of them."
        texts.findings.add("bounds", written.place_of("minimum"), sentence)
    if written.type == "text" and most is not None and most < 1:
        sentence = "No text is that short; make the maximum at least 1."
        texts.findings.add("bounds", written.place_of("maximum"), sentence)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
