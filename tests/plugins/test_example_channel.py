"""A plugin of somebody else's: built, installed into a fresh environment, found by its entry point, and put to use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "plugins" / "example_channel"
README = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")

CONFIGURATION = """
data_dir = "{folder}/data"
[flows]
folder = ""
[knowledge]
folder = "{folder}"
[channels.main]
provider = "example_channel"
secret = {{ env = "EXAMPLE_SECRET" }}
"""


class Fresh:
    """An environment of its own that borrows what is installed here, for nothing may be downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "environment" / "bin" / "python"
        venv.create(folder / "environment", with_pip=False, symlinks=True)
        borrowed = sysconfig.get_paths()["purelib"]
        site = subprocess.run(
            [self.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        (Path(site) / "borrowed.pth").write_text(f"import site; site.addsitedir({borrowed!r})\n", encoding="utf-8")
        shutil.copytree(EXAMPLE, folder / "example_channel")
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--no-index", "--no-deps",
             "--no-build-isolation", "--disable-pip-version-check", str(folder / "example_channel")],
            check=True, env=self._environ,
        )  # fmt: skip

    @property
    def _environ(self) -> dict[str, str]:
        return {**os.environ, "EXAMPLE_SECRET": "a word of ours", "FRONTDESK_LOG": "error"}

    def run(self, *words: str) -> str:
        """What a command in the environment prints, its errors included."""
        done = subprocess.run(
            [self.python, "-P", "-m", *words], capture_output=True, text=True, env=self._environ, cwd=self.folder,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    return Fresh(tmp_path_factory.mktemp("fresh"))


def test_it_is_not_installed_here_and_is_found_there(fresh: Fresh) -> None:
    from frontdesk.plugin import installed_plugins

    assert "example_channel" not in installed_plugins()
    assert json.loads(fresh.run("frontdesk", "plugins", "--json"))["example_channel"] == "example_channel"


def test_a_configuration_can_name_it(fresh: Fresh) -> None:
    (fresh.folder / "frontdesk.toml").write_text(CONFIGURATION.format(folder=fresh.folder), encoding="utf-8")
    found = json.loads(fresh.run("frontdesk", "check", "--config", "frontdesk.toml", "--json"))
    assert found["channels"] == {"main": "example_channel"}


def test_it_keeps_the_contract_there(fresh: Fresh) -> None:
    test = str(fresh.folder / "example_channel" / "test_example_channel.py")
    told = fresh.run("pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", test)
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None
    assert int(passed[1]) > 40


def blocks(heading: str) -> list[str]:
    """The code of a section of the README, block by block."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```\w*\n(.*?)```", section, re.DOTALL)


def squeezed(text: str) -> str:
    """Without blanks and line ends, which differ."""
    return "".join(text.split())


def test_what_the_walk_through_shows_is_what_there_is() -> None:
    files = "".join(squeezed(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLE.glob("*.*")))
    files += squeezed(CONFIGURATION.format(folder=""))
    shown = blocks("A channel, step by step")
    assert len(shown) >= 5
    for block in shown:
        for piece in block.split("…"):
            assert squeezed(piece) in files, piece


def test_the_walk_through_leads_past_every_method() -> None:
    shown = "".join(blocks("A channel, step by step"))
    methods = re.findall(r"def (\w+)\(", (EXAMPLE / "example_channel.py").read_text(encoding="utf-8"))
    assert {name for name in methods if not name.startswith("_")} <= set(re.findall(r"def (\w+)\(", shown))
