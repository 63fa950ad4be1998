"""What the variables of a flow hold while an event is decided: read as one mapping, written back to where they live.

`contact.…` are facts, which stay; `conversation.…` go when the conversation starts afresh; `flow.…` live as long as
their flow; `message.…` is the message that is being decided, and without one `message.text` is what was written last.
What is built in can be read only, but for `contact.language`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import MessageReceived
from frontdesk.core.expression import Expression
from frontdesk.core.flow import Book, Flow, Source, Variable
from frontdesk.core.functions import day, number
from frontdesk.core.hours import is_open
from frontdesk.core.message import Choice, Content, Media, Text
from frontdesk.core.position import Stored
from frontdesk.core.transcript import as_text
from frontdesk.core.value import LIST_ITEMS_MAX, TEXT_CHARACTERS_MAX, Value, shown

NAME_CHARACTERS_MAX = 100
FAILURE_CHARACTERS_MAX = 200
AD_CHARACTERS_MAX = 100
"""What the check of WhatsApp's limits counts on where no business declares anything."""

LANGUAGE = "language"
"""The fact in which a language that the contact chose is kept."""


def values_of(state: Conversation, book: Book, flow: Flow | None, at: datetime) -> dict[str, Value]:
    """Every variable that can be read, by its name with its scope, but for the flow's own that were set."""
    local = at.astimezone(book.rules.zone)
    values: dict[str, Value] = {name: variable.default for name, variable in book.defaults.items()}
    if flow is not None:
        values.update((name, variable.default) for name, variable in flow.variables.items())
    values.update((f"contact.{name}", value) for name, value in state.facts.items())
    values.update((f"conversation.{name}", value) for name, value in state.variables.items())
    values["contact.name"] = state.name[:NAME_CHARACTERS_MAX]
    values["contact.phone"] = next((one.value for one in state.addresses if one.kind == "phone"), "")
    values["contact.language"] = languages_of(state, book)[0]
    values["conversation.channel"] = state.channel
    values["message.text"] = next((held.turn.text for held in reversed(state.turns) if held.turn.role == "contact"), "")
    values["conversation.today"] = local.date().isoformat()
    values["conversation.time"] = f"{local:%H:%M}"
    values["conversation.is_open"] = is_open(book.rules.hours, at)
    return values


def heard_values(event: MessageReceived) -> dict[str, Value]:
    """What `message.…` holds."""
    return {"message.text": as_text(event.content), "message.kind": _kind(event.content)}


def _kind(content: Content) -> str:
    match content:
        case Text():
            return "text"
        case Choice():
            return "choice"
        case Media():
            return "voice" if content.is_voice else content.kind
        case _:
            return str(content.__struct_config__.tag)


def languages_of(state: Conversation, book: Book) -> tuple[str, ...]:
    """In which languages the contact is spoken to, the best first: chosen, told by what they wrote, the business's."""
    chosen = state.facts.get(LANGUAGE)
    known = [one for one in (chosen, state.language) if isinstance(one, str) and one in book.rules.languages]
    return (*known, *book.rules.languages)


def value_of(source: Source, values: Mapping[str, Value]) -> Value:
    """What an assignment assigns. Raises EvaluationError."""
    return source.evaluate(values) if isinstance(source, Expression) else source.render(values)


def fitted(value: Value, variable: Variable | None) -> Stored:
    """The value as a variable of its kind keeps it; None where it does not fit, so that `empty(…)` tells. Texts are cut
    to what was declared, for the check of WhatsApp's limits counted on it."""
    if variable is None:
        return _plain(value)
    match variable.kind:
        case "text":
            return None if value is None else shown(value)[: min(variable.longest, TEXT_CHARACTERS_MAX)]
        case "number":
            read = number(value) if isinstance(value, str) else value
            return read if isinstance(read, int | float) and not isinstance(read, bool) else None
        case "yes_no":
            return value if isinstance(value, bool) else None
        case "date":
            on = day(value) if isinstance(value, str) else None
            return on.isoformat() if on else None
        case "list":
            return _list(value) if isinstance(value, tuple) else None


def _plain(value: Value) -> Stored:
    match value:
        case str():
            return value[:TEXT_CHARACTERS_MAX]
        case tuple():
            return _list(value)
        case _:
            return value


def _list(value: tuple[Value, ...]) -> Stored:
    return tuple(
        shown(item)[:TEXT_CHARACTERS_MAX] if isinstance(item, tuple | str) else item for item in value[:LIST_ITEMS_MAX]
    )
