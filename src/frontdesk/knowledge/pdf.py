"""PDF into sections: by its bookmarks where it has them, else by its pages. Run in a process of its own, for a PDF may
be a bomb, and its text costs seconds of pure Python."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from frontdesk.core.letters import fold, words
from frontdesk.knowledge.passages import Block, Section, Unreadable

PAGES_MAX = 2_000
ENCRYPTED = "it is encrypted; save it without a password"
_BOOKMARKS_MAX = 5_000

_Bookmark = tuple[int, int, str]
"""Its page, its depth from 1, its text."""


def read_pdf(data: bytes) -> list[Section]:
    """The text of every page below its bookmarks. Raises Unreadable."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable(ENCRYPTED)
        if len(reader.pages) > PAGES_MAX:
            raise Unreadable(f"it has {len(reader.pages)} pages; divide it, at most {PAGES_MAX} are read")
        pages = [page.extract_text() for page in reader.pages]
    except DependencyError as error:
        raise Unreadable(ENCRYPTED) from error
    except (Unreadable, MemoryError):
        raise
    except PyPdfError as error:
        raise Unreadable(f"it is a broken PDF ({_told(error)}); export it again") from error
    except Exception as error:  # the library fails on a broken file in every way there is
        raise Unreadable(f"it is a broken PDF ({type(error).__name__}); export it again") from error
    if not any(page.strip() for page in pages):
        raise Unreadable("it holds no text, only pictures; run it through a text recognition (OCR) and save that")
    return list(_sections(pages, _bookmarks(reader), _title(reader)))


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__


def _title(reader: PdfReader) -> str:
    try:
        title = reader.metadata.title if reader.metadata else ""
    except Exception:  # noqa: BLE001 -- as above; a title can be done without
        return ""
    return " ".join(str(title or "").split())


def _bookmarks(reader: PdfReader) -> list[_Bookmark]:
    try:
        return list(_flat(reader, reader.outline, 1))[:_BOOKMARKS_MAX]
    except Exception:  # noqa: BLE001 -- as above; bookmarks can be done without
        return []


def _flat(reader: PdfReader, outline: Sequence[Any], depth: int) -> Iterator[_Bookmark]:
    for entry in outline:
        if isinstance(entry, list):
            yield from _flat(reader, entry, depth + 1)
            continue
        page = reader.get_destination_page_number(entry)
        if page is not None and page >= 0:
            yield page, depth, " ".join(str(entry.title).split())


def _sections(pages: Sequence[str], bookmarks: Sequence[_Bookmark], title: str) -> Iterator[Section]:
    above: list[tuple[int, str]] = []
    for number, text in enumerate(pages):
        lines = text.splitlines()
        for page, depth, heading in bookmarks:
            if page != number:
                continue
            before, lines = _parted(lines, heading)
            yield _section(before, above, title, number, has_bookmarks=True)
            above = [(level, one) for level, one in above if level < depth] + [(depth, heading)]
        yield _section(lines, above, title, number, has_bookmarks=bool(bookmarks))


def _parted(lines: list[str], heading: str) -> tuple[list[str], list[str]]:
    """The lines above and below the one that is the heading; a heading that is not found stands above all."""
    wanted = words(fold(heading))
    place = next((place for place, line in enumerate(lines) if words(fold(line)) == wanted), None)
    return ([], lines) if place is None else (lines[:place], lines[place + 1 :])


def _section(
    lines: list[str], above: list[tuple[int, str]], title: str, number: int, *, has_bookmarks: bool
) -> Section:
    path = [heading for _, heading in above] if has_bookmarks else [title, f"page {number + 1}"]
    text = "\n".join(line.rstrip() for line in lines)
    blocks = tuple(Block(text=part) for part in text.split("\n\n") if part.strip())
    return Section(path=tuple(filter(None, path)), blocks=blocks)
