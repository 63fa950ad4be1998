"""The variables that are always there, and those that files declare."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk.core.flow import Variable, VariableKind
from frontdesk.core.scope import AD_CHARACTERS_MAX, FAILURE_CHARACTERS_MAX, NAME_CHARACTERS_MAX
from frontdesk.flows.document import VariablePart, Variables
from frontdesk.flows.facts import Declared, Facts
from frontdesk.flows.yaml import Written

LONGEST: dict[VariableKind, int] = {"text": 1_000, "number": 16, "yes_no": 3, "date": 10, "list": 1_000}

BUILT_IN: Mapping[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable(name="contact.name", longest=NAME_CHARACTERS_MAX),
        Variable(name="contact.phone", longest=16),
        Variable(name="contact.language", longest=6),
        Variable(name="conversation.channel", longest=40),
        Variable(name="conversation.today", kind="date", longest=10),
        Variable(name="conversation.time", longest=5),
        Variable(name="conversation.is_open", kind="yes_no", longest=3),
        Variable(name="conversation.ad", longest=AD_CHARACTERS_MAX),
        Variable(name="message.text"),
        Variable(name="message.kind", longest=20),
        Variable(name="message.value"),
        Variable(name="flow.failure", longest=FAILURE_CHARACTERS_MAX),
    )
}
"""Readable everywhere. `longest` is what the checks of limits count with. Nobody cuts a contact's name to it;
WhatsApp's own are shorter, and what turns out too long in a button or a row is cut there (`core.offering`)."""

MEANINGS = {
    "contact.name": "How the contact calls themselves.",
    "contact.phone": "Their number, digits only; nothing where WhatsApp hides it.",
    "contact.language": "The language they are answered in, such as en. May be set.",
    "conversation.channel": "The channel's name in the configuration.",
    "conversation.today": "The date where the business is, YYYY-MM-DD.",
    "conversation.time": "The time there, HH:MM.",
    "conversation.is_open": "Whether the business is open.",
    "conversation.ad": "The headline of the ad or post that the contact came from, else its id.",
    "message.text": "What the contact wrote last.",
    "message.kind": "What it was: text, image, location … Until the flow has to wait.",
    "message.value": "What it was taken for: a number, a date, an option's id … Until the flow has to wait.",
    "flow.failure": "Why the last call or answer of the flow failed.",
}
WRITABLE = {"contact.language"}


def declare(variables: Variables, facts: Facts) -> dict[str, Variable]:
    """The variables of a file by name, noted in its facts."""
    found: dict[str, Variable] = {}
    for name, written in variables.items():
        part = written if isinstance(written, VariablePart) else VariablePart(place=name.place, type=written)
        _check(name, part, facts)
        longest = part.longest if part.longest and part.type in {"text", "list"} else LONGEST[part.type]
        default = str(part.default) if isinstance(part.default, Written) else part.default
        found[str(name)] = Variable(name=str(name), kind=part.type, longest=longest, default=default)
        facts.declared.append(Declared(found[str(name)], name.place))
    return found


def _check(name: Written, part: VariablePart, facts: Facts) -> None:
    scope = name.split(".")[0]
    if name in BUILT_IN:
        facts.findings.add("wrong-scope", name.place, f"{name} is always there; take its declaration out.")
    elif scope == "message":
        facts.findings.add("wrong-scope", name.place, f"{name}: messages have no variables of yours; declare flow.….")
    elif scope == "flow" and not facts.flow:
        sentence = f"{name} belongs to one flow; declare it there, or make it contact.… or conversation.…."
        facts.findings.add("wrong-scope", name.place, sentence)
    fits: dict[VariableKind, tuple[type, ...]] = {"number": (int, float), "yes_no": (bool,)}
    wanted = fits.get(part.type, (str,))
    if part.default is not None and (
        not isinstance(part.default, wanted) or (isinstance(part.default, bool) and part.type != "yes_no")
    ):
        sentence = f"The default of {name} does not fit its type {part.type}; change one of them."
        facts.findings.add("wrong-value", part.place_of("default"), sentence)
    elif part.default is not None and part.type == "list":
        facts.findings.add("wrong-value", part.place_of("default"), "A list has no default; set it in a step.")
