"""Every command answers in its own words: what it found on stdout, what is wrong as one sentence on stderr."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from msgspec import Struct

from frontdesk import __version__
from frontdesk.cli import main
from frontdesk.core.decide import decide
from frontdesk.core.event import Event
from frontdesk.core.message import MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.flows.book import book_version
from frontdesk.flows.folder import read_sources
from frontdesk.plugin import ConfigError, Providers, load_plugins
from frontdesk.ports import Notice
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import PHONE, wrote
from frontdesk.testing.process import free_port
from frontdesk_plugins.sqlite.archive import SqliteArchive
from frontdesk_plugins.sqlite.store import SqliteStore

KNOWLEDGE = Path("config/knowledge").resolve()
CHANNEL = """
[channels.main]
provider = "whatsapp_cloud"
phone_number_id = "1"
access_token = { env = "TOKEN" }
verify_token = { env = "TOKEN" }
"""


class Result(Struct, frozen=True):
    """What a command left behind."""

    status: int
    out: str
    err: str

    def decoded(self) -> Any:
        return msgspec.json.decode(self.out)

    def sentence(self) -> str:
        """The one line on stderr, of a command that failed."""
        assert self.status == 1
        assert self.err.startswith("frontdesk: ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("frontdesk: ").strip()


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The command line sends the log to the stderr of its test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDESK_LOG", "warning")

    def run(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["frontdesk", *words])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return Result(int(end.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Write a configuration that has its knowledge and its data in the right place, and `more`."""

    def write(more: str = "") -> str:
        file = tmp_path / "shop.toml"
        file.write_text(f'data_dir = "{tmp_path}/data"\n{more}\n[knowledge]\nfolder = "{KNOWLEDGE}"\n')
        return str(file)

    return write


def command(*words: str, folder: Path, **environ: str) -> Result:
    """The real command as a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "frontdesk", *words],
        cwd=folder, env=environ | {"FRONTDESK_LOG": "warning"}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return Result(ended.returncode, ended.stdout, ended.stderr)


async def keep_a_conversation(data_dir: Path) -> str:
    """Mira wrote and was greeted: the conversation's id."""
    clock = ManualClock()
    async with SqliteStore(data_dir / "frontdesk.db", clock) as store:
        decision = await store.apply(wrote("Do you repair heels?", clock.now()), partial(decide, policy=Policy()))
        assert decision is not None
        return decision.conversation.id


@pytest.fixture
def conversation(tmp_path: Path) -> str:
    return asyncio.run(keep_a_conversation(tmp_path / "data"))


def test_the_version_is_told(run: Run) -> None:
    assert run("--version") == Result(0, f"frontdesk, version {__version__}\n", "")


def test_help_names_every_command(run: Run) -> None:
    shown = run("--help").out
    for name in ("serve", "demo", "check", "emulate", "plugins", "replay", "conversation", "migrate-storage"):
        assert f"  {name} " in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["frobnicate"], "No such command 'frobnicate'."),
        (["plugins", "--jsno"], "No such option '--jsno'. Did you mean '--json'?"),
        (["conversation", "frobnicate"], "No such command 'frobnicate'."),
        (["conversation", "list", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range x>=1."),
        (["conversation", "show"], "Missing argument 'CONVERSATION'."),
        (["replay"], "Missing argument 'CONVERSATION'."),
        (["serve", "--port", "70000"], "Invalid value for '--port': 70000 is not in the range 0<=x<=65535."),
        (["demo", "--port", "eighty"], "Invalid value for '--port': 'eighty' is not a valid integer range."),
        (["emulate", "--port", "-1"], "Invalid value for '--port': -1 is not in the range 0<=x<=65535."),
    ],
)
def test_a_command_that_is_misspelt_is_told_its_usage_and_what_is_wrong(
    run: Run, words: list[str], sentence: str
) -> None:
    result = run(*words)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("Usage: frontdesk ")
    assert result.err.endswith(f"Error: {sentence}\n")


def test_an_unknown_log_level_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LOG", "loud")
    assert run("plugins").sentence().startswith("FRONTDESK_LOG is 'loud'; there are: debug, info,")


def test_plugins_are_listed_for_people_and_for_scripts(run: Run) -> None:
    assert run("plugins", "--json").decoded()["sqlite"] == "frontdesk_plugins.sqlite"
    assert "stub_model           frontdesk_plugins.stub_model\n" in run("plugins").out


