"""The rules about voice messages and pictures where a machine can write down what they say: wait for that, but not for
ever.

    MessageReceived (a voice message) -> FetchMedia, WakeAt;  MediaFetched -> Perceive;  Perceived -> answered

What was said then stands where the contact's text would, for flows and drafts alike; of a picture, what it shows stands
beside its caption. Both are marked as what they are, and are data as all words of a contact are: a picture that says
"ignore your instructions" shows these words. Where nothing is made out, or too late, the message is answered as it is
where nobody listens: with a kind sentence, or by a person.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from frontdesk.core.conversation import Unheard
from frontdesk.core.drafting import mark_read
from frontdesk.core.effect import Perceive, WakeAt
from frontdesk.core.event import MediaFetched, MessageReceived, Sense
from frontdesk.core.flow import Ask
from frontdesk.core.letters import clean_lines
from frontdesk.core.message import Content, Media, Text
from frontdesk.core.plan import TURN_CHARACTERS_MAX, Plan
from frontdesk.core.position import AnswerAwaited
from frontdesk.core.running import resume

UNHEARD_MAX = 4
"""More files at once are answered as what they are."""

_FILES_WANTED = {"image", "audio", "media", "anything"}


def put_off(plan: Plan, event: MessageReceived) -> bool:
    """Whether the message is answered when its file has been made out."""
    if sense_of(plan, event.content) is None or len(plan.state.unheard) >= UNHEARD_MAX or _is_file_awaited(plan):
        return False
    until = plan.now + timedelta(seconds=plan.policy.perceive_seconds)
    mark_read(plan, is_typing=True)
    plan.add(WakeAt, until, purpose="perception", about=event.id)
    plan.change(unheard=(*plan.state.unheard, Unheard(event=event, until=until)))
    return True


def sense_of(plan: Plan, content: Content) -> Sense | None:
    """What is needed to make out a file, where the business has it."""
    match content:
        case Media(kind="audio", media_id=str()) if plan.policy.hears_voice:
            return "voice"
        case Media(kind="image", media_id=str()) if plan.policy.sees_pictures:
            return "picture"
        case _:
            return None


def _is_file_awaited(plan: Plan) -> bool:
    """A flow that asks for a photo wants the photo."""
    run = plan.state.run
    if run is None or not isinstance(run.waits, AnswerAwaited):
        return False
    step = resume(plan, run).step
    return isinstance(step, Ask) and step.expected.kind in _FILES_WANTED


def media_fetched(plan: Plan, event: MediaFetched) -> None:
    """A file is here; somebody may be waiting for what it says."""
    held = next((one for one in plan.state.unheard if one.event.id == event.message_id), None)
    sense = sense_of(plan, held.event.content) if held else None
    if held is not None and sense is not None:
        plan.add(
            Perceive,
            message_id=event.message_id,
            sense=sense,
            stored_as=event.stored_as,
            mime_type=event.mime_type,
            not_after=held.until,
        )


def taken_up(plan: Plan, message_id: str, words: str) -> MessageReceived | None:
    """The message that waited, with the words in it; None where none did, or does any more."""
    held = next((one for one in plan.state.unheard if one.event.id == message_id), None)
    if held is None:
        return None
    plan.change(unheard=tuple(one for one in plan.state.unheard if one is not held))
    return msgspec.structs.replace(held.event, content=with_words(held.event.content, words))


def with_words(content: Content, words: str) -> Content:
    """A file with what it says or shows; as it was where that is nothing."""
    said = clean_lines(words).strip()[:TURN_CHARACTERS_MAX]
    if not said or not isinstance(content, Media):
        return content
    return Text(body=said, is_heard=True) if content.kind == "audio" else msgspec.structs.replace(content, words=said)
