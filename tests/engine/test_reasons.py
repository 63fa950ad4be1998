"""What `frontdesk conversation show --why` says of everything that a model is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import DraftReply, NotifyDesk
from frontdesk.core.event import DraftFailed, Event, ModelCall, Perceived, ReplyDrafted
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Prompt, Task
from frontdesk.core.tool import ToolCall
from frontdesk.engine.library import NoLibrary
from frontdesk.engine.reasons import Reason, lines_of, reasons
from frontdesk.ports import JournalEntry

pytestmark = pytest.mark.anyio

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
TALK = Conversation(id="c1", channel="main")
HEARD = ModelCall(backend="voice", model="whisper", seconds=1.5, code="", reason="", usage=None)


def outcome(kind: type[Any], **fields: Any) -> Any:
    return kind(id="e2", at=AT, channel="main", conversation_id="c1", effect_id="d1", attempt=1, **fields)


def drafted(**fields: Any) -> ReplyDrafted:
    found: ReplyDrafted = outcome(ReplyDrafted, **{"text": "", **fields})
    return found


def asks(task: Task) -> DraftReply:
    return DraftReply(
        id="d1",
        due_at=AT,
        prompt=Prompt(business_name="", question="When do\nyou open?", turns=(), task=task),
    )


def tells(reason: str) -> NotifyDesk:
    return NotifyDesk(id="n1", due_at=AT, reason=reason)


async def why(event: Event, task: Task = "answer", *told: str) -> Reason:
    async def journal() -> AsyncIterator[JournalEntry]:
        yield JournalEntry(seq=1, event=drafted(), effects=(asks(task),))
        yield JournalEntry(seq=2, event=event, effects=tuple(map(tells, told)))

    return (await reasons(journal(), TALK, Policy(), NoLibrary()))[-1]


@pytest.mark.parametrize(
    ("event", "task", "line"),
    [
        (drafted(text="At nine."), "answer", "answered: At nine."),
        (drafted(is_answer=False), "answer", "found nothing to say"),
        (drafted(text="The customer complains"), "choose", "chose: The customer complains"),
        (drafted(is_answer=False), "choose", "chose no intent"),
        (drafted(text="She wants shoes."), "summarise", "summed up: She wants shoes."),
        (drafted(is_answer=False), "summarise", "found nothing to sum up"),
        (drafted(text="A person will", hands_off=True), "answer", "asked for a person: A person will"),
        (
            drafted(is_answer=False, wants=ToolCall(name="parcel", arguments='{"number":"A1"}')),
            "answer",
            'asked for a tool: parcel {"number":"A1"}',
        ),
        (outcome(DraftFailed, reason="all are busy"), "choose", "no choice: all are busy"),
        (
            outcome(Perceived, message_id="m", sense="voice", words="Where is it?"),
            "answer",
            "wrote down a voice message: Where is it?",
        ),
        (
            outcome(Perceived, message_id="m", sense="picture", words="A torn shoe"),
            "answer",
            "described a picture: A torn shoe",
        ),
        (
            outcome(Perceived, message_id="m", sense="picture", failure="too large"),
            "answer",
            "could not make out a picture (too large)",
        ),
    ],
)
async def test_each_outcome_says_what_it_was(event: Event, task: Task, line: str) -> None:
    assert lines_of(await why(event, task))[0] == f"2026-11-01 09:00:00  {line}"


async def test_what_was_asked_is_said() -> None:
    found = await why(drafted(is_answer=False))
    assert (found.asked, lines_of(found)[1]) == ("When do\nyou open?", "    asked     When do you open?")


async def test_what_people_were_told_because_of_it_is_said() -> None:
    found = await why(drafted(text="See www.example.com"), "answer", "the answer has a link that is not allowed")
    assert "    people    were told: the answer has a link that is not allowed" in lines_of(found)


async def test_who_made_out_a_file_and_what_it_took_is_said() -> None:
    found = await why(outcome(Perceived, message_id="m", sense="voice", words="Hello", calls=(HEARD,)))
    assert (found.model, [call.seconds for call in found.calls]) == ("whisper", [1.5])
