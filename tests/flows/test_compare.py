"""Two versions of the flows are compared by what they mean, and what it means for those who stand in one is told."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from frontdesk.core.flow import Book
from frontdesk.core.position import AnswerAwaited, CallAwaited, DraftAwaited, Frame, Position, Run, TapAwaited
from frontdesk.core.tool import Tooling
from frontdesk.flows.book import compile_book
from frontdesk.flows.compare import compare
from frontdesk.flows.impact import Fate, fate

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SHOP = """
title: Shop
starts_on: {keywords: {en: [go, begin]}, buttons: [shop], ads: [a1], first_contact: true, intents: [They want to go]}
variables: {flow.n: number}
steps:
  a: {ask: {en: A number?, hi: संख्या?}, expect: {type: number, maximum: 6}, save: flow.n}
  b: {branch: [{if: flow.n > 3, next: d}], next: c}
  c: {choose: Which?, options: {x: X, y: {title: Y, next: d}}}
  d: {call: {host: h, path: "/{{ flow.n }}"}, save: {flow.n: n}, if_failed: e}
  e: {end: true}
"""
RULES = "languages: [en, hi]\nsilence: [{after: 10 minutes, say: Hello?}]\ninterrupts: [{words: [menu], flow: shop}]\n"


def book(old: str = "", new: str = "", *, rules: str = RULES, **more: str) -> Book:
    assert old in SHOP
    return compile_book({"shop.yaml": SHOP.replace(old, new), "rules.yaml": rules, **more})


def told(new: Book) -> list[str]:
    return [change.sentence for change in compare(book(), new)]


def test_the_same_flows_are_equal_whatever_their_lines() -> None:
    assert told(book("steps:\n", "steps:\n  # a remark\n\n")) == []


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("A number?", "How many?", ["the step shop/a: words.en was “A number?” and is “How many?” now"]),
        (", hi: संख्या?", "", ["the step shop/a: words.hi is gone, which was “संख्या?”"]),
        ("maximum: 6", "maximum: 8", ["the step shop/a: expected.maximum was “6.0” and is “8.0” now"]),
        ("> 3", ">= 3", ["the step shop/b: cases.1 was “if flow.n > 3: d” and is “if flow.n >= 3: d” now"]),
        ("if_failed: e", "if_failed: c", ["the step shop/d: if_failed was “e” and is “c” now"]),
        (
            "/{{ flow.n }}",
            "/n/{{ flow.n }}",
            ["the step shop/d: path was “/{{ flow.n }}” and is “/n/{{ flow.n }}” now"],
        ),
        ("e: {end: true}", "e: {resolve: true}", ["the step shop/e was end and is resolve now"]),
        ("title: Shop", "title: Store", ["the flow shop: title was “Shop” and is “Store” now"]),
        (
            "  e: {end",
            "  n: {tag: [z]}\n  e: {end",
            ["the step shop/d: next was “e” and is “n” now", "the step shop/n (tag) is new"],
        ),
        (
            "x: X, y",
            "x: X, z: Z, y",
            [
                "the step shop/c: options.z.title is new: “Z”",
                "the step shop/c: options.order was “x, y” and is “x, z, y” now",
            ],
        ),
        (
            "[go, begin]",
            "[go, start]",
            [
                "the flow shop now starts on the words “start” (en)",
                "the flow shop no longer starts on the words “begin” (en)",
            ],
        ),
        ("buttons: [shop], ", "", ["the flow shop no longer starts on the button shop"]),
        ("ads: [a1], first_contact: true", "ads: [a2]", None),
        (
            "flow.n: number",
            "flow.n: {type: number, default: 2}",
            ["the flow shop: variables.flow.n.default is new: “2”"],
        ),
    ],
)
def test_each_difference_is_one_sentence(old: str, new: str, sentences: list[str] | None) -> None:
    found = told(book(old, new))
    if sentences is None:
        sentences = [
            "the flow shop now starts on the ad a2",
            "the flow shop no longer starts on a first contact",
            "the flow shop no longer starts on the ad a1",
        ]
    assert [one for one in found if ": options.z.next" not in one] == sentences


def test_flows_and_steps_come_and_go() -> None:
    other = book(**{"more.yaml": "title: M\nsteps: {a: {end: true}}"})
    assert told(other) == ["the flow more is new"]
    assert [one.sentence for one in compare(other, book())] == ["the flow more is gone"]
    longer = book("if_failed: e}\n  e: {", "if_failed: e}\n  f: {tag: [x]}\n  e: {")
    gone = compare(longer, book())
    assert [(one.kind, one.step) for one in gone if one.kind == "removed"] == [("removed", "f")]


def test_the_rules_are_compared_too() -> None:
    changed = RULES.replace("10 minutes", "5 minutes").replace("[menu]", "[menu, start]") + "time_zone: Asia/Kolkata\n"
    found = told(book(rules=changed))
    assert found == [
        "the rules: zone was “UTC” and is “Asia/Kolkata” now",
        "the rules: interrupts.1.phrases was “menu” and is “menu, start” now",
        "the rules: silence.1.after_seconds was “600.0” and is “300.0” now",
    ]


TOOLS = """
tools:
  parcel:
    description: Tells where it is.
    arguments: {number: {longest: 20}}
    call: {host: h, path: "/{{ flow.number }}"}
    save: {place: place}
  cancel:
    description: Cancels it.
    arguments: {number: {longest: 20}}
    call: {host: h, method: POST, path: "/{{ flow.number }}/cancel"}
    confirm: Cancel {{ flow.number }}?
