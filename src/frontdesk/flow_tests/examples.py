"""The examples in the test files of a folder, or what is wrong with these files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from frontdesk.flow_tests.document import CallAnswerPart, ExamplePart, GivenPart
from frontdesk.flows.book import TEST_SUFFIX
from frontdesk.flows.finding import START, Finding, Findings, bounded
from frontdesk.flows.shape import read_shape
from frontdesk.flows.yaml import Listed, Mapped, Node, Plain, Written, YamlError, read_yaml


class Example(Struct, frozen=True, kw_only=True, eq=False):
    """One conversation that was written down, and in which file."""

    file: str
    part: ExamplePart

    @property
    def name(self) -> str:
        """What it shows."""
        return str(self.part.name)


class Examples(Struct, frozen=True, kw_only=True, eq=False):
    """What came of reading; `found` is not to be played where there are findings."""

    found: tuple[Example, ...]
    findings: tuple[Finding, ...]


def read_examples(sources: Mapping[str, str]) -> Examples:
    """Read all `*.test.yaml` among the files of a folder, by name; others are passed over. Raises nothing."""
    found: list[Example] = []
    findings: list[Finding] = []
    for name in sorted(sources):
        if name.endswith(TEST_SUFFIX):
            noted = Findings(name)
            found.extend(Example(file=name, part=part) for part in _read(sources[name], noted))
            findings.extend(noted.found)
    return Examples(found=tuple(found), findings=bounded(findings))


def _read(text: str, findings: Findings) -> list[ExamplePart]:
    try:
        node = read_yaml(text)
    except YamlError as error:
        findings.add("yaml", error.place, error.sentence)
        return []
    if not isinstance(node, Listed):
        sentence = "A file of tests is a list of examples; begin the first with - name: and its talk: below."
        findings.add("wrong-value", START, sentence)
        return []
    parts = [read_shape(item, ExamplePart, findings, "An example") for item in node.items]
    read = [part for part in parts if part is not None]
    names: dict[str, ExamplePart] = {}
    for part in read:
        _check(part, findings)
        if names.setdefault(part.name, part) is not part:
            sentence = f"Two examples are called “{part.name[:60]}”; give this one a name of its own."
            findings.add("wrong-value", part.name.place, sentence)
    return read


def _check(part: ExamplePart, findings: Findings) -> None:
    """What the shape cannot tell."""
    given = part.given or GivenPart()
    if given.at:
        try:
            datetime.fromisoformat(given.at)
        except ValueError:
            findings.add("wrong-value", given.at.place, f"There is no moment {given.at}; correct it.")
    for calls in given.calls.values():
        for call, answers in calls.items():
            _check_answers(call, answers, findings)
    for line in part.talk:
        said = getattr(line, "bot", None)
        if said == "" or (not isinstance(said, str | None) and not said.places):
            findings.add("wrong-value", line.place, "This line says nothing of the message; write its words.")


def _check_answers(call: Written, answers: Any, findings: Findings) -> None:
    """A call that fails has no answer besides."""
    for answer in answers if isinstance(answers, list) else [answers]:
        if isinstance(answer, CallAnswerPart) and answer.fails is not None and len(answer.places) > 1:
            sentence = f"{call} cannot fail and be answered at once; take out fails, or what stands beside it."
            findings.add("wrong-value", answer.place, sentence)


def plain(node: Node) -> Any:
    """A tree of the file as plain data, as JSON has it."""
    match node:
        case Written():
            return str(node)
        case Plain():
            return node.value
        case Listed():
            return [plain(item) for item in node.items]
        case Mapped():
            return {str(key): plain(value) for key, value in node.entries.items()}
