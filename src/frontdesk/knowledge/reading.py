"""One file into passages, whatever it is.

Small Markdown and text is read here, in a moment. HTML and PDF, and what is large, are read in a process of their own
with a limit of time and memory: what is nested without end, or swells to gigabytes when it is unpacked, ends that
process and costs a sentence. The service answers meanwhile, and its other files are read.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

import msgspec
from msgspec import Struct

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.markdown import read_markdown, read_text
from frontdesk.knowledge.passages import Section, Unreadable, cut

EDITION = 3
"""Of the readers; one more where the same file gives other passages, so that all files are read again."""

BYTES_MAX = {".md": 1 << 20, ".markdown": 1 << 20, ".txt": 4 << 20, ".html": 8 << 20, ".htm": 8 << 20, ".pdf": 64 << 20}
"""The endings that are read, each with the size of the largest file."""

CHARACTERS_MAX = 8_000_000
"""Of one file's text."""

SECONDS_MAX = 60.0
MEMORY_BYTES_MAX = 1 << 30

HERE_BYTES_MAX = 64 << 10
"""Markdown and text of that size cost a few milliseconds whatever is in them; ten times as much may cost seconds."""

_SIGNATURES = ((b"%PDF-", "a PDF"), (b"PK\x03\x04", "a ZIP archive or an office document"), (b"\x89PNG", "a picture"))


class Answer(Struct, frozen=True, kw_only=True):
    """What the process beside says: sections, or why there are none."""

    sections: list[Section] = []
    refusal: str = ""


class Limits(Struct, frozen=True, kw_only=True):
    """What reading one file beside may cost."""

    seconds: float = SECONDS_MAX
    memory_bytes: int = MEMORY_BYTES_MAX


def is_read(name: str) -> bool:
    """Whether files of that name are read: by their ending, and not where a dot hides them or a folder above."""
    return Path(name).suffix.lower() in BYTES_MAX and not any(part.startswith(".") for part in Path(name).parts)


def digest(data: bytes) -> str:
    """What a file's content is known by, for this edition of the readers."""
    return hashlib.sha256(b"%d:" % EDITION + data).hexdigest()


def read_bytes(path: Path) -> bytes:
    """A file's content, if it is not too large. Raises Unreadable."""
    limit = BYTES_MAX[path.suffix.lower()]
    try:
        if not S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
            raise Unreadable("it is no file; take it away")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise Unreadable("it is not there, or a link to nowhere; put the file there, or take the link away") from error
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror}); check its permissions") from error
    if len(data) > limit:
        raise Unreadable(f"it is larger than {limit >> 20} MB; divide it into several files")
    return data


def read_passages(name: str, data: bytes, limits: Limits = Limits()) -> list[Passage]:  # noqa: B008 -- a constant
    """The passages of a file of that name (its path below the folder, with slashes). Blocks. Raises Unreadable."""
    suffix = Path(name).suffix.lower()
    if not data.strip():
        raise Unreadable("it is empty; write into it, or remove it")
    is_small_text = _READERS[suffix] in (_read_markdown, _read_text) and len(data) <= HERE_BYTES_MAX
    sections = _READERS[suffix](data) if is_small_text else _read_aside(suffix, data, limits)
    passages = cut(name, sections)
    if not passages:
        raise Unreadable("it holds no text; write into it, or remove it")
    if sum(len(passage.text) for passage in passages) > CHARACTERS_MAX:
        raise Unreadable(f"it holds more than {CHARACTERS_MAX} characters; divide it into several files")
    return passages


def _decoded(data: bytes) -> str:
    found = next((what for signature, what in _SIGNATURES if data.startswith(signature)), "")
    if found:
        raise Unreadable(f"it is {found} and no text; save it as text, or correct its ending")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        named = encoding.removesuffix("-sig").upper()
        raise Unreadable(f"it is not {named} in line {line}; save it as UTF-8") from error
    if "\0" in text:
        raise Unreadable("it is binary and no text; correct its ending, or save it as text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_markdown(data: bytes) -> list[Section]:
    return read_markdown(_decoded(data))


def _read_text(data: bytes) -> list[Section]:
    return read_text(_decoded(data))


def _read_html(data: bytes) -> list[Section]:
    from frontdesk.knowledge.html import read_html  # its library is not for the service's own process

    return read_html(data)


def _read_pdf(data: bytes) -> list[Section]:
    from frontdesk.knowledge.pdf import read_pdf  # as above

    if b"%PDF-" not in data[:1024]:
        raise Unreadable("it is no PDF; correct its ending, or export it again")
    return read_pdf(data)


_READERS: dict[str, Callable[[bytes], list[Section]]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
}


def _read_aside(suffix: str, data: bytes, limits: Limits) -> list[Section]:
    command = [sys.executable, "-P", "-m", "frontdesk.knowledge.reading", suffix, str(limits.memory_bytes)]
    try:
        ended = subprocess.run(  # noqa: S603 -- this very module
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=limits.seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"reading it takes longer than {limits.seconds:.0f} s; divide it, or save it in a simpler form"
        ) from None
    try:
        answer = msgspec.json.decode(ended.stdout, type=Answer)
    except msgspec.DecodeError:
        raise Unreadable(
            f"reading it takes more than {limits.memory_bytes >> 20} MB of memory, or crashes the reader; "
            "divide it, or save it in a simpler form"
        ) from None
    if answer.refusal:
        raise Unreadable(answer.refusal)
    return answer.sections


def _answer(suffix: str, data: bytes) -> Answer:
    try:
        sections = _READERS[suffix](data)
    except Unreadable as error:
        return Answer(refusal=str(error))
    if sum(len(block.text) for section in sections for block in section.blocks) > CHARACTERS_MAX:
        return Answer(refusal=f"it holds more than {CHARACTERS_MAX} characters; divide it into several files")
    return Answer(sections=sections)


def main() -> None:
    """The process beside: a file's ending and a limit as arguments, the file as input, an `Answer` as output."""
    suffix, memory = sys.argv[1], int(sys.argv[2])
    data = sys.stdin.buffer.read()
    if sys.platform == "linux":  # elsewhere the limit of time has to do
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.stdout.buffer.write(msgspec.json.encode(_answer(suffix, data)))


if __name__ == "__main__":
    main()
