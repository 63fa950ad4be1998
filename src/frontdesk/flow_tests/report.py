"""What came of the examples, for people, for scripts, and for what reads JUnit's XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import msgspec

from frontdesk.flow_tests.playing import Outcome, Row
from frontdesk.flow_tests.running import Results
from frontdesk.flow_tests.ways import Covered

MISSING_MAX = 50
"""Places that are listed; there is no use in more at once."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS = {"expected": "-", "unexpected": "+"}
_STYLES = {"expected": "red", "unexpected": "green", "customer": "cyan", "agent": "magenta", "wait": "dim"}
_NAMES = {"expected": "bot", "unexpected": "bot"}

Styled = tuple[str, str]
"""A line, and the style in which a terminal shows it."""


def as_lines(results: Results, folder: str = "", least_percent: float = 0.0) -> Iterator[Styled]:
    """For people. `folder` is put before the names of files."""
    for file, outcomes in results.by_file().items():
        failed = sum(one.failure is not None for one in outcomes)
        told = f"{len(outcomes) - failed} passed" + (f", {failed} failed" if failed else "")
        yield f"{folder}{file}: {told}", "red" if failed else ""
    for outcome in results.failed:
        yield "", ""
        yield from _failure(outcome, folder)
    yield "", ""
    yield from _coverage(results, folder, least_percent)
    passed, failed = len(results.outcomes) - len(results.failed), len(results.failed)
    yield f"{passed} passed, {failed} failed", "bold red" if failed else "bold green"


def _failure(outcome: Outcome, folder: str) -> Iterator[Styled]:
    yield f"{outcome.example.name}", "bold"
    for row in outcome.rows:
        yield from _row(row)
    failure = outcome.failure
    if failure is not None:
        yield f"{_where(outcome, folder)}: {failure.sentence}", "red"
        for line in failure.cure:
            yield f"    {line}", "yellow"


def _where(outcome: Outcome, folder: str) -> str:
    place = outcome.failure.place if outcome.failure else outcome.example.part.place
    return f"{folder}{outcome.example.file}:{place.line}:{place.column}"


def _row(row: Row) -> Iterator[Styled]:
    who = _NAMES.get(row.who, row.who)
    for number, line in enumerate(row.text.split("\n")):
        begin = f"{_MARKS.get(row.who, ' ')} {who if number == 0 else '':>8}  "
        yield f"{begin}{line}".rstrip(), _STYLES.get(row.who, "")


def _coverage(results: Results, folder: str, least_percent: float) -> Iterator[Styled]:
    whole = results.covered
    for one in (*results.coverage, whole):
        yield f"{one.name:24} {_counted(one)}", "bold" if one is whole else ""
    for file, line, what in whole.missing[:MISSING_MAX]:
        yield f"{folder}{file}:{line}: {what}", "yellow"
    if len(whole.missing) > MISSING_MAX:
        yield f"and {len(whole.missing) - MISSING_MAX} more; --json lists all", "yellow"
    if results.lacks(least_percent):
        yield f"less than {least_percent:g} % is covered; write an example for what is listed above", "bold red"


def _counted(one: Covered) -> str:
    steps = f"{one.steps:3} of {one.steps_all:3} steps {one.steps_percent:5.1f} %"
    return f"{steps}   {one.ways:3} of {one.ways_all:3} ways {one.ways_percent:5.1f} %"


def as_json(results: Results, folder: str = "") -> bytes:
    """For scripts."""
    examples = [
        {
            "file": folder + one.example.file,
            "line": one.example.part.place.line,
            "name": one.example.name,
            "passed": one.failure is None,
            **({"failure": _failed(one)} if one.failure else {}),
        }
        for one in results.outcomes
    ]
    coverage = {one.name: _covered(one, folder) for one in results.coverage}
    whole = {"failed": len(results.failed), "coverage": _covered(results.covered, folder)}
    return msgspec.json.encode({**whole, "examples": examples, "flows": coverage})


def _failed(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure
    assert failure is not None  # noqa: S101 -- its caller looked
    return {
        "line": failure.place.line,
        "column": failure.place.column,
        "sentence": failure.sentence,
        "cure": list(failure.cure),
        "talk": [[row.who, row.text] for row in outcome.rows],
    }


def _covered(one: Covered, folder: str) -> dict[str, Any]:
    missing = [{"file": folder + file, "line": line, "what": what} for file, line, what in one.missing]
    return {
        "steps": one.steps,
        "steps_all": one.steps_all,
        "steps_percent": round(one.steps_percent, 1),
        "ways": one.ways,
        "ways_all": one.ways_all,
        "ways_percent": round(one.ways_percent, 1),
        "missing": missing,
    }


def as_junit(results: Results, folder: str = "") -> bytes:
    """For build servers: a suite for each file, a case for each example."""
    root = ET.Element(
        "testsuites", name="frontdesk flow test", tests=str(len(results.outcomes)), failures=str(len(results.failed))
    )
    for file, outcomes in results.by_file().items():
        failed = sum(one.failure is not None for one in outcomes)
        suite = ET.SubElement(
            root, "testsuite", name=folder + file, tests=str(len(outcomes)), failures=str(failed), errors="0"
        )
        for one in outcomes:
            case = ET.SubElement(
                suite, "testcase", classname=file.removesuffix(".test.yaml"), name=_xml(one.example.name)
            )
            case.set("file", folder + file)
            case.set("line", str(one.example.part.place.line))
            if one.failure is not None:
                told = ET.SubElement(case, "failure", message=_xml(one.failure.sentence), type="failure")
                told.text = _xml("\n".join(line for line, _ in _failure(one, folder)))
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _xml(text: str) -> str:
    """Without the characters that no XML may hold."""
    return _NOT_IN_XML.sub("�", text)