def test_check_says_what_would_run(run: Run, write: Callable[[str], str]) -> None:
    file = write("")
    shown = run("check", "--config", file)
    assert (shown.status, shown.err) == (0, "")
    assert "store: sqlite\n" in shown.out
    assert shown.out.endswith("ok\n")
    found = run("check", "--config", file, "--json").decoded()
    assert (found["mode"], found["language_model"], found["channels"]) == ("lightweight", "stub_model", {})


def test_check_says_which_model_caps_would_keep_silent(run: Run, write: Callable[[str], str]) -> None:
    model = """
    [language_model]
    provider = "openrouter"
    profile = "other"
    model = "author/m"
    base_url = "http://127.0.0.1:9/v1"
    """
    assert run("check", "--config", write(model)).out.endswith("ok\n")
    shown = run("check", "--config", write(f'{model}\n[money]\nper_day = "20"')).out
    assert "trouble: nobody knows what author/m costs, and there are caps; set price_in and price_out" in shown
    assert run(
        "check", "--config", write(f'{model}price_in = "1"\nprice_out = "2"\n[money]\nper_day = "20"')
    ).out.endswith("ok\n")


def test_check_performs_nothing_of_what_waits(
    run: Run, write: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Least of all with a configuration that lacks the channel: what waits for it would have failed for good."""
    file, clock = write(""), ManualClock()

    async def statuses(event: Event | None = None) -> list[MessageStatus]:
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock) as store:
            if event:
                await store.apply(event, partial(decide, policy=Policy()))
            known = await store.find("main", PHONE)
            return [one.status for one in await store.messages(known or "")]

    async def take_long(_store: SqliteStore) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(SqliteStore, "check", take_long)
    before = asyncio.run(statuses(wrote("hi", clock.now())))
    assert MessageStatus.QUEUED in before
    assert run("check", "--config", file).out.endswith("ok\n")
    assert asyncio.run(statuses()) == before


def test_check_says_which_flows_would_run_and_keeps_nothing_of_them(
    run: Run, write: Callable[[str], str], tmp_path: Path
) -> None:
    file = write("[hosts.shop]\nbase_url = 'https://shop.example'")
    assert run("check", "--config", file, "--json").decoded()["flows"] is None
    folder = tmp_path / "config" / "flows"
    folder.mkdir(parents=True)
    (folder / "bye.yaml").write_text(
        "title: Bye\nstarts_on: {keywords: [bye]}\nsteps: {bye: {say: Bye}, end: {end: true}}"
    )
    found = run("check", "--config", file, "--json").decoded()
    assert found["hosts"] == {"shop": "https://shop.example"}
    assert found["flows"] == {"version": book_version(read_sources(folder)), "count": 1, "warnings": 0}
    with closing(sqlite3.connect(tmp_path / "data" / "frontdesk.db")) as connection:
        assert connection.execute("SELECT count(*) FROM book").fetchone() == (0,)
    (folder / "bye.yaml").write_text("title: Bye")
    assert "the flows in config/flows cannot be used: bye.yaml:1:" in run("check", "--config", file).sentence()


def test_check_says_in_words_what_would_run_and_where_warnings_are_told(
    run: Run, write: Callable[[str], str], tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "bye.yaml").write_text("title: Bye\nsteps:\n  bye: {say: Bye}\n  done: {end: true}\n")
    file = write(f"[flows]\nfolder = '{folder}'\n[hosts.shop]\nbase_url = 'https://shop.example'")
    shown = run("check", "--config", file).out
    assert "\nchannels: none\n" in shown
    assert "\nhosts: shop https://shop.example\n" in shown
    assert re.search(r"\nflows: version \w+, count 1, warnings 1\n", shown)
    assert f"\nthe flows' warnings: frontdesk flow check {folder} --config {file}\n" in shown


def test_check_explains_every_key(run: Run) -> None:
    shown = run("check", "--explain")
    assert shown.status == 0
    assert "server.port = 8080\n    The port to listen on; 0 for any free one.\n" in shown.out
    meta = shown.out.split('\n# [channels.NAME] with provider = "whatsapp_cloud"\n', 1)[1].split("\n#", 1)[0]
    assert "phone_number_id = required\n    Meta's id of the number, not the number itself.\n" in meta
    assert 'graph_version = "v26.0"\n' in meta
    for part in ("[hosts.NAME]", '[store] with provider = "postgres"', '[signal] with provider = "redis"'):
        assert f"\n# {part}\n" in shown.out
    assert "\ninbound_map = \n    Where the fields" in shown.out  # a section of its own


@pytest.fixture
def lame_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin whose library is not installed."""

    def load(names: Iterable[str]) -> Providers:
        if "redis" in names:
            raise ConfigError("plugin 'redis' needs redis, which is not installed; run: pip install 'frontdesk[redis]'")
        return load_plugins(names)

    monkeypatch.setattr("frontdesk.cli.load_plugins", load)
    monkeypatch.setattr("frontdesk.commands.explaining.load_plugins", load)


@pytest.mark.usefixtures("lame_plugin")
def test_the_help_lists_the_commands_of_plugins_too(run: Run) -> None:
    shown = run("--help").out
    assert "\n  console  " in shown
    assert "\n  msg91  " in shown
    assert "\n  serve  " in shown


@pytest.mark.usefixtures("lame_plugin")
def test_a_provider_that_cannot_be_explained_says_why(run: Run) -> None:
    shown = run("check", "--explain").out
    assert "\n# plugin 'redis' needs redis, which is not installed; run: pip install 'frontdesk[redis]'\n" in shown
    assert 'provider = "whatsapp_cloud"' in shown


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("[server", "is not valid TOML"),
        ("[flows]\nfolder = 'nowhere'", "flows.folder: there is no folder nowhere; make it, or leave the key out"),
        ("[flows]\nwatch_seconds = -1", "flows.watch_seconds is too small; write 0 or more"),
        ("[server]\nprot = 1", "server.prot is not a key; did you mean 'port'?"),
        ("[store]\nprovider = 'sqlight'", "no plugin named 'sqlight' is installed; there are: "),
        ("[store]\nprovider = 'stub_model'", "store: 'stub_model' is no store; there are: "),
        ("[store]\nfiel = 'x'", "store.fiel is not a key; did you mean 'file'?"),
        ("[language_model]\nsentences_max = 0", "language_model.sentences_max is too small; write 1 or more"),
        (
            "[server]\nprocesses = 2",
            "the store 'sqlite' is for one process that does all, and the settings ask for 2 pro",
        ),
        ("[server]\nrole = 'web'", "and the settings ask for the role 'web'; set mode = \"enterprise\", which keeps"),
        ("[server]\nrole = 'both'", "server.role: invalid enum value 'both'"),
        (CHANNEL, "channels.main.access_token: the environment variable TOKEN is not set; set it"),
    ],
)
@pytest.mark.parametrize("word", ["check", "serve"])
def test_a_wrong_configuration_is_one_sentence(
    run: Run, write: Callable[[str], str], word: str, more: str, sentence: str
) -> None:
    assert sentence in run(word, "--config", write(more)).sentence()


