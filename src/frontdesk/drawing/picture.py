"""What is to be drawn: a box for each step with its kind and first words, and where each leads, with why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct

from frontdesk.core.expression import Expression
from frontdesk.core.flow import (
    ANY_LANGUAGE,
    Answer,
    AnyStep,
    Ask,
    Assign,
    Book,
    Branch,
    Call,
    CardSaid,
    Choose,
    Consent,
    End,
    GiveToPeople,
    Jump,
    LinkSaid,
    LocationSaid,
    MediaSaid,
    Question,
    Resolve,
    Said,
    Say,
    Source,
    SubFlow,
    Tag,
    TemplateSaid,
    TextSaid,
    Wait,
    Words,
)
from frontdesk.core.letters import clean
from frontdesk.core.wording import Wording

WORDS_MAX = 90
LABEL_MAX = 44
PHRASES_MAX = 4
START = "start"

Look: TypeAlias = Literal["start", "say", "question", "choice", "machine", "flow", "people", "end", "note"]


class Box(Struct, frozen=True, kw_only=True):
    """One box. `head` says what it does, `words` its first words."""

    id: str
    look: Look
    head: str
    words: str = ""


class Arrow(Struct, frozen=True, kw_only=True):
    """From box to box. `is_aside`: where something went wrong."""

    begin: str
    end: str
    label: str = ""
    is_aside: bool = False


class Picture(Struct, frozen=True, kw_only=True):
    """Boxes and arrows; the first box is where it begins."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture_of(book: Book, name: str) -> Picture:
    """Of one flow. Raises KeyError."""
    flow = book.flows[name]
    language = book.rules.languages[0]
    start = Box(id=START, look="start", head=flow.title, words=shortened(_beginnings(book, name), 2 * WORDS_MAX))
    return Picture(
        title=flow.title,
        boxes=(start, *(_box(step, language) for step in flow.steps.values())),
        arrows=(
            Arrow(begin=START, end=_step_id(flow.first)),
            *(arrow for step in flow.steps.values() for arrow in _arrows(step, language)),
        ),
    )


def overview(book: Book) -> Picture:
    """Of all flows: what starts each, and which leads to which."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    for name, flow in book.flows.items():
        why = _beginnings(book, name) or "started by another flow"
        boxes.append(
            Box(id=_step_id(name), look="flow", head=f"{flow.title} · {name}", words=shortened(why, WORDS_MAX))
        )
        joined = [step for step in flow.steps.values() if isinstance(step, Jump | SubFlow) and step.flow in book.flows]
        called = {step.flow for step in joined if isinstance(step, SubFlow)}
        arrows += [
            Arrow(begin=_step_id(name), end=_step_id(other), label="and back" if other in called else "")
            for other in dict.fromkeys(step.flow for step in joined)
        ]
    return Picture(title="Flows", boxes=tuple(boxes), arrows=tuple(arrows))


def _step_id(name: str) -> str:
    """Words such as `end` mean something in Mermaid."""
    return f"s_{name}"


def shortened(text: str, limit: int) -> str:
    """One line, not longer than that."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _beginnings(book: Book, name: str) -> str:
    """What starts a flow, in words."""
    triggers = book.triggers
    phrases = [
        " ".join(keyword.words)
        for row in triggers.keywords.values()
        for keyword in row
        if keyword.flow == name and keyword.language in (ANY_LANGUAGE, book.rules.languages[0])
    ]
    phrases += [" ".join(one.phrases[0]) for one in book.rules.interrupts if one.flow == name and one.phrases]
    found = [f"“{phrase}”" for phrase in sorted(phrases)[:PHRASES_MAX]] + (["…"] if len(phrases) > PHRASES_MAX else [])
    found += ["first contact"] if triggers.first_contact == name else []
    found += ["an ad"] if name in triggers.ads.values() else []
    found += ["a template's button"] if name in triggers.buttons.values() else []
    found += ["its meaning"] if any(one.flow == name for one in triggers.intents) else []
    found += ["a program"] if book.flows[name].may_be_requested else []
    return ", ".join(found)


