"""`frontdesk console` as a process, and the service at a socket: the sample shop, line by line."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from frontdesk.config import build
from frontdesk.container import Container
from frontdesk.core.message import Location
from frontdesk.emulator.app import create_emulator
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.plugin import load_plugins
from frontdesk.ports import Store
from frontdesk.testing.process import free_port, serving
from frontdesk_plugins.console.commands import console
from plugins.console.support import SECRET

pytestmark = pytest.mark.anyio

ANSWER_SECONDS_MAX = 20.0
CONVERSATION = (
    ("hi", "Hello Asha! I am the automatic assistant", "5  Speak to a colleague"),
    ("1", "What is your order number?"),
    ("1", "An order number has an A and four digits"),
    ("A1001", "Order A1001 is on its way with Pigeon Parcels", "Does that help?", "2  No"),
    ("YES", "You are welcome!"),
    ("book a visit", "On which day would you like to come?"),
    ("24 December", "At what time?", "2  In the afternoon"),
    ("In the afternoon", "How many of you will come?"),
    ("3", "24 December at 15:00, 3 people. Shall I book it?", "1  Book it"),
    ("1", "Booked. Your reference is V7001"),
    ("Can I return shoes that do not fit?", "30 days"),
    ("agent", "I am passing you on to a colleague"),
)
"""What is typed, and lines that come back for it, in their order."""


class Shop:
    """The sample shop's service with a console channel, and its addresses."""

    def __init__(self, folder: Path) -> None:
        self.processes: list[Process] = []
        self.port, self.listen, machines = free_port(), free_port(), free_port()
        self.config = folder / "frontdesk.toml"
        self.config.write_text('[channels.main]\nprovider = "console"\nsecret = {env = "WORD"}\n', encoding="utf-8")
        self.machines = machines
        tree = {
            "data_dir": str(folder / "data"),
            "knowledge": {"folder": "config/knowledge"},
            "flows": {"folder": "config/flows"},
            "hosts": {"shop": {"base_url": f"http://127.0.0.1:{machines}/_shop", "is_private": True}},
            "policy": {"burst_wait_seconds": 0.05},
            "channels": {
                "main": {"provider": "console", "secret": {"env": "WORD"}, "url": f"http://127.0.0.1:{self.listen}"}
            },
        }
        settings = build(tree, {"WORD": SECRET}, where="the test")
        self.container = Container(settings=settings, offers=load_plugins(settings.plugins()))

    @property
    def store(self) -> Store:
        store: Store = self.container.store()
        return store

    def words(self, *more: str) -> list[str]:
        """The command line."""
        return ["--service", f"http://127.0.0.1:{self.port}", "--listen", str(self.listen), "--name", "Asha", *more]

    async def console(self, *more: str, stdin: int = PIPE, **environ: str) -> Process:
        """The command as a process."""
        known = {name: value for name, value in os.environ.items() if name != "FRONTDESK_CONSOLE_SECRET"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "frontdesk", "console", *self.words(*more),
            stdin=stdin, stdout=PIPE, stderr=PIPE, env={**known, **environ},
        )  # fmt: skip
        self.processes.append(process)
        return process


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    for process in shop.processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def opened(shop: Shop) -> AsyncIterator[Shop]:
    machines = create_emulator(EmulatorOptions(public_url=f"http://127.0.0.1:{shop.machines}"))
    async with serving(machines, shop.machines), serving(shop.container.app(), shop.port):
        yield shop


async def read_until(process: Process, words: str, read: list[str]) -> None:
    """Read what it prints, up to a line with these words."""
    assert process.stdout is not None
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        while words not in (read[-1] if read else ""):
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended before {words!r}: {read}"
            read.append(line)


async def test_a_whole_conversation_of_the_sample_shop(shop: Shop) -> None:
    async with opened(shop):
        process = await shop.console("--wait", "0", "--config", str(shop.config), WORD=SECRET)
        assert process.stdin is not None
        read: list[str] = []
        for line, *answers in CONVERSATION:
            process.stdin.write(f"{line}\n".encode())
            for words in (f"> {line}", *answers):
                await read_until(process, words, read)
        rest, complaints = await process.communicate(b"")
        assert (process.returncode, rest, complaints) == (0, b"", b"")
        state = await shop.store.conversation(await shop.store.find("main", "15550100777") or "")
        assert state is not None
        assert state.handler == "queue"


async def test_a_pipe_is_played_line_by_line_and_its_end_waits_for_the_answer(shop: Shop) -> None:
    async with opened(shop):
        process = await shop.console("--wait", "3", FRONTDESK_CONSOLE_SECRET=SECRET)
        out, complaints = await process.communicate(b"hi\n\n/at 12.97, -77.59\n")
        assert (process.returncode, complaints) == (0, b"")
        lines = out.decode().splitlines()
        assert (lines[0], lines[-1][:4]) == ("> hi", "    ")
        assert lines.index("      5  Speak to a colleague") < lines.index("> /at 12.97, -77.59")
        found = await shop.store.messages(await shop.store.find("main", "15550100777") or "")
        places = [message.content for message in found if isinstance(message.content, Location)]
        assert places == [Location(latitude=12.97, longitude=-77.59)]