@pytest.mark.parametrize("word", ["check", "serve"])
def test_a_channel_without_its_app_secret_is_refused_unless_for_development(
    run: Run, write: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("TOKEN", "word")
    file = write(CHANNEL)
    assert run(word, "--config", file).sentence().startswith("[channels.main] app_secret is missing, so anybody")
    assert run("check", "--config", file, "--dev").out.endswith("ok\n")


@pytest.mark.parametrize("word", ["check", "serve", "replay x", "conversation show x", "conversation list"])
def test_a_configuration_that_is_not_there_is_named(run: Run, word: str) -> None:
    assert run(*word.split(), "--config", "none.toml").sentence().startswith("there is no configuration file none.toml")


def test_knowledge_that_is_not_text_is_a_trouble_with_its_cure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\0")
    (tmp_path / "own.toml").write_text(f'[knowledge]\nfolder = "{tmp_path}"')
    told = (
        f"trouble: the knowledge in {tmp_path}/binary.md is not used as it is now: it is not UTF-16 in line 1; save it"
    )
    assert told in run("check", "--config", "own.toml").out


def test_a_data_folder_that_is_a_file_is_one_sentence(run: Run, write: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "data cannot be used (File exists); make it writable" in run("check", "--config", write("")).sentence()


@pytest.mark.parametrize("words", [["conversation", "list"], ["conversation", "show", "1"], ["replay", "1"]])
def test_without_a_database_a_reader_is_told_where_it_looked(
    run: Run, write: Callable[[str], str], words: list[str]
) -> None:
    assert run(*words, "--config", write("")).sentence().startswith("there is no database at ")


@pytest.mark.parametrize("words", [["check"], ["conversation", "list"]])
def test_a_file_that_is_no_database_is_one_sentence(
    run: Run, write: Callable[[str], str], tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "frontdesk.db").write_text("These are words and not a database." * 9)
    assert "cannot be opened as a database: file is not" in run(*words, "--config", write("")).sentence()


@pytest.mark.parametrize("words", [["check"], ["conversation", "list"]])
def test_a_folder_where_the_database_should_be_is_one_sentence(
    run: Run, write: Callable[[str], str], tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "data" / "frontdesk.db").mkdir(parents=True)
    assert "frontdesk.db cannot be opened as a database: " in run(*words, "--config", write("")).sentence()


def test_notices_are_listed_the_newest_first(run: Run, write: Callable[[str], str], tmp_path: Path) -> None:
    async def keep() -> None:
        clock = ManualClock()
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock) as store:
            for key, is_alarm in (("calm", False), ("urgent", True)):
                clock.advance(60)
                await store.keep(
                    [Notice(id=key, at=clock.now(), channel="main", kind="security", text=key, is_alarm=is_alarm)]
                )

    asyncio.run(keep())
    lines = run("notices", "--config", write("")).out.splitlines()
    assert [line.split()[2:] for line in lines] == [
        ["ALARM", "main", "security:", "urgent"],
        ["main", "security:", "calm"],
    ]
    found = msgspec.json.decode(run("notices", "--json", "--limit", "1", "--config", write("")).out)
    assert [one["id"] for one in found] == ["urgent"]


@pytest.mark.parametrize(("version", "cure"), [(0, "start the service once"), (99, "install the newer release again")])
def test_a_database_of_another_release_is_not_read(
    run: Run, write: Callable[[str], str], tmp_path: Path, version: int, cure: str
) -> None:
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "frontdesk.db")) as connection:
        connection.executescript(f"CREATE TABLE something (word TEXT); PRAGMA user_version = {version};")
    sentence = run("conversation", "list", "--config", write("")).sentence()
    assert f"has schema {version}, this frontdesk reads " in sentence
    assert sentence.endswith(cure)


