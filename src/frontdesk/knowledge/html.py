"""HTML into sections. Run in a process of its own: what is nested 100,000 deep costs the parser minutes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from frontdesk.knowledge.passages import Block, Section, Unreadable

_UNSEEN = frozenset(
    "script style template noscript head svg math iframe object canvas audio video select button input textarea nav "
    "-comment".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKING = frozenset(
    "address article aside blockquote body details dialog div dl dd dt fieldset figcaption figure footer form header "
    "hr html legend li main ol p pre section summary table tbody td tfoot th thead tr ul caption".split()
)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_INVISIBLE = re.compile(
    r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity)\s*:\s*(?:0|0?\.0+)(?![.\d]))",
    re.IGNORECASE,
)
_MARK_BYTES = 2_048
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_html(data: bytes) -> list[Section]:
    """Sections by heading, without what no reader sees (scripts, styles, forms, navigation). A page without a heading
    has its title as one. Raises Unreadable."""
    parser = LexborHTMLParser(_decoded(data))
    reader = _Reader()
    if parser.body is not None:
        reader.read(parser.body)
    title = parser.css_first("title")
    name = " ".join(title.text().split()) if title is not None else ""
    sections = reader.sections()
    if name and not any(section.path for section in sections):
        return [Section(path=(name,), blocks=section.blocks) for section in sections]
    return sections


def _decoded(data: bytes) -> str:
    told = _CHARSET.search(data[:_MARK_BYTES])
    named = told[1].decode("ascii", "replace") if told else "utf-8"
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), named)
    try:
        return data.decode(encoding)
    except LookupError:
        raise Unreadable(f"it names the encoding {encoding!r}, which nobody knows; save it as UTF-8") from None
    except UnicodeDecodeError:
        raise Unreadable(f"it is not {encoding.upper()}; save it as UTF-8, or name its charset") from None


class _Reader:
    """Walks the tree without recursion and gathers lines."""

    def __init__(self) -> None:
        self._headings: list[tuple[int, str]] = []
        self._sections: list[Section] = []
        self._blocks: list[Block] = []
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0
        self._header = ""

    def sections(self) -> list[Section]:
        """What was gathered; the end of it."""
        self._end_section()
        return self._sections

    def read(self, root: LexborNode) -> None:
        """Everything below `root`, in the page's order."""
        waiting: list[tuple[LexborNode, bool]] = [(root, True)]
        while waiting:
            node, is_opening = waiting.pop()
            tag = node.tag or ""
            if not is_opening:
                self._close(tag)
                continue
            if tag in _UNSEEN or _is_hidden(node):
                continue
            if tag == "-text":
                self._line.append(node.text_content or "")
                continue
            if tag in _HEADINGS:
                self._heading(_HEADINGS[tag], " ".join(node.text(separator=" ").split()))
                continue
            self._open(tag)
            waiting.append((node, False))
            waiting.extend((child, True) for child in reversed(list(_children(node))))

    def _heading(self, level: int, text: str) -> None:
        self._end_section()
        self._headings = [(depth, one) for depth, one in self._headings if depth < level]
        if text:
            self._headings.append((level, text))

    def _open(self, tag: str) -> None:
        match tag:
            case "ul" | "ol":
                self._end_line()
                if not self._depth:
                    self._end_block()
                self._depth += 1
            case "table" | "pre" | "p" | "blockquote" if not self._depth:
                self._end_block()
            case "td" | "th":
                if self._line:
                    self._line.append(" | ")
            case "li" | "tr" | "br":
                self._end_line()
                if tag == "li":
                    self._line.append(f"{'  ' * (self._depth - 1)}- ")
            case _ if tag in _BREAKING:
                self._end_line()
            case _:
                pass

    def _close(self, tag: str) -> None:
        match tag:
            case "ul" | "ol":
                self._end_line()
                self._depth = max(0, self._depth - 1)
                if not self._depth:
                    self._end_block()
            case "thead":
                self._end_line()
                self._header = "\n".join(self._lines)
            case "table" | "pre" | "p" | "blockquote" if not self._depth:
                self._end_block()
            case "td" | "th":
                pass
            case _ if tag in _BREAKING:
                self._end_line()
            case _:
                pass

    def _end_line(self) -> None:
        text = "".join(self._line)
        indent = re.match(r"(?:  )*- ", text)
        kept = indent[0] if indent else ""
        words = " ".join(text[len(kept) :].split()).strip("| ") if "|" in text else " ".join(text[len(kept) :].split())
        if words:
            self._lines.append(kept + words)
            self._line = []
        elif kept:
            self._line = [kept]  # the item's words stand in a paragraph of their own
        else:
            self._line = []

    def _end_block(self) -> None:
        self._end_line()
        if self._lines:
            self._blocks.append(Block(text="\n".join(self._lines), header=self._header))
        self._lines, self._line, self._header = [], [], ""

    def _end_section(self) -> None:
        self._end_block()
        path = tuple(text for _, text in self._headings)
        if self._blocks:
            self._sections.append(Section(path=path, blocks=tuple(self._blocks)))
        self._blocks = []


def _is_hidden(node: LexborNode) -> bool:
    """Whether the page itself says that nobody sees it: what stands there is for machines, ours included."""
    if (node.tag or "").startswith("-"):
        return False
    attributes = node.attributes
    return "hidden" in attributes or bool(_INVISIBLE.search(attributes.get("style") or ""))


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next