async def test_what_waited_for_a_terminal_comes_when_there_is_one(shop: Shop) -> None:
    async with opened(shop):
        first = await shop.console("--wait", "0", "--listen", str(free_port()), FRONTDESK_CONSOLE_SECRET=SECRET)
        out, _ = await first.communicate(b"hi\n")
        assert out == b"> hi\n"
        second = await shop.console(FRONTDESK_CONSOLE_SECRET=SECRET)
        await read_until(second, "Speak to a colleague", [])
        await second.communicate(b"")


async def test_a_person_at_a_terminal_is_told_and_may_try_again(shop: Shop) -> None:
    ours, its = pty.openpty()
    process = await shop.console("--wait", "0", stdin=its, FRONTDESK_CONSOLE_SECRET=SECRET)
    os.close(its)
    assert process.stderr is not None
    hint = (await asyncio.wait_for(process.stderr.readline(), ANSWER_SECONDS_MAX)).decode()
    assert hint == f"You are 15550100777 and write to http://127.0.0.1:{shop.port}. Enter sends, Ctrl-D ends.\n"
    for _ in range(2):
        os.write(ours, b"hi\n")
        said = (await asyncio.wait_for(process.stderr.readline(), ANSWER_SECONDS_MAX)).decode()
        assert said.startswith(f"frontdesk: nobody answers at http://127.0.0.1:{shop.port} (")
        assert said.endswith("run frontdesk serve, or say --service\n")
    os.write(ours, b"\x04")
    out, _ = await process.communicate()
    os.close(ours)
    assert (process.returncode, out) == (0, b"")


async def test_a_script_ends_with_a_sentence_where_the_service_is_away(shop: Shop) -> None:
    process = await shop.console(FRONTDESK_CONSOLE_SECRET=SECRET)
    _, complaint = await process.communicate(b"hi\n")
    assert process.returncode == 1
    assert complaint.startswith(b"frontdesk: nobody answers at http://127.0.0.1:")


@pytest.mark.parametrize(
    ("more", "secret", "says"),
    [
        ((), "another secret of 16", "(401): the secrets differ, or the provider of [channels.main] is not"),
        (("--channel", "nowhere"), SECRET, "(404): there is no channel 'nowhere'; add [channels.nowhere]"),
    ],
)
async def test_what_the_service_refuses_is_a_sentence(
    shop: Shop, more: tuple[str, ...], secret: str, says: str
) -> None:
    async with opened(shop):
        process = await shop.console(*more, FRONTDESK_CONSOLE_SECRET=secret)
        _, complaint = await process.communicate(b"hi\n")
    assert process.returncode == 1
    assert complaint.decode().startswith(f"frontdesk: the service refuses the message {says}")


@pytest.mark.parametrize(
    ("secret", "section", "says"),
    [
        ("", None, "there is no secret of 16 characters or more; set FRONTDESK_CONSOLE_SECRET"),
        ("too short", None, "there is no secret of 16 characters or more"),
        ("", '[channels.main]\nsecret = {env = "NOWHERE"}', "there is no secret of 16 characters or more"),
        ("", '[channels.main]\nsecret = "in the file itself"', "there is no secret of 16 characters or more"),
        ("", '[channels.main]\nsecret = {file = "/nowhere"}', "has no secret of [channels.main] to read"),
        ("", "[channels.other]", "has no secret of [channels.main] to read"),
        ("", "[channels", "has no secret of [channels.main] to read"),
    ],
)
def test_a_secret_that_is_not_there_is_a_sentence(tmp_path: Path, secret: str, section: str | None, says: str) -> None:
    file = tmp_path / "frontdesk.toml"
    file.write_text(section or "", encoding="utf-8")
    words = ["--config", str(file)] if section else []
    ran = CliRunner().invoke(console, words, input="hi\n", env={"FRONTDESK_CONSOLE_SECRET": secret})
    assert ran.exit_code == 1
    assert says in str(ran.exception)


async def test_a_secret_may_stand_in_a_file(tmp_path: Path, shop: Shop) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    file = tmp_path / "frontdesk.toml"
    file.write_text(f'[channels.main]\nsecret = {{ file = "{tmp_path}/secret" }}', encoding="utf-8")
    words = [*shop.words("--wait", "0"), "--config", str(file)]
    ran = CliRunner().invoke(console, words, input="", env={"FRONTDESK_CONSOLE_SECRET": ""})
    assert (ran.exit_code, ran.output) == (0, "")


@pytest.mark.parametrize("number", ["1555 0100777", "asha", "", "1234", "٣٤٥٦٧٨"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    ran = CliRunner().invoke(console, ["--from", number], env={"FRONTDESK_CONSOLE_SECRET": SECRET})
    assert ran.exit_code == 2
    assert "country code and digits" in ran.output