def test_conversations_are_listed(run: Run, write: Callable[[str], str], conversation: str) -> None:
    file = write("")
    assert run("conversation", "list", "--config", file).out.split()[0] == conversation
    (found,) = run("conversation", "list", "--config", file, "--json").decoded()
    assert (found["id"], found["channel"], found["name"], found["handler"]) == (conversation, "main", "Mira", "bot")


def test_those_who_wait_for_a_person_are_listed_alone(run: Run, write: Callable[[str], str], tmp_path: Path) -> None:
    file = write("")

    async def keep() -> None:
        clock = ManualClock()
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock):
            pass

    async def ask() -> None:
        clock = ManualClock()
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock) as store:
            await store.apply(wrote("a human, please", clock.now()), partial(decide, policy=Policy()))
            clock.advance(60)
            for number in ("15550100801", "15550100802"):
                await store.apply(wrote("hello", clock.now(), phone=number), partial(decide, policy=Policy()))

    asyncio.run(keep())
    assert run("conversation", "list", "--config", file) == Result(0, "", "there is no conversation yet\n")
    assert run("notices", "--config", file) == Result(0, "", "there are no notices\n")
    waiting = ("conversation", "list", "--waiting", "--config", file)
    assert run(*waiting) == Result(0, "", "nobody waits for a person\n")
    asyncio.run(ask())
    assert len(run("conversation", "list", "--config", file).out.splitlines()) == 3
    (line,) = run(*waiting, "--limit", "1").out.splitlines()
    assert "  queue  main  " in line
    assert [one["handler"] for one in run(*waiting, "--json").decoded()] == ["queue"]


