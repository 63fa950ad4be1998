"""What is wrong with authored files: one sentence with the cure, at its place, under a code that stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

FINDINGS_MAX = 200

Severity = Literal["error", "warning"]


class Place(Struct, frozen=True, order=True):
    """Where something stands in its file, both from 1."""

    line: int
    column: int


START = Place(1, 1)


class Code(Struct, frozen=True):
    """A kind of finding: how much it weighs, and what it says in general."""

    severity: Severity
    meaning: str


CODES: dict[str, Code] = {
    "yaml": Code("error", "The file is no YAML, or uses more of YAML than flows need: anchors, tags, duplicate keys …"),
    "file-name": Code("error", "A file's name is no name for a flow."),
    "unknown-key": Code("error", "A key that is not known here."),
    "missing-key": Code("error", "A key that must be there is not."),
    "wrong-value": Code("error", "A value of the wrong kind, or outside of what is allowed."),
    "two-verbs": Code("error", "A step or a message that is two things at once."),
    "no-verb": Code("error", "A step or a message that is nothing: none of its keys says what it does."),
    "expression": Code("error", "An expression cannot be read."),
    "wording": Code("error", "A text cannot be read: something between {{ and }} is wrong."),
    "unknown-step": Code("error", "A step is named that the flow does not have."),
    "dead-end": Code("error", "A step or an option does not say where it leads, and no step follows."),
    "bounds": Code("error", "Bounds of an answer that do not fit its kind, or that nothing can meet."),
    "test-without-value": Code("error", "A test of an answer in which there is nothing to test: a file."),
    "hours": Code("error", "Hours that overlap, or end before they begin."),
    "unknown-time-zone": Code("error", "A time zone that is not known."),
    "unknown-flow": Code("error", "A flow is named that is not there."),
    "unknown-host": Code("error", "A host is called that the configuration does not list."),
    "unknown-tool": Code("error", "A tool is listed that is not there."),
    "unconfirmed-tool": Code("error", "A tool changes something, and the contact is not asked before."),
    "unknown-variable": Code("error", "A variable is used that nobody declared."),
    "read-only-variable": Code("error", "A variable is set that only Frontdesk sets."),
    "declared-twice": Code("error", "A variable is declared in two files, and differently."),
    "wrong-scope": Code("error", "A variable is declared where its scope makes no sense."),
    "unknown-language": Code("error", "A text in a language that the rules do not name."),
    "missing-translation": Code("warning", "A text lacks one of the languages; the contact reads another."),
    "one-language": Code("warning", "A text is the same for all languages although there are several."),
    "too-long": Code("error", "A text can become longer than WhatsApp takes."),
    "empty-text": Code("error", "A text that must say something is empty."),
    "many-options": Code("warning", "More than ten options: WhatsApp has no such list, so numbered text is sent."),
    "same-title": Code("error", "Two options read the same in a language."),
    "same-trigger": Code("error", "Two flows start with the same thing."),
    "empty-phrase": Code("error", "A keyword or phrase has no letters or digits, so nobody can write it."),
    "long-phrase": Code("error", "A keyword has more words than messages that are searched for keywords."),
    "channel-lacks": Code("warning", "A channel cannot send what is said."),
    "no-model": Code("warning", "An intent needs a language model, and none is configured."),
    "not-https": Code("error", "A link does not begin with https://."),
    "template-parameter": Code("error", "A template's parameter is empty, or has line breaks, tabs or many blanks."),
    "call-path": Code("error", "A call's path does not begin with one /, or a method without body is given one."),
    "unreachable-step": Code("warning", "No way leads to a step."),
    "never-started": Code("warning", "Nothing starts a flow."),
    "endless-loop": Code("error", "Steps lead in a circle on which the contact never has a turn."),
    "deep-recursion": Code("error", "Flows call one another more than eight deep."),
    "service-window": Code("warning", "Free text after 23 hours or more; by then only templates may be sent."),
    "never-read": Code("warning", "A variable is set and never used."),
    "never-set": Code("warning", "A variable is used, and neither set nor given a default."),
}  # fmt: skip


class Finding(Struct, frozen=True, kw_only=True, order=True):
    """One thing that is wrong. `file` as it was given; `line` and `column` from 1."""

    file: str
    line: int
    column: int
    code: str
    sentence: str

    @property
    def severity(self) -> Severity:
        """An error keeps the flows from being used, a warning does not."""
        return CODES[self.code].severity

    @property
    def is_error(self) -> bool:
        """Whether it keeps the flows from being used."""
        return self.severity == "error"


class Findings:
    """Collects what is found in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Finding] = []

    def add(self, code: str, place: Place, sentence: str) -> None:
        """Note a finding; `code` is one of `CODES`."""
        assert code in CODES, code  # noqa: S101 -- or its severity would be unknown
        finding = Finding(file=self.file, line=place.line, column=place.column, code=code, sentence=sentence)
        self.found.append(finding)


def bounded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By place, each once, not more than 200: where there are more, errors are kept before warnings."""
    ordered = sorted(set(findings))
    if len(ordered) > FINDINGS_MAX:
        ordered = sorted(sorted(ordered, key=lambda one: not one.is_error)[:FINDINGS_MAX])
    return tuple(ordered)


def as_lines(findings: Iterable[Finding], folder: str = "") -> list[str]:
    """For people and editors: `folder/file:line:column: error: sentence [code]`."""
    return [
        f"{folder}{one.file}:{one.line}:{one.column}: {one.severity}: {one.sentence} [{one.code}]" for one in findings
    ]


def as_json(findings: Sequence[Finding], folder: str = "") -> bytes:
    """For scripts: `{"errors": 1, "warnings": 0, "findings": [{"file": …, "line": …, …}]}`."""
    rows = [{**msgspec.structs.asdict(one), "file": folder + one.file, "severity": one.severity} for one in findings]
    errors = sum(one.is_error for one in findings)
    return msgspec.json.encode({"errors": errors, "warnings": len(findings) - errors, "findings": rows})


def as_sarif(findings: Sequence[Finding], version: str, folder: str = "") -> bytes:
    """For code hosts: a log of SARIF 2.1.0 with one run. `folder` is put before each file's name."""
    rules = [
        {"id": code, "shortDescription": {"text": kind.meaning}, "defaultConfiguration": {"level": kind.severity}}
        for code, kind in CODES.items()
    ]
    places = {code: number for number, code in enumerate(CODES)}
    driver = {"name": "frontdesk flow check", "semanticVersion": version, "rules": rules}
    results = [_result(one, places[one.code], folder) for one in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return msgspec.json.encode(log)


def _result(finding: Finding, rule: int, folder: str) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    location = {"artifactLocation": {"uri": quote(folder + finding.file)}, "region": region}
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": finding.sentence},
        "locations": [{"physicalLocation": location}],
    }