"""


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("Cancel {{", "Stop {{", ["confirm was “Cancel {{ flow.number }}?” and is “Stop {{ flow.number }}?” now"]),
        ("method: POST", "method: PUT", ["call.method was “POST” and is “PUT” now"]),
        ("it.\n    arguments: {number: {longest: 20}}\n    call: {host: h, m", "it.\n    call: {host: h, m", None),
        ("/cancel", "/delete", ["call.path was “/{{ flow.number }}/cancel” and is “/{{ flow.number }}/delete” now"]),
        ("Cancels it.", "Ends it.", ["description was “Cancels it.” and is “Ends it.” now"]),
    ],
)
def test_what_changes_in_a_tool_is_told(old: str, new: str, sentences: list[str] | None) -> None:
    changed = TOOLS.replace(old, new)
    if sentences is None:
        changed = changed.replace("/{{ flow.number }}/cancel", "/cancel").replace("Cancel {{ flow.number }}?", "Sure?")
        sentences = [
            "confirm was “Cancel {{ flow.number }}?” and is “Sure?” now",
            "call.path was “/{{ flow.number }}/cancel” and is “/cancel” now",
            "arguments.number.kind is gone, which was “text”",
            "arguments.number.longest is gone, which was “20”",
        ]
    found = compare(book(**{"tools.yaml": TOOLS}), book(**{"tools.yaml": changed}))
    assert [one.sentence for one in found] == [f"the tool cancel: {sentence}" for sentence in sentences]
    assert {one.tool for one in found} == {"cancel"}


def test_tools_come_and_go() -> None:
    without, has = book(), book(**{"tools.yaml": TOOLS})
    added = [(one.kind, one.tool, one.sentence) for one in compare(without, has)]
    assert added == [
        ("added", "parcel", "the tool parcel is new"),
        ("added", "cancel", "the tool cancel is new"),
    ]
    assert [one.sentence for one in compare(has, without)] == ["the tool parcel is gone", "the tool cancel is gone"]
    assert compare(has, book(**{"tools.yaml": "# A remark\n" + TOOLS})) == []


def test_who_is_asked_to_confirm_a_tool_that_changed_is_concerned() -> None:
    desk = {"desk.yaml": "title: D\nsteps:\n  r: {answer: {tools: [parcel, cancel]}}\n  z: {end: true}"}
    old = book(**{"tools.yaml": TOOLS, **desk})
    waits = TapAwaited(offer_id="e", arguments={}, until=NOW, tooling=Tooling(since=NOW, tool="cancel"))
    run = Run(id="r", book=old.version, frames=(Frame(flow="desk", step="r"),), waits=waits)
    other = book(**{"tools.yaml": TOOLS.replace("/cancel", "/delete"), **desk})
    found = fate(run, old, other)
    why = "asked to confirm the tool cancel, which has changed"
    assert found == Fate(flow="desk", step="r", why=why, tool="cancel")
    assert found.sentence == f"stands at desk/r, {why}: a tap does what was shown, as in the old version"
    gone = fate(run, old, book(**{"tools.yaml": TOOLS.replace("cancel:", "end:"), **desk}))
    assert gone is not None
    assert gone.why == "asked to confirm the tool cancel, which is gone"
    assert fate(run, old, book(**{"tools.yaml": TOOLS.replace("Tells", "Says"), **desk})) is None
    drafting = msgspec.structs.replace(run, waits=DraftAwaited(effect_id="d", tooling=waits.tooling))
    assert fate(drafting, old, other) is None


def standing(step: str, waits: Position | None = None, *, version: str = "") -> Run:
    return Run(
        id="r", book=version or book().version, frames=(Frame(flow="shop", step=step),), waits=waits or AnswerAwaited()
    )


RENAMED = SHOP.replace("  c: {", "  k: {").replace("next: c}", "next: k}")
MOVED = "migration: {from: ['*'], steps: {c: k}}\n"


def test_who_stands_on_what_stays_is_not_concerned() -> None:
    assert fate(standing("a"), book(), book("A number?", "How many?")) is None
    new = compile_book({"shop.yaml": RENAMED, "rules.yaml": RULES})
    assert fate(standing("c", version=new.version), None, new) is None


def test_who_stands_on_a_step_that_is_gone_stays_on_the_old_version() -> None:
    new = compile_book({"shop.yaml": RENAMED, "rules.yaml": RULES})
    found = fate(standing("c"), book(), new)
    assert found == Fate(flow="shop", step="c", why="a step that is gone")
    assert found.sentence == "stands at shop/c, a step that is gone: stays on the old version until the flow ends"
    gone = compile_book({"other.yaml": SHOP, "rules.yaml": "languages: [en, hi]"})
    assert fate(standing("c"), None, gone) == Fate(flow="shop", step="c", why="a flow that is gone")


def test_a_migration_says_where_people_go() -> None:
    text = RENAMED.replace("steps:\n", f"{MOVED}steps:\n")
    new = compile_book({"shop.yaml": text, "rules.yaml": RULES})
    found = fate(standing("c"), book(), new)
    assert found is not None
    assert found.moves_to == "shop/k"
    assert found.sentence == "stands at shop/c, a step that is gone: moves to shop/k"
    waiting = fate(standing("c", CallAwaited(effect_id="e")), book(), new)
    assert waiting is not None
    assert waiting.moves_to == "", "a question is no place to wait for a call"


def test_a_step_of_another_kind_is_told() -> None:
    new = book("c: {choose: Which?, options: {x: X, y: {title: Y, next: d}}}", "c: {ask: Which?}")
    assert fate(standing("c"), book(), new) == Fate(
        flow="shop", step="c", why="which was choose and is ask now", moves_to=""
    )


def test_a_flow_that_waits_for_another_counts_with_its_step() -> None:
    frames = (Frame(flow="shop", step="gone"), Frame(flow="shop", step="a"))
    run = Run(id="r", book=book().version, frames=frames, waits=AnswerAwaited())
    found = fate(run, book(), book("A number?", "How many?"))
    assert found is not None
    assert (found.step, found.why) == ("gone", "a step that is gone")
