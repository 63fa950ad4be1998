"""From `tools.yaml` to what the language model may ask for. Each tool has facts of its own, for its arguments are
variables of nobody else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from frontdesk.core.flow import Call, Tool, Variable
from frontdesk.core.tool import SEARCH, Argument
from frontdesk.flows.document import ArgumentPart, ToolPart, ToolsDocument
from frontdesk.flows.facts import BODY, Declared, Facts, Mention
from frontdesk.flows.finding import Place
from frontdesk.flows.read_steps import StepReader
from frontdesk.flows.texts import Texts
from frontdesk.flows.yaml import Written

LONGEST = Argument(name="").longest


def read_tools(document: ToolsDocument, facts_of: Callable[[Place], Facts]) -> dict[str, Tool]:
    """The tools by name; what is wrong with each is added to facts of its own."""
    return {str(name): _tool(name, part, facts_of(name.place)) for name, part in document.tools.items()}


def _tool(name: Written, part: ToolPart, facts: Facts) -> Tool:
    texts = Texts(facts)
    if name == SEARCH:
        facts.findings.add("wrong-value", name.place, f"{SEARCH} is always there; give this tool another name.")
    _check_deeds(name, part, facts)
    arguments = tuple(_argument(key, one, facts) for key, one in part.arguments.items())
    tool = Tool(
        name=str(name),
        description=str(part.description),
        arguments=arguments,
        call=_call(name, part, texts),
        starts=str(part.flow or ""),
        remembers=texts.note_written(str(part.remember), part.remember.place) if part.remember else "",
        confirm=texts.said_or_none(part.confirm, BODY),
    )
    if part.flow:
        facts.flows.append(Mention(part.flow, part.flow.place))
        facts.inputs.extend((str(part.flow), Mention(f"flow.{key}", key.place)) for key in part.arguments)
    if part.flow or part.remember:
        facts.read.extend(Mention(f"flow.{key}", key.place) for key in part.arguments)
    return tool


def _check_deeds(name: Written, part: ToolPart, facts: Facts) -> None:
    deeds = [one for one in ("call", "flow", "remember") if getattr(part, one) is not None]
    if len(deeds) != 1:
        sentence = f"The tool “{name}” does {' and '.join(deeds) or 'nothing'}; give it one of call, flow and remember."
        facts.findings.add("two-verbs" if deeds else "no-verb", name.place, sentence)
    if part.save and part.call is None:
        facts.findings.add("wrong-value", part.place_of("save"), "Only a call has something to save; take it out.")
    if part.remember and not part.remember.startswith("contact."):
        sentence = f"A tool keeps facts about the contact only; {part.remember} is none, use a contact.… variable."
        facts.findings.add("wrong-scope", part.remember.place, sentence)
    if part.remember and len(part.arguments) != 1:
        sentence = f"The tool “{name}” keeps one argument and has {len(part.arguments)}; give it one."
        facts.findings.add("wrong-value", part.place_of("arguments"), sentence)


def _argument(name: Written, part: ArgumentPart, facts: Facts) -> Argument:
    """Noted as a variable that is set, so that texts and calls may use it and are checked with its length."""
    longest = part.longest or LONGEST
    variable = Variable(name=f"flow.{name}", kind=part.type, longest=longest if part.type == "text" else 16)
    facts.declared.append(Declared(variable, name.place))
    facts.written.append(Mention(variable.name, name.place))
    if (part.choices or part.longest) and part.type != "text":
        sentence = f"Only a text has choices and a length; {name} is a {part.type}."
        facts.findings.add("wrong-value", name.place, sentence)
    return Argument(
        name=str(name),
        kind=part.type,
        description=str(part.description or ""),
        longest=longest,
        choices=tuple(map(str, part.choices)),
    )


def _call(name: Written, part: ToolPart, texts: Texts) -> Call | None:
    if part.call is None:
        return None
    reader = StepReader(texts, str)
    call = reader.asked(part.call, {"id": str(name), "line": name.place.line})
    saves = tuple((str(key), reader.way(path)) for key, path in part.save.items())
    return msgspec.structs.replace(call, saves=saves)
