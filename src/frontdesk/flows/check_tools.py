"""What can only be seen of tools when all files are read: who lists them, and whether the contact has to be asked."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk.core.flow import Flow, Tool
from frontdesk.core.token import nearest
from frontdesk.core.tool import SEARCH
from frontdesk.core.tooling import changes_something
from frontdesk.flows.facts import Declared, Facts


def check_tools(tools: Mapping[str, Tool], flows: Mapping[str, Flow], facts: list[Facts]) -> None:
    """Add to `facts` (of each file, and of each tool) what is wrong."""
    known = (*tools, SEARCH)
    for one in facts:
        for mention in one.tools:
            if mention.name not in known:
                sentence = f"There is no tool “{mention.name}”{nearest(mention.name, known)}; declare it in tools.yaml."
                one.findings.add("unknown-tool", mention.place, sentence)
    declared = {item.variable.name: item for one in facts for item in one.declared}
    of_tools = [one for one in facts if one.file == "tools.yaml"][1:]
    for tool, one in zip(tools.values(), of_tools, strict=True):
        _check_tap(tool, flows, one)
        _check_room(tool, declared, one)


def _check_tap(tool: Tool, flows: Mapping[str, Flow], facts: Facts) -> None:
    if tool.confirm is None and changes_something(tool, flows):
        sentence = (
            f"The tool “{tool.name}” changes something, and the contact is not asked before; write what they are "
            "asked under confirm."
        )
        facts.findings.add("unconfirmed-tool", facts.place, sentence)


def _check_room(tool: Tool, declared: Mapping[str, Declared], facts: Facts) -> None:
    """A fact of the contact's takes what the argument may hold: nothing is cut."""
    kept = declared.get(tool.remembers)
    if kept is None or len(tool.arguments) != 1:
        return
    argument, variable = tool.arguments[0], kept.variable
    if argument.kind != variable.kind or (argument.kind == "text" and argument.longest > variable.longest):
        sentence = (
            f"{variable.name} holds a {variable.kind} of at most {variable.longest} characters, and the argument "
            f"“{argument.name}” may be something else; give both the same type and length."
        )
        facts.findings.add("wrong-value", facts.place, sentence)
