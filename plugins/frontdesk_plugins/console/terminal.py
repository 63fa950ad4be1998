"""What a terminal shows, and the small server at which the service leaves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import indent
from threading import Condition, Thread

import msgspec

from frontdesk.core.letters import clean, clean_lines
from frontdesk.plugin import ConfigError
from frontdesk_plugins.console.wire import SIGNATURE, UNREADABLE, Option, Shown, Taken, Tap, is_signed

LENGTH_DIGITS_MAX = 6
HOST = "127.0.0.1"
INDENT = "    "


class Terminal:
    """Shows what comes to one contact, in the server's threads; what was shown last can be tapped. Nothing that is
    shown commands the terminal or turns its lines: a model's words, or a host's, may hold such characters."""

    def __init__(self, sender: str, write: Callable[[str], None]) -> None:
        self._sender = sender
        self._write = write
        self._changed = Condition()
        self._changed_at = time.monotonic()
        self._references: set[str] = set()
        self._options: tuple[Option, ...] = ()

    def show(self, message: Shown) -> None:
        """Print a message, if it was not printed before: the service repeats what it does not know to have arrived."""
        with self._changed:
            self._change()
            if message.reference in self._references:
                return
            self._references.add(message.reference)
            is_ours = message.to == self._sender
            self._options = message.options if is_ours else self._options
            text = message.text if is_ours else f"(to {message.to}) {message.text}"
            lines = "\n".join((text, *_numbered(message.options)))
            self._write(indent(clean_lines(lines), INDENT))

    def tapped(self, line: str) -> Tap | None:
        """The option of the newest message that a number or a title stands for."""
        with self._changed:
            options = self._options
        for number, option in enumerate(options, 1):
            if line == str(number) or line.casefold() == clean(option.title).casefold():
                return Tap(id=option.id, title=option.title)
        return None

    def touch(self) -> None:
        """The contact said something: what comes now belongs to it."""
        with self._changed:
            self._change()

    def wait_for_quiet(self, seconds: float) -> None:
        """Until nothing has been said by either side for so long."""
        with self._changed:
            while (left := self._changed_at + seconds - time.monotonic()) > 0:
                self._changed.wait(left)

    def _change(self) -> None:
        self._changed_at = time.monotonic()
        self._changed.notify_all()


def _numbered(options: tuple[Option, ...]) -> list[str]:
    shown = ((clean(option.title), clean(option.description)) for option in options)
    return [
        f"  {number}  {title}{f' - {description}' if description else ''}"
        for number, (title, description) in enumerate(shown, 1)
    ]


@contextmanager
def listening(terminal: Terminal, secret: str, port: int) -> Iterator[None]:
    """Take what the service leaves at this port of this machine until the block ends. Raises ConfigError."""

    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.0 on purpose: a connection that is kept may be dead when the next terminal listens here, and the
        service could not know then whether its message arrived."""

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            is_sound = length.isascii() and length.isdigit() and len(length) <= LENGTH_DIGITS_MAX
            body = self.rfile.read(int(length)) if is_sound else b""
            status, answer = _take(terminal, secret, body, self.headers.get(SIGNATURE, ""))
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing: the terminal is for the conversation."""

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise ConfigError(
            f"port {port} of this machine cannot be listened at ({error.strerror}); end what is there, or name another "
            "one with --listen and in the channel's url"
        ) from error
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _take(terminal: Terminal, secret: str, body: bytes, given: str) -> tuple[int, bytes]:
    if not is_signed(secret, body, given):
        return 401, b""
    try:
        message = msgspec.json.decode(body, type=Shown)
    except UNREADABLE:
        return 400, b""
    terminal.show(message)
    return 200, msgspec.json.encode(Taken(id=f"console-{message.reference}"))
