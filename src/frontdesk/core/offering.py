"""Options on a contact's screen: buttons, a list, or numbered text; and what it means when one is tapped or typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from frontdesk.core.answer import Misfit, Reading
from frontdesk.core.event import identify
from frontdesk.core.flow import Choose, Option, Sentences
from frontdesk.core.letters import fold, words
from frontdesk.core.message import Button, Buttons, Choice, Content, ListMenu, Row, Section, Text
from frontdesk.core.value import Value

BUTTONS_MAX = 3
ROWS_MAX = 10
BODY_CHARACTERS_MAX = 1_024
BUTTON_CHARACTERS_MAX = 20
ROW_CHARACTERS_MAX = 24
DESCRIPTION_CHARACTERS_MAX = 72
HEADER_CHARACTERS_MAX = 60

_MARK = "#"


class Tap(Struct, frozen=True):
    """What stands in the id of a button of ours: the flow, the step and the option, and the run that offered it."""

    flow: str
    step: str
    option: str
    run: str

    @property
    def place(self) -> str:
        """Of what was offered, whatever was chosen."""
        return f"{self.flow}/{self.step}"


def tap_id(flow: str, step: str, option: str, run: str, again: str = "") -> str:
    """The id of a button or row, at most 140 characters (the vendor takes 200). `again`: the event for which a question
    of this run is put later than at its start, so that a button of another message is another button, and no second
    tap on the first."""
    offered = f"{flow}/{step}/{option}{_MARK}{_mark_of(run)}"
    return f"{offered}{_MARK}{_mark_of(again)}" if again and again != run else offered


def _mark_of(event: str) -> str:
    """Eight characters that stand for an event: the end of its id, whose beginning is the time; of what came of an
    effect, whose ids all end alike (`….1/1.0/1`), a digest."""
    end = event[-8:]
    return end if end.isalnum() else identify(event)[:8]


def read_tap(choice_id: str) -> Tap | None:
    """None if the button is none of a flow's."""
    path, *ids = choice_id.split(_MARK)
    match path.split("/"):
        case [str(flow), str(step), str(option)] if len(ids) in {1, 2} and all((flow, step, option, *ids)):
            return Tap(flow, step, option, ids[0])
        case _:
            return None


def is_numbered(step: Choose, *, has_buttons: bool) -> bool:
    """Whether the options are a numbered text."""
    return step.as_text or not has_buttons or len(step.options) > ROWS_MAX


def offer(  # noqa: PLR0913 -- where it is offered, in which words; by keyword only
    step: Choose,
    *,
    flow: str,
    run: str,
    event: str,
    languages: Sequence[str],
    values: Mapping[str, Value],
    sentences: Sentences,
    has_buttons: bool,
    before: str = "",
) -> Content:
    """The question with its options. `before` is said above it, where there is room. Texts that turn out longer than
    WhatsApp takes (the check warns of them) are cut rather than refused."""
    body = step.words.render(languages, values)
    body = f"{before}\n\n{body}" if before and len(before) + len(body) + 2 <= BODY_CHARACTERS_MAX else body
    header, footer = (text.render(languages, values) if text else None for text in (step.header, step.footer))
    if is_numbered(step, has_buttons=has_buttons):
        top = "\n\n".join(filter(None, (header, body)))
        numbered = _numbered(step.options, top, sentences, languages, values)
        return Text(body="\n\n".join(filter(None, (numbered, footer))))
    body = _cut(body, BODY_CHARACTERS_MAX)
    header, footer = (text and _cut(text, HEADER_CHARACTERS_MAX) for text in (header, footer))
    ids = [tap_id(flow, step.id, option.id, run, event) for option in step.options]
    titles = [option.title.render(languages, values) for option in step.options]
    if len(step.options) <= BUTTONS_MAX and not any(option.description for option in step.options):
        buttons = tuple(
            Button(id=known, title=_cut(title, BUTTON_CHARACTERS_MAX)) for known, title in zip(ids, titles, strict=True)
        )
        return Buttons(body=body, buttons=buttons, header=header, footer=footer)
    rows = tuple(
        Row(
            id=known,
            title=_cut(title, ROW_CHARACTERS_MAX),
            description=_described(option, languages, values),
        )
        for option, known, title in zip(step.options, ids, titles, strict=True)
    )
    label = (step.button or sentences.choose_button).render(languages, values)
    return ListMenu(
        body=body,
        button=_cut(label, BUTTON_CHARACTERS_MAX),
        sections=(Section(rows=rows),),
        header=header,
        footer=footer,
    )


def _numbered(
    options: Sequence[Option],
    body: str,
    sentences: Sentences,
    languages: Sequence[str],
    values: Mapping[str, Value],
) -> str:
    lines = []
    for place, option in enumerate(options, 1):
        title = option.title.render(languages, values)
        description = option.description.render(languages, values) if option.description else ""
        lines.append(f"{place}. {title}: {description}" if description else f"{place}. {title}")
    return "\n".join([body, "", *lines, "", sentences.choose_hint.render(languages, values)])


def _described(option: Option, languages: Sequence[str], values: Mapping[str, Value]) -> str | None:
    if option.description is None:
        return None
    return _cut(option.description.render(languages, values), DESCRIPTION_CHARACTERS_MAX) or None


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def read_choice(  # noqa: PLR0913 -- what was offered, where and how; by keyword only
    step: Choose,
    content: Content,
    *,
    flow: str,
    run: str,
    languages: Sequence[str],
    values: Mapping[str, Value],
    has_buttons: bool,
    offered_as: str = "",
) -> Reading:
    """The id of the option that was tapped, or typed as its number, its title or its id. An old button of another
    question is no answer, whatever is written on it. `offered_as`: what the step was called when it was offered."""
    match content:
        case Choice(id=choice_id, title=body):
            tap = read_tap(choice_id)
            if tap is not None:
                is_ours = tap.flow == flow and tap.step in (step.id, offered_as) and tap.run == _mark_of(run)
                return tap.option if is_ours and any(one.id == tap.option for one in step.options) else Misfit()
        case Text(body=body):
            pass
        case _:
            return Misfit(is_other_kind=True)
    said = body[:BODY_CHARACTERS_MAX]
    # Where no numbers are shown, "4" is the button that reads 4 before it is the fourth one.
    readings = [_titled(step, said, languages, values), _numbered_as(step, said)]
    found = filter(None, reversed(readings) if is_numbered(step, has_buttons=has_buttons) else readings)
    return next(found, Misfit())


def _numbered_as(step: Choose, body: str) -> str:
    """The option at that place, "" for none."""
    said = _compared(body)
    is_place = len(said) == 1 and said[0].isdecimal() and len(said[0]) <= 3
    place = int(said[0]) if is_place else 0
    return step.options[place - 1].id if 1 <= place <= len(step.options) else ""


def _titled(step: Choose, body: str, languages: Sequence[str], values: Mapping[str, Value]) -> str:
    """The option of that title or id, "" for none."""
    said = _compared(body)
    for option in step.options:
        titles = [option.title.render(languages, values), *_all_titles(option, values)]
        if said and (said in [_compared(title) for title in titles] or fold(body.strip()) == option.id):
            return option.id
    return ""


def _compared(text: str) -> tuple[str, ...]:
    """The words of a title; of one that is only an emoji, that."""
    return words(fold(text)) or tuple(text.split())


def _all_titles(option: Option, values: Mapping[str, Value]) -> list[str]:
    """In every language: a contact may answer in another than the question."""
    return [wording.render(values) for wording in option.title.by_language.values()]
