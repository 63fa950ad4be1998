"""The schema accepts what is right and refuses what is wrong in shape, as the reader does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flows.mistakes import HEAD, LANGUAGES, SHAPES, Mistake, steps
from frontdesk.flows.document import FlowDocument, RulesDocument
from frontdesk.flows.schema import flow_schema, rules_schema, tools_schema
from frontdesk.flows.shape import keys
from frontdesk.flows.yaml import Listed, Mapped, Node, Plain, read_yaml

SHOP = Path(__file__).parent / "examples" / "shop"
FLOW = jsonschema.Draft202012Validator(flow_schema())
RULES = jsonschema.Draft202012Validator(rules_schema())


def plain(node: Node) -> Any:
    """As an editor's YAML reader would give it."""
    match node:
        case Mapped():
            return {str(key): plain(value) for key, value in node.entries.items()}
        case Listed():
            return [plain(item) for item in node.items]
        case Plain():
            return node.value
        case text:
            return str(text)


def errors(text: str, validator: jsonschema.Draft202012Validator = FLOW) -> list[str]:
    return [error.message for error in validator.iter_errors(plain(read_yaml(text)))]


@pytest.mark.parametrize("schema", [flow_schema(), rules_schema(), tools_schema()], ids=["flow", "rules", "tools"])
def test_the_schema_is_a_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", sorted(SHOP.glob("*.yaml")), ids=lambda path: path.name)
def test_what_is_right_is_accepted(path: Path) -> None:
    assert errors(path.read_text(encoding="utf-8"), RULES if path.name == "rules.yaml" else FLOW) == []


BEYOND_A_SCHEMA = {  # what depends on another key, and a file's name
    "a default of another kind", "a call for ever", "no way into an answer",
    "a silence for nothing", "no silence at all", "a default of a list",
    "a hostile name",
}  # fmt: skip


@pytest.mark.parametrize(
    "mistake", [one for one in SHAPES if one.name not in BEYOND_A_SCHEMA], ids=lambda one: one.name
)
def test_what_is_wrong_in_shape_is_refused(mistake: Mistake) -> None:
    assert errors(mistake.text)


MORE = [
    steps("a: {set: {}}", "z: {end: true}"),
    steps("a: {branch: []}", "z: {end: true}"),
    steps("a: {branch: [{if: 'true'}]}", "z: {end: true}"),
    steps("a: {consent: {a: true, b: false}}", "z: {end: true}"),
    steps("a: {resolve: false}"),
    steps("a: {end: yes}"),
    steps("a: {hand_off: {priority: soon}}"),
    steps("a: {call: {host: h, path: /, method: TRACE}}", "z: {end: true}"),
    steps("a: {call: {host: h}}", "z: {end: true}"),
    steps("a: {flow: other, with: [1]}", "z: {end: true}"),
    steps("a: {wait: {until: closed}}", "z: {end: true}"),
    steps("a: {say: {template: {name: Not A Name}}}", "z: {end: true}"),
    steps("a: {say: {link: {text: T, url: u}}}", "z: {end: true}"),
    steps("a: {choose: Hm?}", "z: {end: true}"),
    steps("a: {choose: Hm?, options: {b: {description: D}}}", "z: {end: true}"),
    steps("a: {untagg: [x]}", "z: {end: true}"),
    steps("a: {next: z}", "z: {end: true}"),
    HEAD + "variables: {a: text}\nsteps: {z: {end: true}}\n",
    HEAD + "variables: {flow.a: {type: colour}}\nsteps: {z: {end: true}}\n",
    HEAD + "migration: {steps: {a: b}}\nsteps: {z: {end: true}}\n",
    "title: F\nstarts_on: {keywords: order}\nsteps: {z: {end: true}}\n",
    "title: F\nstarts_on: {keywords: {english: [order]}}\nsteps: {z: {end: true}}\n",
]


@pytest.mark.parametrize("text", MORE)
def test_more_that_is_wrong_in_shape_is_refused_by_both(text: str) -> None:
    from frontdesk.flows.book import read_book

    assert errors(text)
    codes = {"wrong-value", "missing-key", "unknown-key", "no-verb"}
    assert any(one.code in codes for one in read_book({"flow.yaml": text}).findings)


@pytest.mark.parametrize("name", ["hours that are none"])
def test_wrong_rules_are_refused(name: str) -> None:
    mistake = next(one for one in LANGUAGES if one.name == name)
    assert errors(mistake.others["rules.yaml"], RULES)
    assert errors("language: en\n", RULES)
    assert errors("country: India\n", RULES)
    assert errors("languages: [english]\n", RULES)
    assert errors("sentences: {misfitt: x}\n", RULES)


def test_every_key_says_what_it_means() -> None:
    for schema in (flow_schema(), rules_schema(), tools_schema()):
        for name, part in schema["$defs"].items():
            assert part["description"], name
            for key, value in part["properties"].items():
                assert value.get("description", "").endswith("."), (name, key)
    assert set(flow_schema()["$defs"]["FlowDocument"]["properties"]) == set(keys(FlowDocument))
    assert set(rules_schema()["$defs"]["RulesDocument"]["properties"]) == set(keys(RulesDocument))
