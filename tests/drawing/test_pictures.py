"""Flows as pictures: every step and way is there, any text is safe, and those in the documents are current."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, strategies as st

from frontdesk.cli import cli
from frontdesk.core.states import handler_diagram, position_diagram
from frontdesk.drawing.mermaid import as_mermaid, quoted
from frontdesk.drawing.picture import Arrow, Box, Picture, overview, picture_of
from frontdesk.drawing.svg import as_svg, wrapped
from frontdesk.flows.book import compile_book
from frontdesk.flows.folder import read_sources

ROOT = Path(__file__).parent.parent.parent
BOOK = compile_book(read_sources(ROOT / "config/flows"))
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    '"',
    "]",
    "-->",
    "|x|",
    "%%{init: {}}%%",
    "<script>",
    "`",
    "#35;",
    "&amp;",
    "أهلا\u202e",
    "👩‍🌾",
    "end",
    "\x00\x1b",
]


def one_of(text: str) -> Picture:
    boxes = (Box(id="start", look="start", head=text, words=text), Box(id="s_a", look="say", head="a"))
    return Picture(title=text, boxes=boxes, arrows=(Arrow(begin="start", end="s_a", label=text, is_aside=True),))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["flow", "graph", *arguments])


@pytest.mark.parametrize("name", BOOK.flows)
def test_every_step_has_a_box_and_every_way_an_arrow(name: str) -> None:
    picture, flow = picture_of(BOOK, name), BOOK.flows[name]
    assert [box.id for box in picture.boxes] == ["start", *(f"s_{step}" for step in flow.steps)]
    known = {box.id for box in picture.boxes}
    assert all(arrow.begin in known and arrow.end in known for arrow in picture.arrows)
    led_to = {arrow.end for arrow in picture.arrows}
    assert led_to == known - {"start"}


def test_ways_say_why() -> None:
    picture = picture_of(BOOK, "order_status")
    labels = {(arrow.begin, arrow.end): arrow.label for arrow in picture.arrows}
    assert labels["s_look_up", "s_cannot_find"] == "failed"
    assert labels["s_given", "s_look_up"] == "not empty(flow.number)"
    assert labels["s_more", "s_thanks"] == "Yes"
    assert labels["s_ask_number", "s_cancelled"] == "“cancel”"
    assert labels["s_ask_number", "s_cannot_find"] == "after 3 that do not fit"
    heads = {box.id: (box.head, box.words) for box in picture.boxes}
    assert heads["s_look_up"] == ("call · look_up", "GET /orders/{flow.number} of shop")
    assert heads["start"][0] == "Order status"
    assert "“where is my order”" in heads["start"][1]


def test_the_overview_shows_which_flow_leads_to_which() -> None:
    picture = overview(BOOK)
    ways = {(arrow.begin, arrow.end) for arrow in picture.arrows}
    assert {("s_menu", "s_booking"), ("s_order_status", "s_complaint"), ("s_language", "s_menu")} <= ways
    words = {box.id: box.words for box in picture.boxes}
    assert words["s_menu"] == "“menu”, first contact, an ad"
    assert words["s_opt_out"] == "“stop”"


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_safe_in_mermaid(text: str) -> None:
    lines = as_mermaid(one_of(text)).splitlines()
    assert lines[0] == "flowchart TD"
    inside = re.compile(r'[^"\[\]{}|<>`%&\\\x00-\x1f]*')
    box = re.fullmatch(r'    start\(\["<b>(.*)</b><br/>(.*)"\]\):::is_start', lines[1])
    arrow = re.fullmatch(r'    start -\.->\|"(.*)"\| s_a', lines[3])
    assert box
    assert arrow
    assert all(inside.fullmatch(found) for found in (*box.groups(), *arrow.groups()))


@pytest.mark.parametrize("name", BOOK.flows)
def test_no_word_of_mermaids_own_stands_outside_of_quotes(name: str) -> None:
    bare = re.sub(r'"[^"]*"', "", as_mermaid(picture_of(BOOK, name)))
    assert not re.search(r"\b(end|graph|subgraph|click|style|linkStyle|class)\b", bare)


@given(st.text())
def test_what_is_quoted_holds_nothing_that_mermaid_reads(text: str) -> None:
    assert not re.search(r'["\[\]{}|<>`%&\\\n]', quoted(text))


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800", "word " * 100, "x" * 500])
def test_any_text_is_safe_in_svg(text: str) -> None:
    root = ET.fromstring(as_svg(picture_with(text)))
    texts = [found.text or "" for found in root.iter(f"{SVG}text")]
    assert texts
    assert not list(root.iter(f"{SVG}script"))


def picture_with(text: str) -> Picture:
    """As a flow's author has it in their file."""
    book = compile_book({"shop.yaml": "title: T\nsteps:\n  a: {say: Hello}\n  b: {end: true}\n"})
    drawn = picture_of(book, "shop")
    from frontdesk.drawing.picture import shortened

    words = shortened(text, 90)
    boxes = (*drawn.boxes, Box(id="s_x", look="say", head="say · x", words=words))
    return Picture(title=words, boxes=boxes, arrows=(*drawn.arrows, Arrow(begin="s_a", end="s_x", label=words)))


