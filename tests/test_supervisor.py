"""The parent of several processes, with children that are a few lines each: what it does when they misbehave."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from frontdesk import supervisor as module
from frontdesk.supervisor import Inheritance, Supervisor, pause_seconds
from frontdesk.testing.process import until

pytestmark = pytest.mark.anyio

CHILD = """
import json, os, signal, socket, sys
from pathlib import Path
given = json.loads(sys.argv[-1])
lifeline = socket.socket(fileno=given["lifeline"])
folder = Path(sys.argv[1])
mood = (folder / "mood").read_text()
def note(what):
    with (folder / "notes").open("a") as notes:
        notes.write(json.dumps([what, given["number"], os.getpid()]) + "\\n")
note("began")
if mood == "wrong":
    sys.exit(1)
if mood == "stubborn":
    signal.signal(signal.SIGTERM, lambda *_: note("asked"))
if mood != "slow":
    lifeline.send(b".")
while True:
    if not lifeline.recv(1):
        break
"""


class Stage:
    """A supervisor at work, and what its children noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.announced = 0
        self.say("well")
        (folder / "notes").touch()
        self.running: asyncio.Task[int]

    def say(self, mood: str) -> None:
        """How the next children are."""
        (self.folder / "mood").write_text(mood)

    def pids(self, what: str = "began") -> list[int]:
        lines = [json.loads(line) for line in (self.folder / "notes").read_text().splitlines()]
        return [pid for noted, _, pid in lines if noted == what]

    def living(self) -> list[int]:
        return [pid for pid in self.pids() if Path(f"/proc/{pid}").exists()]

    def announce(self) -> None:
        self.announced += 1

    async def ends(self) -> int:
        return await asyncio.wait_for(self.running, 10)


@asynccontextmanager
async def stage(folder: Path, mood: str = "well", stop_seconds: float = 5.0) -> AsyncIterator[Stage]:
    """Two places, taken by `CHILD`."""
    shown = Stage(folder)
    shown.say(mood)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-I", "-S", "-c", CHILD, str(folder)]
        supervisor = Supervisor(command, listening, [None, None], stop_seconds, shown.announce, lambda: 1.0)
        shown.running = asyncio.create_task(supervisor.run())
        try:
            yield shown
        finally:
            if not shown.running.done():
                supervisor._stop()
                await shown.ends()
    assert not shown.living(), "nothing is left behind"


def tell(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


async def test_they_start_in_turn_and_end_together(tmp_path: Path) -> None:
    async with stage(tmp_path) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        assert len(shown.living()) == 2
        tell(signal.SIGTERM)
        assert await shown.ends() == 0
    assert shown.announced == 1


async def test_one_that_cannot_begin_ends_all_and_is_not_tried_again(tmp_path: Path) -> None:
    async with stage(tmp_path, "wrong") as shown:
        assert await shown.ends() == 1
    assert len(shown.pids()) == 1
    assert not shown.announced


async def test_a_stop_while_they_start_is_obeyed(tmp_path: Path) -> None:
    async with stage(tmp_path, "slow") as shown:
        await until(shown.pids, 5, "the first was started")
        tell(signal.SIGINT)
        assert await shown.ends() == 0
    assert len(shown.pids()) == 1


async def test_one_that_does_not_stop_is_killed_in_the_end(tmp_path: Path) -> None:
    async with stage(tmp_path, "stubborn", stop_seconds=0.3) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        tell(signal.SIGTERM)
        assert await shown.ends() == 0
    assert len(shown.pids("asked")) == 2


async def test_a_second_signal_kills(tmp_path: Path) -> None:
    async with stage(tmp_path, "stubborn", stop_seconds=60) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        tell(signal.SIGTERM)
        await until(lambda: len(shown.pids("asked")) == 2, 5, "they were asked")
        tell(signal.SIGTERM)
        assert await shown.ends() == 0


async def test_a_dead_one_is_replaced_again_and_again_and_later_each_time(tmp_path: Path) -> None:
    async with stage(tmp_path) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        gaps = []
        for deaths in range(1, 4):
            died_at = asyncio.get_running_loop().time()
            os.kill(shown.pids()[-1], signal.SIGKILL)
            await until(lambda wanted=2 + deaths: len(shown.pids()) == wanted, 5, "another began")
            gaps.append(asyncio.get_running_loop().time() - died_at)
        assert gaps[0] >= 0.25
        assert gaps[1] >= 0.5
        assert gaps[2] >= 1.0
        assert shown.pids()[0] in shown.living(), "the other was left alone"


async def test_a_rolling_restart_goes_on_only_with_those_that_get_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "READY_SECONDS_MAX", 0.3)
    async with stage(tmp_path) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        before = shown.living()
        for number, mood in enumerate(("slow", "wrong"), 3):
            shown.say(mood)
            tell(signal.SIGHUP)
            await until(lambda wanted=number: len(shown.pids()) == wanted, 5, "one new one was tried")
            await until(lambda: shown.living() == before, 5, "it is gone and the old ones stay")
        shown.say("well")
        tell(signal.SIGHUP)
        await until(lambda: len(shown.living()) == 2 and not set(before) & set(shown.living()), 5, "all are new")
    assert capsys.readouterr().out.count("the old ones stay") == 2


async def test_one_that_dies_while_it_is_exchanged_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_SECONDS_MAX", 1.0)
    async with stage(tmp_path) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        first, second = shown.pids()
        shown.say("slow")
        tell(signal.SIGHUP)
        await until(lambda: len(shown.pids()) == 3, 5, "the new one was started")
        shown.say("well")
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(shown.living()) == 2 and len(shown.pids()) == 4, 5, "another took the place")
        assert second in shown.living()


async def test_one_that_died_before_it_was_exchanged_is_not_replaced_as_well(tmp_path: Path) -> None:
    async with stage(tmp_path) as shown:
        await until(lambda: shown.announced, 5, "all are ready")
        os.kill(shown.pids()[0], signal.SIGKILL)
        await until(lambda: len(shown.living()) == 1, 5, "its end was seen")
        tell(signal.SIGHUP)
        await until(lambda: len(shown.pids()) == 4, 5, "both places have new ones")
        await asyncio.sleep(0.5)  # longer than the pause after which the dead one's place would have been filled
        assert len(shown.pids()) == 4


def test_what_a_child_is_given_survives_the_command_line() -> None:
    given = Inheritance(number=3, listening=7, lifeline=9, metrics=11)
    assert Inheritance.read(given.written()) == given


@pytest.mark.parametrize(
    ("deaths", "chance", "seconds"), [(0, 0.0, 0.0), (1, 0.0, 0.5), (1, 1.0, 0.25), (3, 0.0, 2.0), (99, 0.0, 30.0)]
)
def test_the_pause_grows_to_a_limit(deaths: int, chance: float, seconds: float) -> None:
    assert pause_seconds(deaths, chance) == seconds
