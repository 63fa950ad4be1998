"""`frontdesk flow test`, as people and build servers use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from frontdesk.cli import cli

ROOT = Path(__file__).parent.parent.parent
FLOW = "title: Shop\nstarts_on: {keywords: [go]}\nsteps:\n  a: {say: Gone.}\n  b: {end: true}\n"
RIGHT = "- name: right\n  talk: [{customer: go}, {bot: Gone.}]\n"
WRONG = '- name: "wrong \\x01"\n  talk:\n    - customer: go\n    - bot: Come.\n'.replace("\\x01", "&<")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(FLOW)
    (tmp_path / "shop.test.yaml").write_text(RIGHT + WRONG)
    return tmp_path


def run(*arguments: str | Path) -> tuple[int, str]:
    found = CliRunner().invoke(cli, ["flow", "test", *map(str, arguments)])
    return found.exit_code, found.output


def test_the_sample_shop_is_covered() -> None:
    status, out = run(ROOT / "config/flows", "--min-coverage", "90", "--json")
    found = msgspec.json.decode(out)
    assert status == 0
    assert found["failed"] == 0
    assert found["coverage"]["ways_percent"] >= 90
    assert found["coverage"]["steps_percent"] >= 90
    hindi = [one for one in found["examples"] if "Hindi" in one["name"]]
    assert len(hindi) >= 6


def test_a_failure_shows_the_talk_and_the_line(folder: Path) -> None:
    status, out = run(folder)
    assert status == 1
    assert "shop.test.yaml: 1 passed, 1 failed" in out
    assert "  customer  go\n-      bot  Come.\n+      bot  Gone.\n" in out
    assert f"{folder}/shop.test.yaml:6:7: the bot says something else than this line expects" in out
    assert out.endswith("1 passed, 1 failed\n")


def test_one_example_is_chosen_by_its_name_and_coverage_is_not_asked_for(folder: Path) -> None:
    assert run(folder, "-k", "right", "--min-coverage", "100")[0] == 0
    assert run(folder, "-k", "wrong")[0] == 1
    status, out = run(folder, "-k", "nothing")
    assert status == 1
    assert "has no example with “nothing”; write one." in out


def test_too_little_coverage_is_a_failure(folder: Path) -> None:
    (folder / "shop.test.yaml").write_text(RIGHT)
    (folder / "shop.yaml").write_text(FLOW + "  c: {end: true}\n")
    assert run(folder, "--min-coverage", "60")[0] == 0
    status, out = run(folder, "--min-coverage", "70")
    assert status == 1
    assert "shop.yaml:6: the step “c” is never performed" in out
    assert "less than 70 % is covered" in out


def test_build_servers_read_junit(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--junit", tmp_path / "out.xml")[0] == 1
    root = ET.parse(tmp_path / "out.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    right, wrong = root.findall("testsuite/testcase")
    assert (right.get("name"), right.find("failure")) == ("right", None)
    assert wrong.get("line") == "3"
    failure = wrong.find("failure")
    assert failure is not None
    assert failure.get("message") == "the bot says something else than this line expects"
    assert "+      bot  Gone." in (failure.text or "")
    found = CliRunner().invoke(cli, ["flow", "test", str(folder), "--junit", str(tmp_path / "no/where.xml")])
    assert "where.xml cannot be written (No such file or directory); name another file" in str(found.exception)


def test_scripts_read_json(folder: Path) -> None:
    status, out = run(folder, "--json")
    found: dict[str, Any] = msgspec.json.decode(out)
    assert status == 1
    assert [one["passed"] for one in found["examples"]] == [True, False]
    assert found["examples"][1]["failure"]["line"] == 6
    assert found["flows"]["shop"]["steps_all"] == 2


def test_what_cannot_be_read_is_told_and_nothing_is_played(folder: Path) -> None:
    (folder / "shop.test.yaml").write_text("- name: x\n  talkk: []\n")
    status, out = run(folder)
    assert status == 1
    assert "shop.test.yaml:2:3: error: There is no key “talkk” here; did you mean talk" in out
    (folder / "shop.yaml").write_text("title: [")
    status, out = run(folder, "--json")
    assert status == 1
    assert msgspec.json.decode(out)["errors"] >= 2


def test_it_is_played_again_when_a_file_changes_until_it_is_ended(folder: Path) -> None:
    command = [sys.executable, "-m", "frontdesk", "flow", "test", str(folder), "--watch"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("1 passed, 1 failed") for line in lines)
        (folder / "shop.test.yaml").write_text(RIGHT)
        assert any(line.startswith("1 passed, 0 failed") for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
