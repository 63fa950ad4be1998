"""`frontdesk demo --enterprise`: real processes that may be killed, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from frontdesk.cli import cli
from frontdesk.demo import SCRIPT
from frontdesk.plugin import ConfigError
from frontdesk.testing import servers

COMMAND = [sys.executable, "-m", "frontdesk", "demo", "--enterprise"]
PROCESSES = {"web", "worker-1", "worker-2", "PostgreSQL", "Redis"}


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """With a folder for temporary files that the user `nobody` may enter, and that has to be empty in the end. The
    addresses are those of nobody: the demo must not look at them."""
    missing = servers.NO_POSTGRES if servers.postgres_install() is None else servers.NO_REDIS
    if servers.postgres_install() is None or servers.redis_command() is None:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        nowhere = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}
        yield {**os.environ, **nowhere, "TMPDIR": folder, "PYTHONUNBUFFERED": "1"}
        assert list(Path(folder).iterdir()) == []


def pids(text: str) -> dict[str, int]:
    return {name: int(pid) for name, pid in re.findall(r"^  (\S+) +pid (\d+) ", text, re.MULTILINE)}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_conversation_goes_on_while_every_process_is_killed_once(environ: dict[str, str]) -> None:
    ended = subprocess.run([*COMMAND, "--once"], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    found = pids(ended.stdout)
    assert set(found) == PROCESSES
    for name in ("web", "worker-1", "worker-2"):
        assert f"(kill -9 {found[name]}: {name})" in ended.stdout
    assert ended.stdout.count("    shop  ") == sum(answers for _, answers in SCRIPT)
    assert "passing you on to a colleague" in ended.stdout
    assert not any(map(is_alive, found.values()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_killed_is_started_again_and_a_signal_ends_everything(
    environ: dict[str, str], number: signal.Signals
) -> None:
    with subprocess.Popen([*COMMAND, "--port", "0"], env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        shown = "".join(iter(process.stdout.readline, "Ctrl-C closes it.\n"))
        found = pids(shown)
        assert set(found) == PROCESSES
        os.kill(found["worker-1"], signal.SIGKILL)
        assert process.stdout.readline() == f"worker-1 (pid {found['worker-1']}) ended; the others go on\n"
        again = re.fullmatch(r"worker-1 runs again, pid (\d+)\n", process.stdout.readline())
        assert again
        process.send_signal(number)
        assert process.wait(30) == 0
    assert not any(map(is_alive, [*found.values(), int(again[1])]))


@pytest.mark.parametrize(("part", "name"), [("postgres_install", "PostgreSQL"), ("redis_command", "Redis")])
def test_without_a_server_to_run_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, part: str, name: str) -> None:
    monkeypatch.setattr(servers, "postgres_install", lambda: Path("/"))
    monkeypatch.setattr(servers, "redis_command", lambda: "/redis-server")
    monkeypatch.setattr(servers, part, lambda: None)
    found = CliRunner().invoke(cli, ["demo", "--enterprise", "--once"])
    assert isinstance(found.exception, ConfigError)
    assert str(found.exception).startswith(f"there is no {name} to run the demo with; pip install 'frontdesk[demo]'")
