"""What is different between two versions of the flows, in words: structure, not lines of text.

Each step, and what else a version holds, is laid out as plain values under paths (`options.order.title.en`), and the
paths are compared. A step of another kind is another step, and is told in one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from frontdesk.core.expression import Expression
from frontdesk.core.flow import ANY_LANGUAGE, AnyStep, Book, Case, Flow, Option, Tool, Words
from frontdesk.core.wording import Wording

SHOWN_MAX = 120
_NOT_COMPARED = {"id", "line"}
_VERBS = {
    "Assign": "set",
    "SubFlow": "flow",
    "GiveToPeople": "hand_off",
}


class Change(Struct, frozen=True, kw_only=True):
    """One difference. `flow` is "" for the rules and the tools; `step` and `tool` are "" where it is not about one.
    `what` is the path of what changed, "" where all of it is new or gone."""

    kind: Literal["added", "removed", "changed"]
    flow: str
    sentence: str
    step: str = ""
    tool: str = ""
    what: str = ""


def compare(old: Book, new: Book) -> list[Change]:
    """All differences: the rules first, then the tools, then flow by flow, in the order of the new version."""
    changes = [*_rules(old, new), *_tools(old, new)]
    for name in [*new.flows, *(name for name in old.flows if name not in new.flows)]:
        before, after = old.flows.get(name), new.flows.get(name)
        if before is None:
            changes.append(Change(kind="added", flow=name, sentence=f"the flow {name} is new"))
        elif after is None:
            changes.append(Change(kind="removed", flow=name, sentence=f"the flow {name} is gone"))
        else:
            changes += _flow(before, after)
        if before is not None and after is not None:
            changes += _triggers(name, old, new)
    return changes


def kind_of_step(step: AnyStep) -> str:
    """As it is written in a file."""
    name = type(step).__name__
    return _VERBS.get(name, name.lower())


def _rules(old: Book, new: Book) -> Iterator[Change]:
    before = {**_laid_out("", old.rules), **_laid_out("variables", dict(old.defaults))}
    after = {**_laid_out("", new.rules), **_laid_out("variables", dict(new.defaults))}
    for kind, what, sentence in _different(before, after):
        yield Change(kind=kind, flow="", what=what, sentence=f"the rules: {sentence}")


def _tools(old: Book, new: Book) -> Iterator[Change]:
    for name in [*new.tools, *(name for name in old.tools if name not in new.tools)]:
        before, after = old.tools.get(name), new.tools.get(name)
        if before is None:
            yield Change(kind="added", flow="", tool=name, sentence=f"the tool {name} is new")
        elif after is None:
            yield Change(kind="removed", flow="", tool=name, sentence=f"the tool {name} is gone")
        else:
            yield from tool_changes(before, after)


def tool_changes(before: Tool, after: Tool) -> Iterator[Change]:
    """What is different between two tools of one name."""
    for kind, what, sentence in _different(_about_tool(before), _about_tool(after)):
        yield Change(kind=kind, flow="", tool=after.name, what=what, sentence=f"the tool {after.name}: {sentence}")


def _about_tool(tool: Tool) -> dict[str, str]:
    """Its arguments by their names, for their order means nothing."""
    about = {"description": tool.description, **_laid_out("confirm", tool.confirm), **_laid_out("call", tool.call)}
    for argument in tool.arguments:
        told = _laid_out(f"arguments.{argument.name}", argument)
        about |= {path: text for path, text in told.items() if not path.endswith(".name")}
    return {**about, **({"flow": tool.starts} if tool.starts else {}), **_laid_out("remember", tool.remembers)}


def _flow(before: Flow, after: Flow) -> Iterator[Change]:
    name = after.name
    for kind, what, sentence in _different(_about(before), _about(after)):
        yield Change(kind=kind, flow=name, what=what, sentence=f"the flow {name}: {sentence}")
    for step in [*after.steps, *(step for step in before.steps if step not in after.steps)]:
        old, new = before.steps.get(step), after.steps.get(step)
        where = f"the step {name}/{step}"
        if old is None:
            told = f"{where} ({kind_of_step(after.steps[step])}) is new"
            yield Change(kind="added", flow=name, step=step, sentence=told)
        elif new is None:
            yield Change(kind="removed", flow=name, step=step, sentence=f"{where} ({kind_of_step(old)}) is gone")
        elif type(old) is not type(new):
            told = f"{where} was {kind_of_step(old)} and is {kind_of_step(new)} now"
            yield Change(kind="changed", flow=name, step=step, what="kind", sentence=told)
        else:
            for kind, what, sentence in _different(_laid_out("", old), _laid_out("", new)):
                yield Change(kind=kind, flow=name, step=step, what=what, sentence=f"{where}: {sentence}")


def _about(flow: Flow) -> dict[str, str]:
    """What a flow says besides its steps."""
    return {
        "title": flow.title,
        "begins at": flow.first,
        "may be requested": "yes" if flow.may_be_requested else "no",
        **_laid_out("variables", dict(flow.variables)),
        **_laid_out("migration", flow.migration),
    }


def _triggers(name: str, old: Book, new: Book) -> Iterator[Change]:
    before, after = _starts(name, old), _starts(name, new)
    for one in [*(one for one in after if one not in before), *(one for one in before if one not in after)]:
        is_new = one in after
        told = f"the flow {name} now starts on {one}" if is_new else f"the flow {name} no longer starts on {one}"
        yield Change(kind="added" if is_new else "removed", flow=name, what="starts_on", sentence=told)


def _starts(name: str, book: Book) -> dict[str, None]:
    """What starts a flow, one phrase for each."""
    triggers = book.triggers
    found = [
        f"the words “{' '.join(one.words)}”" + (f" ({one.language})" if one.language else "")
        for row in triggers.keywords.values()
        for one in row
        if one.flow == name
    ]
    found += [f"the button {key}" for key, flow in triggers.buttons.items() if flow == name]
    found += [f"the ad {key}" for key, flow in triggers.ads.items() if flow == name]
    found += [f"the meaning “{one.sentence}”" for one in triggers.intents if one.flow == name]
    found += ["a first contact"] if triggers.first_contact == name else []
    return dict.fromkeys(sorted(found))


def _different(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[Literal["added", "removed", "changed"], str, str]]:
    for path in [*after, *(path for path in before if path not in after)]:
        if path not in before:
            yield "added", path, f"{path} is new: {_shown(after[path])}"
        elif path not in after:
            yield "removed", path, f"{path} is gone, which was {_shown(before[path])}"
        elif before[path] != after[path]:
            yield "changed", path, f"{path} was {_shown(before[path])} and is {_shown(after[path])} now"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= SHOWN_MAX else line[: SHOWN_MAX - 1] + '…'}”"


def _laid_out(path: str, value: Any) -> dict[str, str]:
    """Plain values by path; what is not there, or empty, has none."""
    found: dict[str, str] = {}
    _lay_out(path, value, found)
    return found


def _lay_out(path: str, value: Any, found: dict[str, str]) -> None:  # noqa: C901, PLR0912 -- one case a kind
    match value:
        case None | "" | ():
            pass
        case Expression():
            found[path] = f"= {value.text.strip()}"
        case Wording():
            found[path] = value.text
        case Words():
            for language, wording in value.by_language.items():
                _lay_out(_below(path, "" if language == ANY_LANGUAGE else language), wording, found)
        case Struct():
            for name in value.__struct_fields__:
                if name not in _NOT_COMPARED or not hasattr(value, "line"):
                    _lay_out(_below(path, name), getattr(value, name), found)
        case Mapping():
            for key, one in value.items():
                _lay_out(_below(path, str(key)), one, found)
        case tuple() | frozenset():
            _lay_out_row(path, value, found)
        case bool():
            if value:
                found[path] = "yes"
        case _:
            found[path] = str(value)


def _lay_out_row(path: str, row: tuple[Any, ...] | frozenset[Any], found: dict[str, str]) -> None:
    """Options by their ids, other parts by their places; plain values in one line."""
    if isinstance(row, frozenset):
        found[path] = ", ".join(sorted(map(_plainly, row)))
    elif all(isinstance(one, Option) for one in row):
        for one in row:
            _lay_out(_below(path, one.id), _Titled(one.title, one.description, one.next), found)
        found[_below(path, "order")] = ", ".join(one.id for one in row)
    elif all(isinstance(one, Struct) and not isinstance(one, Expression | Wording | Words) for one in row):
        for number, one in enumerate(row, 1):
            told = f"if {one.test.text.strip()}: {one.next}" if isinstance(one, Case) else one
            _lay_out(_below(path, f"{number}"), told, found)
    else:
        found[path] = ", ".join(map(_plainly, row))


class _Titled(Struct, frozen=True, eq=False):
    """An option without its id."""

    title: Words
    description: Words | None
    next: str


def _plainly(value: Any) -> str:
    match value:
        case Expression() | Wording():
            return value.text
        case tuple():
            return " ".join(map(_plainly, value))
        case Struct():
            return "; ".join(f"{path} {text}" for path, text in _laid_out("", value).items())
        case _:
            return str(value)


def _below(path: str, name: str) -> str:
    return ".".join(filter(None, (path, name)))
