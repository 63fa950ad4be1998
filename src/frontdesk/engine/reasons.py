"""Why the bot said what it said: all that a model was asked for in a conversation, what it was for, how it came about,
and whether people were told.

The steps of a flow stand in no journal, but the journal is folded again to find them, each event with the flows that
were in force then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import DraftReply, NotifyDesk
from frontdesk.core.event import DraftFailed, EffectPostponed, Event, ModelCall, Perceived, ReplyDrafted
from frontdesk.core.money import cost_of, usd
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Prompt, Task
from frontdesk.core.tool import ToolCall
from frontdesk.engine.library import Borrowed, Shelf
from frontdesk.engine.replay import decide_again
from frontdesk.ports import JournalEntry, StoreUnavailable

_NOUNS: dict[Task, str] = {"answer": "answer", "choose": "choice", "summarise": "summary"}
_FOUND: dict[Task, str] = {"answer": "answered", "choose": "chose", "summarise": "summed up"}
_FOUND_NOTHING: dict[Task, str] = {
    "answer": "found nothing to say",
    "choose": "chose no intent",
    "summarise": "found nothing to sum up",
}


class Asked(Struct, frozen=True, kw_only=True):
    """One call of a language model. `code`: "" where it answered."""

    backend: str
    model: str
    code: str
    reason: str
    seconds: float
    tokens_in: int
    tokens_out: int
    usd: str
    is_estimated: bool


class Reason(Struct, frozen=True, kw_only=True):
    """What came of asking a model. `asked`: the question, as a rule the contact's words; `said`: the model's words;
    `outcome` what they were; `told`: what people were told because of it, "" for nothing; `path` the steps of the flows
    since they began, the last one that which asked; `sources` the passages; `usd` what all `calls` cost together,
    decimal text."""

    at: str
    effect_id: str
    outcome: str
    asked: str = ""
    said: str
    told: str
    path: tuple[str, ...]
    sources: tuple[str, ...]
    prompt_version: str
    model: str
    usd: str
    calls: tuple[Asked, ...]


async def reasons(
    journal: AsyncIterator[JournalEntry], stored: Conversation, policy: Policy, library: Shelf
) -> list[Reason]:
    """Everything that a model was asked for and that came to an end, in order. Raises StoreUnavailable."""
    borrowed = Borrowed(library)
    state = Conversation(id=stored.id, channel=stored.channel)
    path: tuple[str, ...] = ()
    tried: dict[str, tuple[ModelCall, ...]] = {}
    prompts: dict[str, Prompt] = {}
    found: list[Reason] = []
    async for entry in journal:
        match entry.event:
            case EffectPostponed(calls=calls) as event if calls:
                tried[event.effect_id] = (*tried.get(event.effect_id, ()), *calls)
            case ReplyDrafted() | DraftFailed() | Perceived() as event:
                calls = (*tried.pop(event.effect_id, ()), *event.calls)
                found.append(_reason(event, prompts.pop(event.effect_id, None), _told(entry), path, calls))
            case _:
                pass
        prompts.update({one.id: one.prompt for one in entry.effects if isinstance(one, DraftReply)})
        state = await _after(state, entry.event, policy, borrowed)
        path = _further(path, state)
    return found


async def _after(state: Conversation, event: Event, policy: Policy, borrowed: Borrowed) -> Conversation:
    try:
        return (await decide_again(state, event, policy, borrowed)).conversation
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001 -- what the rules fail on today says nothing of the path; `replay` tells of it
        return state


def _further(path: tuple[str, ...], state: Conversation) -> tuple[str, ...]:
    if state.run is None:
        return ()
    frame = state.run.frames[-1]
    here = f"{frame.flow}.{frame.step}"
    return path if path and path[-1] == here else (*path, here)


def _told(entry: JournalEntry) -> str:
    return "; ".join(effect.reason for effect in entry.effects if isinstance(effect, NotifyDesk))


def _reason(
    event: ReplyDrafted | DraftFailed | Perceived,
    prompt: Prompt | None,
    told: str,
    path: tuple[str, ...],
    calls: tuple[ModelCall, ...],
) -> Reason:
    drafted = event if isinstance(event, ReplyDrafted) else None
    return Reason(
        at=f"{event.at:%Y-%m-%d %H:%M:%S}",
        effect_id=event.effect_id,
        outcome=_outcome(event, prompt.task if prompt else "answer"),
        asked=prompt.question if prompt else "",
        said=_said(event),
        told=told,
        path=path,
        sources=drafted.sources if drafted else (),
        prompt_version=drafted.prompt_version if drafted else "",
        model=_model(event),
        usd=usd(sum(cost_of(call)[0] for call in calls)),
        calls=tuple(map(_asked, calls)),
    )


def _said(event: ReplyDrafted | DraftFailed | Perceived) -> str:
    match event:
        case ReplyDrafted(wants=ToolCall(name=name, arguments=arguments), hands_off=False):
            return f"{name} {arguments}"
        case ReplyDrafted(text=said) | Perceived(words=said):
            return said
        case _:
            return ""


def _model(event: ReplyDrafted | DraftFailed | Perceived) -> str:
    match event:
        case ReplyDrafted(model=model):
            return model
        case Perceived(failure="", calls=(*_, last)):
            return last.model
        case _:
            return ""


def _outcome(event: ReplyDrafted | DraftFailed | Perceived, task: Task) -> str:
    match event:
        case Perceived(failure="", sense=sense):
            return "wrote down a voice message" if sense == "voice" else "described a picture"
        case Perceived(failure=reason, sense=sense):
            return f"could not make out a {sense} ({reason})"
        case DraftFailed():
            return f"no {_NOUNS[task]}: {event.reason}"
        case ReplyDrafted(hands_off=True):
            return "asked for a person"
        case ReplyDrafted(wants=ToolCall()):
            return "asked for a tool"
        case ReplyDrafted(is_answer=is_answer):
            return _FOUND[task] if is_answer else _FOUND_NOTHING[task]


def _asked(call: ModelCall) -> Asked:
    amount, is_estimated = cost_of(call)
    return Asked(
        backend=call.backend,
        model=call.model,
        code=call.code,
        reason=call.reason,
        seconds=call.seconds,
        tokens_in=call.usage.tokens_in if call.usage else 0,
        tokens_out=call.usage.tokens_out if call.usage else 0,
        usd=usd(amount),
        is_estimated=is_estimated,
    )


def lines_of(reason: Reason) -> list[str]:
    """For a terminal."""
    said = " ".join(reason.said.split())
    told = [f"{reason.at}  {reason.outcome}" + (f": {said}" if said else "")]
    about = {
        "asked": " ".join(reason.asked.split()),
        "flow": " > ".join(reason.path),
        "passages": ", ".join(reason.sources),
        "prompt": reason.prompt_version,
        "model": reason.model,
        "cost": f"{reason.usd} USD",
        "people": f"were told: {reason.told}" if reason.told else "",
    }
    told += [f"    {name:<9} {value}" for name, value in about.items() if value]
    return told + [f"    {'call':<9} {_line(call)}" for call in reason.calls]


def _line(call: Asked) -> str:
    became = f"{call.code}: {call.reason}" if call.code else "answered"
    about = "about " if call.is_estimated else ""
    tokens = f"{call.tokens_in} tokens in, {call.tokens_out} out"
    return f"{call.backend} {call.model}  {call.seconds:.1f} s  {tokens}  {about}{call.usd} USD  {became}"
