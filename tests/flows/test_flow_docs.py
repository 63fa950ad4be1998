"""`docs/flows.md` is true: its examples are checked, its tables are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.core.functions import FUNCTIONS
from frontdesk.core.wording import FILTERS
from frontdesk.flow_tests.document import ExamplePart, ExpectedPart, GivenPart
from frontdesk.flow_tests.examples import read_examples
from frontdesk.flows.book import read_book
from frontdesk.flows.document import (
    ArgumentPart,
    FlowDocument,
    HoursPart,
    InterruptPart,
    MigrationPart,
    RulesDocument,
    SentencesPart,
    StartsOnPart,
    ToolPart,
    VariablePart,
)
from frontdesk.flows.facts import LIMITS
from frontdesk.flows.finding import CODES
from frontdesk.flows.read_rules import SENTENCES
from frontdesk.flows.shape import Part, keys, split, takes, verbs
from frontdesk.flows.steps import (
    SAID,
    STEPS,
    AnswerPart,
    CallPart,
    CardDetails,
    EndPart,
    ExpectPart,
    HandOffPart,
    LinkDetails,
    LocationDetails,
    OptionPart,
    SilencePart,
    TemplateDetails,
    WayOutPart,
)
from frontdesk.flows.variables import BUILT_IN, LONGEST, MEANINGS

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "flows.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml([^\n]*)\n(.*?)```", DOCUMENT, re.DOTALL)
FILES = dict(re.findall(r"```yaml\n# ([a-z_]+\.yaml)\n(.*?)```", DOCUMENT, re.DOTALL))
FRAGMENTS = [text for name, text in BLOCKS if name.strip() == "step"]
EXAMPLES = [text for name, text in BLOCKS if name.strip() == "test"]

PARTS: dict[str, type[Part]] = {
    "A flow file": FlowDocument,
    "`starts_on`": StartsOnPart,
    "`migration`": MigrationPart,
    "A variable": VariablePart,
    "`expect`": ExpectPart,
    "`options`": OptionPart,
    "`silence`": SilencePart,
    "`way_out`": WayOutPart,
    "`template`": TemplateDetails,
    "`location`": LocationDetails,
    "`card`": CardDetails,
    "`link`": LinkDetails,
    "What `call` asks": CallPart,
    "How to `answer`": AnswerPart,
    "What is handed off": HandOffPart,
    "What `end` gives back": EndPart,
    "`rules.yaml`": RulesDocument,
    "`hours`": HoursPart,
    "`interrupts`": InterruptPart,
    "`sentences`": SentencesPart,
    "A tool": ToolPart,
    "What a tool is given": ArgumentPart,
    **{f"`{'` / `'.join(verbs(part))}`": part for part in STEPS},
}


def key_rows(part: type[Part]) -> list[list[str]]:
    rows = []
    verb = [*verbs(part), ""][0]
    for key, field in sorted(keys(part).items(), key=lambda one: (one[0] != verb, one[0] == "next")):
        _, meta, _ = split(field.type)
        meaning = (meta.description or "").replace("|", "\\|") if meta else ""
        rows.append([f"`{key}`" + (" (required)" if field.required else ""), takes(field.type), meaning])
    return rows


TABLES: dict[str, list[list[str]]] = {
    **{heading: key_rows(part) for heading, part in PARTS.items()},
    "What can be said": [[f"`{verbs(part)[0]}`", *[", ".join(f"`{key}`" for key in list(keys(part))[1:])],
                          " ".join((part.__doc__ or "").split())] for part in SAID],
    "Built-in variables": [[f"`{name}`", variable.kind, str(variable.longest), MEANINGS[name]]
                           for name, variable in BUILT_IN.items()],
    "Kinds of variables": [[f"`{kind}`", str(longest)] for kind, longest in LONGEST.items()],
    "Functions": [[f"`{name}`", f"`{function.usage}`"] for name, function in FUNCTIONS.items()],
    "Filters": [[f"`{name}`", f"`{usage}`"] for name, usage in FILTERS.items()],
    "Limits": [[limit.noun, str(limit.characters)] for limit in LIMITS],
    "Findings": [[f"`{code}`", kind.severity, kind.meaning.replace("|", "\\|")] for code, kind in CODES.items()],
    "What the rules say by themselves": [[f"`{name}`", text] for name, text in SENTENCES.items()],
}  # fmt: skip


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, heading
    rows = [line.strip()[1:-1] for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows[2:]]


@pytest.mark.parametrize("heading", TABLES)
def test_the_tables_are_those_of_the_code(heading: str) -> None:
    wanted = [[cell.strip() for cell in row] for row in TABLES[heading]]
    assert [row[: len(wanted[0])] for row in table(heading)] == wanted  # a column more may explain


def test_the_examples_are_right() -> None:
    assert {"rules.yaml", "order_status.yaml"} <= set(FILES)
    assert "tools.yaml" in FILES
    assert read_book(FILES, hosts=["shop"]).findings == ()


@pytest.mark.parametrize("text", FRAGMENTS)
def test_the_steps_in_the_examples_are_right(text: str) -> None:
    indented = "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
    flow = (
        "title: Example\nstarts_on: {first_contact: true}\n"
        "variables: {flow.day: date, flow.status: {type: text, longest: 60}, flow.count: {type: number, default: 0}}\n"
        f"steps:\n{indented}  people: {{hand_off: true}}\n  leave: {{end: true}}\n"
    )
    called = (
        "title: Called\nsteps:\n  a: {say: Hi}\n  z: {end: true}\nvariables: {flow.party: {type: number, default: 1}}\n"
    )
    found = read_book({"example.yaml": flow, "book_table.yaml": called}, hosts=["shop"]).findings
    expected = {"unreachable-step", "never-read", "never-set", "never-started"}  # of what a fragment leaves out
    assert [one for one in found if one.code not in expected] == []


def test_the_examples_of_conversations_can_be_read_and_show_every_key() -> None:
    examples = read_examples({"x.test.yaml": "\n".join(EXAMPLES)})
    assert examples.findings == ()
    shown = {str(key) for example in examples.found for part in _parts(example.part) for key in part.places}
    for part in (ExamplePart, GivenPart, ExpectedPart):
        assert keys(part).keys() <= shown


def _parts(part: Part) -> Iterator[Part]:
    yield part
    for value in (getattr(part, name) for name in part.__struct_fields__):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Part):
                yield from _parts(one)


def test_every_fragment_is_a_file_a_step_or_an_example() -> None:
    assert FRAGMENTS
    assert len(BLOCKS) == len(FILES) + len(FRAGMENTS) + len(EXAMPLES)
