"""What the terminal shows, and who may make it show something."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.plugin import ConfigError
from frontdesk.testing.process import free_port
from frontdesk_plugins.console.terminal import Terminal, listening
from frontdesk_plugins.console.wire import Option, Shown, Tap
from plugins.console.support import SECRET, signature

MENU = Shown(
    to="15550100777",
    text="What can I do?\n\nChoose:",
    reference="effect-1",
    options=(Option(id="o1", title="Order status", description="Where is it?"), Option(id="o2", title="Größe")),
)


class Seen:
    """A terminal, what it wrote, and the way to leave it something."""

    def __init__(self, port: int) -> None:
        self.written: list[str] = []
        self.terminal = Terminal("15550100777", self.written.append)
        self.port = port

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        headers = {"x-frontdesk-signature": signature(body), **headers}
        return httpx.post(f"http://127.0.0.1:{self.port}", content=body, headers=headers, trust_env=False)

    def leave(self, message: Shown) -> httpx.Response:
        return self.post(msgspec.json.encode(message))


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen(free_port())
    with listening(seen.terminal, SECRET, seen.port):
        yield seen


def test_a_message_is_shown_with_its_options_and_a_repeated_one_is_not_shown_again(seen: Seen) -> None:
    answers = [seen.leave(MENU), seen.leave(MENU)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"id": "console-effect-1"})] * 2
    shown = "    What can I do?\n\n    Choose:\n      1  Order status - Where is it?\n      2  Größe"
    assert seen.written == [shown]


@pytest.mark.parametrize(
    ("line", "tap"),
    [
        ("1", Tap(id="o1", title="Order status")),
        ("order STATUS", Tap(id="o1", title="Order status")),
        ("GRÖSSE", Tap(id="o2", title="Größe")),
        ("3", None),
        ("0", None),
        ("-1", None),
        ("²", None),
        ("order", None),
    ],
)
def test_a_number_or_a_title_taps(seen: Seen, line: str, tap: Tap | None) -> None:
    seen.leave(MENU)
    assert seen.terminal.tapped(line) == tap


def test_what_can_be_tapped_is_of_the_newest_message(seen: Seen) -> None:
    assert seen.terminal.tapped("1") is None
    seen.leave(MENU)
    seen.leave(Shown(to="15550100777", text="How many people?", reference="effect-2"))
    assert seen.terminal.tapped("1") is None
    seen.leave(MENU)
    assert seen.terminal.tapped("1") is None


COMMANDS = ("\x1b[2J", "\x9b2J", "\x9d0;title\x9c", "\x07", "\x08", "\r", "\x7f", "\u202e", "\u2066", "\ufeff")


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_commands_the_terminal(seen: Seen, command: str) -> None:
    option = Option(id="o1", title=f"Ye{command}s", description=f"We do{command}")
    seen.leave(Shown(to=f"1555{command}", text=f"Hi{command}\nthere", reference="effect-1", options=(option,)))
    seen.leave(Shown(to="15550100777", text=f"Hi{command}\nthere", reference="effect-2", options=(option,)))
    for written in seen.written:
        assert len(written.split("\n")) == 3
        assert all(line.isprintable() for line in written.split("\n"))
    shown = seen.written[1].split("  1  ")[1].split(" - ")[0]
    assert seen.terminal.tapped(shown) == Tap(id="o1", title=option.title)


def test_what_is_for_somebody_else_says_so_and_takes_no_taps(seen: Seen) -> None:
    seen.leave(MENU)
    other = Shown(to="15550100045", text="Hi\x1b[2J", reference="effect-2", options=(Option(id="x", title="No"),))
    seen.leave(other)
    assert seen.written[1] == "    (to 15550100045) Hi[2J\n      1  No"
    assert seen.terminal.tapped("1") == Tap(id="o1", title="Order status")


def test_strangers_are_turned_away(seen: Seen) -> None:
    body = msgspec.json.encode(MENU)
    assert seen.post(body, **{"x-frontdesk-signature": signature(body, "another secret of 16")}).status_code == 401
    assert seen.post(body, **{"x-frontdesk-signature": ""}).status_code == 401
    assert seen.post(b"x" * 1_000_000).status_code == 401
    answers: list[Any] = [seen.post(odd).status_code for odd in (b"", b"[]", b"\xff", b'{"to": 7}')]
    assert (answers, seen.written) == ([400] * 4, [])


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"port {port} .* name another one with --listen"),
            listening(Terminal("15550100777", print), SECRET, port),
        ):
            pass