def _box(step: AnyStep, language: str) -> Box:
    look, kind, words = _described(step, language)
    return Box(id=_step_id(step.id), look=look, head=f"{kind} · {step.id}", words=shortened(words, WORDS_MAX))


def _described(step: AnyStep, language: str) -> tuple[Look, str, str]:  # noqa: C901, PLR0912 -- one case a step
    match step:
        case Say():
            return "say", "say", _said(step.said, language)
        case Ask():
            return "question", "ask", _words(step.words, language)
        case Choose():
            return "question", "choose", _words(step.words, language)
        case Assign():
            return "note", "set", "; ".join(f"{one.variable} = {_source(one.source)}" for one in step.assignments)
        case Branch():
            return "choice", "branch", ""
        case Call():
            return "machine", "call", f"{step.method} {_worded(step.path)} of {step.host}"
        case Answer():
            return (
                "machine",
                "answer",
                _worded(step.instructions) if step.instructions else "the language model answers",
            )
        case SubFlow():
            return "flow", "flow", f"run {step.flow}, then go on"
        case Jump():
            return "flow", "jump", f"go to {step.flow}"
        case Wait():
            return "note", "wait", "until open" if step.is_until_open else _span(step.seconds or 0.0)
        case GiveToPeople():
            team = f"{step.team}: " if step.team else ""
            return "people", "hand off", team + (_words(step.words, language) if step.words else "people take over")
        case Tag():
            return "note", "tag", ", ".join([*step.add, *(f"not {tag}" for tag in step.remove)])
        case Consent():
            return "note", "consent", f"{step.category}: {'yes' if step.is_granted else 'no'}"
        case Resolve():
            return "end", "resolve", "nothing more is to be done"
        case End():
            return "end", "end", f"result: {_source(step.result)}" if step.result is not None else ""
        case _ as unreachable:
            assert_never(unreachable)


def _said(said: Said, language: str) -> str:
    match said:
        case TextSaid():
            return _words(said.words, language)
        case MediaSaid():
            return f"[{said.kind}] {_words(said.caption, language) if said.caption else said.link.text}"
        case TemplateSaid():
            return f"[template] {said.name}"
        case LocationSaid():
            return f"[place] {_words(said.name, language) if said.name else ''}"
        case CardSaid():
            return f"[contact card] {said.name}"
        case LinkSaid():
            return f"{_words(said.words, language)} [{_words(said.label, language)}]"
        case _ as unreachable:
            assert_never(unreachable)


def _words(words: Words, language: str) -> str:
    key = next((one for one in (language, ANY_LANGUAGE) if one in words.by_language), next(iter(words.by_language)))
    return _worded(words.by_language[key])


def _worded(wording: Wording) -> str:
    """As the author wrote it, with only the names where variables stand."""
    return "".join(part if isinstance(part, str) else f"{{{part.name}}}" for part in wording.parts)


def _source(source: Source) -> str:
    return source.text.strip() if isinstance(source, Expression) else f"“{_worded(source)}”"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return f"{seconds:g} seconds"


def _arrows(step: AnyStep, language: str) -> Iterator[Arrow]:
    for target, label, is_aside in _ways(step, language):
        if target:
            yield Arrow(
                begin=_step_id(step.id), end=_step_id(target), label=shortened(label, LABEL_MAX), is_aside=is_aside
            )


def _ways(step: AnyStep, language: str) -> Iterator[tuple[str, str, bool]]:
    match step:
        case Branch():
            yield from ((case.next, case.test.text, False) for case in step.cases)
            yield step.next, "else", False
        case Choose():
            yield from ((one.next or step.next, _words(one.title, language), False) for one in step.options)
        case Call() if step.if_failed:
            yield step.next, "answered", False
            yield step.if_failed, "failed", True
        case Answer() if step.if_unanswered:
            yield step.next, "answered", False
            yield step.if_unanswered, "no answer", True
        case _:
            yield step.next, "", False
    if isinstance(step, Question):
        if step.way_out:
            yield step.way_out.next, f"“{' '.join(step.way_out.phrases[0])}”" if step.way_out.phrases else "", True
        yield step.otherwise, f"after {step.tries} that do not fit" if step.tries > 1 else "anything else", True
