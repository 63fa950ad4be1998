"""Markdown and plain text into sections. What stands below a heading stays as it was written: tables, lists and links
are Markdown in a prompt too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from frontdesk.knowledge.passages import Block, Section

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?^(?:---|\.\.\.)[ \t]*\n", re.DOTALL | re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_MARKS = re.compile(r"[*_`]+|\]\([^)]*\)|!?\[|\]")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")

# Blocks only: what stands within a paragraph is kept as it is, and reading it takes minutes where somebody means harm.
_parser = MarkdownIt("commonmark").enable("table")
_parser.core.ruler.enableOnly(["normalize", "block"])


def read_markdown(text: str) -> list[Section]:
    """Sections by heading; a preface in YAML (front matter) is left out."""
    text = _FRONT_MATTER.sub("", text)
    lines = text.split("\n")
    headings: list[tuple[int, str]] = []
    sections: list[Section] = []
    blocks: list[Block] = []
    tokens = [token for token in _parser.parse(text) if token.level == 0 or token.type == "inline"]
    for token, after in zip(tokens, [*tokens[1:], None], strict=False):
        if token.type == "heading_open":
            sections.append(Section(path=_path(headings), blocks=tuple(blocks)))
            blocks, level = [], int(token.tag[1:])
            heading = _MARKS.sub("", after.content if after else "").strip()
            headings = [(depth, one) for depth, one in headings if depth < level] + [(level, heading)]
        elif token.map and token.nesting >= 0 and token.level == 0:
            blocks += _blocks(token, lines[token.map[0] : token.map[1]])
    return [*sections, Section(path=_path(headings), blocks=tuple(blocks))]


def read_text(text: str) -> list[Section]:
    """One section without a heading: paragraphs are what blank lines part."""
    return [Section(path=(), blocks=tuple(Block(text=part.rstrip()) for part in _BLANK.split(text) if part.strip()))]


def _path(headings: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(heading for _, heading in headings if heading)


def _blocks(token: Token, lines: list[str]) -> Iterator[Block]:
    text = "\n".join(lines).rstrip()
    match token.type:
        case "hr":
            return
        case "html_block":
            yield Block(text=_TAG.sub("", _HIDDEN.sub("", text)).strip())
        case "table_open":
            yield Block(text=text, header="\n".join(lines[:2]))
        case _:
            yield Block(text=_HIDDEN.sub("", text))