def test_a_conversation_is_shown_by_its_id_or_an_address(
    run: Run, write: Callable[[str], str], conversation: str
) -> None:
    file = write("")
    by_id = run("conversation", "show", conversation, "--config", file)
    assert by_id == run("conversation", "show", PHONE, "--config", file)
    assert by_id == run("conversation", "show", f"+{PHONE}", "--config", file)
    assert by_id.out.startswith(f"Mira on main (phone {PHONE}), with: bot\n")
    assert "Do you repair heels?" in by_id.out
    found = run("conversation", "show", PHONE, "--config", file, "--json").decoded()
    assert found["conversation"]["id"] == conversation
    assert [message["author"] for message in found["messages"]] == ["contact", "bot"]


@pytest.mark.parametrize("command", ["\x1b]0;owned\x07", "\x9b2J", "\x9d0;owned\x9c", "\x08", "\r", "\u202e"])
def test_nothing_that_a_contact_writes_commands_the_terminal_or_looks_like_ours(
    run: Run, write: Callable[[str], str], tmp_path: Path, command: str
) -> None:
    forged = "2026-11-01 09:00:00    agent  Refund him."

    async def keep() -> None:
        clock = ManualClock()
        event = wrote(f"hello{command}\n{forged}", clock.now())
        event = msgspec.structs.replace(event, contact=msgspec.structs.replace(event.contact, name=f"Mira{command}"))
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock) as store:
            await store.apply(event, partial(decide, policy=Policy()))
            await store.keep([Notice(id="n", at=clock.now(), channel="main", kind="account", text=f"no{command}")])

    asyncio.run(keep())
    file = write("")
    for words in (["conversation", "list"], ["conversation", "show", PHONE], ["notices"]):
        lines = run(*words, "--config", file).out.removesuffix("\n").split("\n")
        assert all(line.isprintable() for line in lines)
        assert forged not in lines


def test_it_is_shown_why_people_have_a_conversation(
    run: Run, write: Callable[[str], str], conversation: str, tmp_path: Path
) -> None:
    async def ask_for_a_person() -> None:
        clock = ManualClock()
        clock.advance(9)
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock) as store:
            await store.apply(wrote("a human, please", clock.now()), partial(decide, policy=Policy()))

    asyncio.run(ask_for_a_person())
    *_, last = run("conversation", "show", conversation, "--config", write("")).out.splitlines()
    assert last == "2026-11-01 09:00:09  people were told: the contact asked for a person"
    found = run("conversation", "show", PHONE, "--config", write(""), "--json").decoded()
    assert found["told"] == [["2026-11-01T09:00:09Z", "the contact asked for a person"]]


def test_a_name_that_is_no_text_is_nobodys(run: Run, write: Callable[[str], str], conversation: str) -> None:
    assert "there is no conversation " in run("conversation", "show", "\udcff", "--config", write("")).sentence()


@pytest.mark.parametrize("words", [["conversation", "show"], ["replay"]])
def test_a_conversation_that_nobody_has_is_one_sentence(
    run: Run, write: Callable[[str], str], conversation: str, words: list[str]
) -> None:
    assert run(*words, "nobody", "--config", write("")).sentence() == (
        "there is no conversation 'nobody'; frontdesk conversation list shows the newest"
    )


def test_a_replay_under_the_same_rules_is_equal(run: Run, write: Callable[[str], str], conversation: str) -> None:
    file = write("")
    assert run("replay", conversation, "--config", file) == Result(0, "1 decisions, 0 differ\n", "")
    found = run("replay", PHONE, "--config", file, "--json").decoded()
    assert (found["entries"], found["differences"], found["state_differs"]) == (1, [], False)


def test_a_replay_under_another_policy_shows_what_would_differ(
    run: Run, write: Callable[[str], str], conversation: str
) -> None:
    file = write("[policy]\ngreeting = 'Good evening.'")
    result = run("replay", PHONE, "--config", file)
    assert (result.status, result.err) == (1, "")
    first, *lines = result.out.splitlines()
    assert first.startswith("1. message_received (")
    assert any(line.startswith("  - ") and Policy().greeting in line for line in lines)
    assert any(line.startswith("  + ") and "Good evening." in line for line in lines)
    assert lines[-1] == "1 decisions, 1 differ"
    assert len(run("replay", PHONE, "--config", file, "--json").decoded()["differences"]) == 1


