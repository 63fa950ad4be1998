"""`frontdesk flow check` and `frontdesk flow schema`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from flows.mistakes import OTHER
from frontdesk import __version__
from frontdesk.cli import cli
from frontdesk.flows.finding import CODES
from frontdesk.plugin import ConfigError

BROKEN = OTHER.replace("say: Hi", "say: '{{ contact.nmae }}'")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """The commands set up logging to a stderr that is gone after the test."""
    yield
    structlog.reset_defaults()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["flow", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "other.yaml").write_text(OTHER, encoding="utf-8")
    return tmp_path


def test_right_flows_are_told_with_their_version(folder: Path) -> None:
    result = run("check", str(folder))
    assert result.exit_code == 0
    assert result.output.startswith("1 flows, version ")
    assert result.output.endswith(": 0 errors, 0 warnings\n")


def test_errors_are_told_with_their_place(folder: Path) -> None:
    (folder / "other.yaml").write_text(BROKEN, encoding="utf-8")
    result = run("check", str(folder))
    assert result.exit_code == 1
    assert f"{folder}/other.yaml:4:12: error: The variable contact.nmae is not known" in result.output
    assert result.output.splitlines()[0].endswith("[unknown-variable]")
    assert result.output.endswith("1 errors, 0 warnings\n")


def test_json_is_for_scripts(folder: Path) -> None:
    (folder / "other.yaml").write_text(BROKEN, encoding="utf-8")
    result = run("check", str(folder), "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert (found["errors"], found["warnings"]) == (1, 0)
    [finding] = found["findings"]
    assert (finding["file"], finding["line"], finding["column"]) == (f"{folder}/other.yaml", 4, 12)
    assert (finding["code"], finding["severity"]) == ("unknown-variable", "error")


def test_sarif_is_for_code_hosts(folder: Path) -> None:
    (folder / "other.yaml").write_text(BROKEN, encoding="utf-8")
    log = json.loads(run("check", str(folder), "--sarif").output)
    assert log["version"] == "2.1.0"
    [told] = log["runs"]
    driver = told["tool"]["driver"]
    assert driver["semanticVersion"] == __version__
    assert [rule["id"] for rule in driver["rules"]] == list(CODES)
    [result] = told["results"]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "unknown-variable"
    assert result["level"] == "error"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"].endswith("/other.yaml")
    assert location["region"] == {"startLine": 4, "startColumn": 12}


def test_warnings_do_not_fail(folder: Path) -> None:
    (folder / "other.yaml").write_text(OTHER.replace("starts_on: {keywords: [other]}\n", ""), encoding="utf-8")
    result = run("check", str(folder))
    assert result.exit_code == 0
    assert "warning: Nothing starts this flow" in result.output


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    result = run("check", str(tmp_path / "gone"))
    assert isinstance(result.exception, ConfigError)
    assert "cannot be read" in str(result.exception)


def test_the_configuration_tells_whether_there_is_a_model(folder: Path) -> None:
    (folder / "other.yaml").write_text(OTHER.replace("keywords: [other]", "intents: [Wants it]"), encoding="utf-8")
    config = folder / "frontdesk.toml"
    config.write_text('[language_model]\nprovider = "stub_model"\n', encoding="utf-8")
    assert "no-model" not in run("check", str(folder)).output
    assert "no-model" in run("check", str(folder), "--config", str(config)).output


def test_the_schema_is_printed() -> None:
    assert json.loads(run("schema").output)["$ref"] == "#/$defs/FlowDocument"
    assert json.loads(run("schema", "--rules").output)["$ref"] == "#/$defs/RulesDocument"


def test_what_a_configured_channel_lacks_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    said = 'title: F\nstarts_on: {first_contact: true}\nsteps:\n  a: {say: {sticker: "https://x.example/a.webp"}}\n'
    (folder / "flow.yaml").write_text(said + "  b: {end: true}\n", encoding="utf-8")
    section = '[channels.{}]\nprovider = "{}"\n'
    for providers, is_told in ((("whatsapp_cloud",), False), (("whatsapp_cloud", "msg91"), True)):
        text = "".join(section.format(provider.replace("_", ""), provider) for provider in providers)
        (tmp_path / "frontdesk.toml").write_text(text, encoding="utf-8")
        output = run("check", str(folder), "--config", str(tmp_path / "frontdesk.toml")).output
        assert ("The channel msg91 cannot send this (sticker)" in output) is is_told
