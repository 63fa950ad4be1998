"""Commands that look at recorded conversations: diff --impact, replay --with, replay --export, on a real store."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from flow_tests.recorded import PHONE, ROOT, SHOP, asked_for_an_order, recording
from frontdesk.cli import cli
from frontdesk.flows.book import book_version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recorded conversation that ended, and one in `new` that stands at a question; flows to be changed."""

    async def record() -> None:
        async with recording(tmp_path / "data") as shop:
            await asked_for_an_order(shop)
            await shop.wrote("book a visit", seconds=90)

    asyncio.run(record())
    (tmp_path / "shop.toml").write_text(
        f'data_dir = "{tmp_path}/data"\n[knowledge]\nfolder = "{ROOT}/config/knowledge"\n[flows]\nfolder = ""\n'
    )
    shutil.copytree(ROOT / "config/flows", tmp_path / "flows")
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--config", str(folder / "shop.toml")])


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / "flows" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_stored_is_compared_with_a_folder(folder: Path) -> None:
    change(folder, "booking.yaml", "minimum: 1, maximum: 6", "minimum: 1, maximum: 8")
    version = book_version(SHOP)
    for stored in ("stored", f"stored:{version}"):
        found = run(folder, "flow", "diff", stored, str(folder / "flows"))
        assert found.exit_code == 0
        assert found.output.startswith("~ the step booking/ask_people: expected.maximum was “6.0” and is “8.0” now\n")
        assert "1 differences between version " + version in found.output
    lost = run(folder, "flow", "diff", "stored:0123456789abcdef", str(folder / "flows"))
    assert "version 0123456789abcdef of the flows is in no store" in str(lost.exception)


def test_the_impact_names_who_stands_on_what_is_gone(folder: Path) -> None:
    change(folder, "booking.yaml", "  ask_day:\n", "  which_day:\n")
    change(folder, "booking.yaml", "next: ask_day", "next: which_day")
    found = run(folder, "flow", "diff", "stored", str(folder / "flows"), "--impact")
    assert "Asha Verma stands at booking/ask_day, a step that is gone: stays on the old version" in found.output
    assert found.output.endswith("1 conversations stand on what is gone or of another kind\n")
    change(
        folder, "booking.yaml", "variables:\n", "migration: {from: ['*'], steps: {ask_day: which_day}}\nvariables:\n"
    )
    found = run(folder, "flow", "diff", "stored", str(folder / "flows"), "--impact", "--json")
    (concerned,) = msgspec.json.decode(found.output)["concerned"]
    assert (concerned["step"], concerned["moves_to"]) == ("ask_day", "booking/which_day")
    nobody = run(folder, "flow", "diff", "stored", "stored", "--impact")
    assert nobody.output.endswith("0 conversations stand on what is gone or of another kind\n")


def test_two_folders_need_no_store(folder: Path) -> None:
    found = CliRunner().invoke(cli, ["flow", "diff", str(ROOT / "config/flows"), str(folder / "flows"), "--json"])
    assert msgspec.json.decode(found.output)["changes"] == []
    broken = CliRunner().invoke(cli, ["flow", "diff", str(ROOT / "config/flows"), str(folder / "data")])
    assert broken.exit_code == 0, "a folder without flows is one"
    (folder / "flows" / "menu.yaml").write_text("title: [")
    broken = CliRunner().invoke(cli, ["flow", "diff", str(ROOT / "config/flows"), str(folder / "flows")])
    assert "have errors; frontdesk flow check" in str(broken.exception)


def test_a_replay_with_a_changed_file_shows_what_would_have_been_said(folder: Path) -> None:
    change(folder, "order_status.yaml", "What is your order number?", "Which order?")
    for other in (folder / "flows" / "order_status.yaml", folder / "flows"):
        found = run(folder, "replay", PHONE, "--with", str(other))
        assert found.exit_code == 0
        assert "  - bot says: What is your order number?" in found.output
        assert "  + bot says: Which order?" in found.output
        assert "would be different under version" in found.output
    as_json = run(folder, "replay", PHONE, "--with", str(folder / "flows"), "--json")
    assert msgspec.json.decode(as_json.output)["left_out"] == []
    change(folder, "order_status.yaml", "title: Order status", "titel: x")
    found = run(folder, "replay", PHONE, "--with", str(folder / "flows"))
    assert "order_status.yaml:" in str(found.exception)
    assert "The file needs the key “title”" in str(found.exception)
    found = run(folder, "replay", PHONE, "--with", str(folder / "none.yaml"))
    assert "none.yaml cannot be read" in str(found.exception)


def test_an_export_is_an_example_that_passes_beside_the_flows(folder: Path) -> None:
    file = folder / "flows" / "recorded.test.yaml"
    found = run(folder, "replay", PHONE, "--export", str(file))
    assert found.exit_code == 0, found.output
    assert "Look at it before you share it" in found.output
    assert f"it passes under version {book_version(SHOP)}" in found.output
    played = CliRunner().invoke(cli, ["flow", "test", str(folder / "flows"), "-k", "recorded"])
    assert played.exit_code == 0, played.output
    assert "Asha" not in file.read_text(encoding="utf-8")
    both = run(folder, "replay", PHONE, "--export", str(file), "--with", str(folder / "flows"))
    assert both.exit_code == 2
    assert "Give --with or --export, not both." in both.output


def test_the_plain_replay_of_a_conversation_with_flows_is_equal(folder: Path) -> None:
    found = run(folder, "replay", PHONE)
    assert found.exit_code == 0, found.output
    assert found.output.endswith(", 0 differ\n")