def test_serving_a_folder_that_another_serves_is_one_sentence(write: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "frontdesk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        result = command("serve", "--port", "0", "--config", write(""), folder=tmp_path)
    assert "frontdesk.db is in use by another frontdesk (process 4711); stop it, or set" in result.sentence()


@pytest.mark.parametrize("word", ["serve", "demo", "emulate"])
def test_a_taken_port_is_one_sentence(write: Callable[[str], str], tmp_path: Path, word: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = command(word, "--port", str(port), folder=tmp_path, FRONTDESK_CONFIG=write(""))
    assert result.sentence() == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use); stop what uses it, or set another server.port"
    )


@pytest.mark.parametrize(("processes", "offset"), [("1", 0), ("2", 1)])
def test_a_taken_port_for_metrics_is_one_sentence(
    write: Callable[[str], str], tmp_path: Path, processes: str, offset: int
) -> None:
    store = "[store]\nprovider = 'postgres'\nurl = { env = 'URL' }\n[signal]\nprovider = 'in_process'"
    environ = {"URL": "postgresql://127.0.0.1:9/none", "FRONTDESK__SERVER__PROCESSES": processes}
    first = free_port(offset + 1)
    port = first + offset
    with socket.create_server(("127.0.0.1", port)):
        environ["FRONTDESK__SERVER__METRICS_PORT"] = str(first)
        result = command("serve", "--port", "0", "--config", write(store), folder=tmp_path, **environ)
    assert f"cannot listen on 127.0.0.1:{port} " in result.sentence()
    assert result.sentence().endswith("set another server.metrics_port")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "é..b"])
def test_an_address_that_is_none_is_one_sentence(tmp_path: Path, host: str) -> None:
    result = command("emulate", "--host", host, "--port", "0", folder=tmp_path)
    assert result.sentence().startswith(f"cannot listen on {host}:0 (")


def test_the_demo_plays_a_conversation_anywhere(tmp_path: Path) -> None:
    result = command("demo", "--once", folder=tmp_path)
    assert (result.status, result.err) == (0, "")
    assert "customer  What does delivery cost, and how long does it take?\n    shop  Standard delivery costs 4.90" in (
        result.out
    )
    assert "shop  Order A1001 is on its way with Pigeon Parcels" in result.out
    assert "The conversation is now with: queue" in result.out
    seconds = float(result.out.rpartition("Played in ")[2].partition(" s;")[0])
    assert seconds < 10
    assert list(tmp_path.iterdir()) == []


MOVE = ("migrate-storage", "--from", "sqlite:data/frontdesk.db", "--to", "sqlite:new/shop.db")


def test_a_store_is_moved_and_reopened(run: Run, write: Callable[[str], str], conversation: str) -> None:
    moved = run(*MOVE)
    assert moved.status == 0
    assert "messages: 2 of 2 copied, " in moved.err
    assert "messages: 2 of 2 read back from the target, " in moved.err
    assert moved.out.endswith("new/shop.db: serve that one now\n")
    assert "frontdesk.db was moved to sqlite:" in run("check", "--config", write("")).sentence()
    new = write('[store]\nfile = "../new/shop.db"')
    assert run("check", "--config", new).out.endswith("ok\n")
    assert run("conversation", "list", "--config", new).out.split()[0] == conversation
    assert "can be served again" in run("migrate-storage", "--reopen", "sqlite:data/frontdesk.db").out
    assert run("check", "--config", write("")).out.endswith("ok\n")


def test_a_move_of_a_store_that_comes_out_otherwise_is_one_sentence(
    run: Run, write: Callable[[str], str], conversation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = SqliteArchive.restore

    async def forgetful(self: SqliteArchive, part: Any, records: Any, mark: Any) -> None:
        await restore(self, part, records[1:] if part == "messages" else records, mark)

    monkeypatch.setattr(SqliteArchive, "restore", forgetful)
    result = run(*MOVE)
    assert result.status == 1
    assert "differs from sqlite:" in result.err.splitlines()[-1]
    assert "(messages: 2 records against 1) and cannot be used, while the source can be" in result.err.splitlines()[-1]
    assert run("check", "--config", write("")).out.endswith("ok\n")
    assert "name an empty store" in run("check", "--config", write('[store]\nfile = "../new/shop.db"')).sentence()


def test_a_terminal_is_shown_how_far_a_move_has_come(tmp_path: Path, conversation: str) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "frontdesk", *MOVE], cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # what Linux says when the last writer has gone
            while piece := os.read(ours, 65_536):
                shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert re.search("messages, copied.*2/2", shown.decode())