def test_boxes_hold_a_few_lines() -> None:
    assert wrapped("one two") == ["one two"]
    assert wrapped("word " * 30)[-1].endswith("…")
    assert len(wrapped("word " * 30)) == 3
    assert wrapped("x" * 40) == ["x" * 32, "x" * 8]


@pytest.mark.parametrize("name", ["all", *BOOK.flows])
def test_the_pictures_in_the_documents_are_current(name: str) -> None:
    """After a change: make drawings."""
    drawn = as_svg(overview(BOOK) if name == "all" else picture_of(BOOK, name))
    assert (ROOT / f"docs/flows/{name}.svg").read_text(encoding="utf-8") == drawn


def test_the_diagrams_of_states_in_the_documents_are_those_of_the_tables() -> None:
    text = (ROOT / "docs/flows.md").read_text(encoding="utf-8")
    diagrams = re.findall(r"```mermaid\n(stateDiagram.*?)\n```", text, re.DOTALL)
    assert diagrams == [handler_diagram(), position_diagram()]


def test_the_command_draws_in_every_format(tmp_path: Path) -> None:
    folder = str(ROOT / "config/flows")
    assert run("menu", "--folder", folder).output == as_mermaid(picture_of(BOOK, "menu"))
    assert run("--folder", folder).output == as_mermaid(overview(BOOK))
    file = tmp_path / "menu.svg"
    assert run("menu", "--folder", folder, "--format", "svg", "--output", str(file)).exit_code == 0
    assert file.read_text(encoding="utf-8") == as_svg(picture_of(BOOK, "menu"))
    file = tmp_path / "menu.png"
    assert run("menu", "--folder", folder, "--format", "png", "--output", str(file)).exit_code == 0
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert len(file.read_bytes()) > 20_000


def test_what_cannot_be_drawn_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(ROOT / "config/flows")
    assert "there is no flow 'menue' in" in str(run("menue", "--folder", folder).exception)
    assert "did you mean menu" in str(run("menue", "--folder", folder).exception)
    assert "cannot be read" in str(run("--folder", str(tmp_path / "none")).exception)
    output = str(tmp_path / "no" / "x.svg")
    assert "cannot be written" in str(run("--folder", folder, "--format", "svg", "--output", output).exception)
    (tmp_path / "x.yaml").write_text("title: x")
    assert "have errors; frontdesk flow check" in str(run("--folder", str(tmp_path)).exception)
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    told = str(run("menu", "--folder", folder, "--format", "png").exception)
    assert told == "PNG needs a painter that is not installed; pip install 'frontdesk[drawing]', or draw svg"
