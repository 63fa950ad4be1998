"""From a step as it is written to the step that is interpreted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, assert_never

import msgspec

from frontdesk.core.flow import (
    Answer,
    AnyStep,
    Ask,
    Assign,
    Assignment,
    Branch,
    Call,
    CardSaid,
    Case,
    Choose,
    Consent,
    End,
    GiveToPeople,
    Jump,
    LinkSaid,
    LocationSaid,
    MediaSaid,
    Option,
    Resolve,
    Said as AnySaid,
    Say,
    SubFlow,
    Tag,
    TemplateSaid,
    TextSaid,
    Wait,
    WayOut,
)
from frontdesk.core.offering import BUTTONS_MAX, ROWS_MAX
from frontdesk.core.wording import Wording
from frontdesk.flows import steps as written
from frontdesk.flows.expected import read_expected
from frontdesk.flows.facts import (
    BODY,
    BUTTON,
    CAPTION,
    DESCRIPTION,
    FOOTER,
    HEADER,
    LINK_BODY,
    LINK_LABEL,
    LIST_BUTTON,
    ROW,
    TEXT,
    Mention,
    Menu,
)
from frontdesk.flows.finding import Place
from frontdesk.flows.shape import verbs
from frontdesk.flows.texts import Texts, seconds
from frontdesk.flows.yaml import Written

TIMEOUT_SECONDS_MAX = 60
_JSON_PATH = re.compile(r"[^.\s]{1,100}(\.[^.\s]{1,100}){0,19}")
_SENDABLE = {"card": "contact_cards", "link": "link_button"}
"""What channels call the kinds of message that have another name here."""

_REFUSED_IN_PARAMETERS = re.compile(r"[\n\t]| {5}")


class StepReader:
    """For one file. `lead(name, place)` notes that a step is named, and gives its id."""

    def __init__(self, texts: Texts, lead: Callable[[Written], str]) -> None:
        self.texts = texts
        self.facts = texts.facts
        self.findings = texts.findings
        self.lead = lead

    def read(self, step: written.StepWritten, place: Place, follows: dict[str, Any]) -> AnyStep:  # noqa: C901, PLR0912 -- one case a kind
        """`follows`: the step's id and line, and its `next` unless it has none."""
        texts = self.texts
        match step:
            case written.SayStep():
                return Say(**follows, said=self.said(step.say))
            case written.AskStep():
                expected = read_expected(step.expect, texts)
                return Ask(**follows, **self.question(step), words=texts.said(step.ask), expected=expected)
            case written.ChooseStep():
                return self.choose(step, place, follows)
            case written.SetStep():
                return Assign(**follows, assignments=self.assignments(step.set))
            case written.BranchStep():
                cases = [Case(test=texts.expression(case.test), next=self.lead(case.next)) for case in step.branch]
                return Branch(**follows, cases=tuple(cases))
            case written.CallStep():
                return self.call(step, follows)
            case written.AnswerStep():
                return self.answer(step, follows)
            case written.FlowStep():
                return self.sub_flow(step, follows)
            case written.JumpStep():
                self.facts.flows.append(Mention(step.jump, step.jump.place))
                return Jump(**follows, flow=str(step.jump))
            case written.WaitStep():
                if isinstance(step.wait, written.UntilPart):
                    return Wait(**follows, is_until_open=True)
                return Wait(**follows, seconds=seconds(step.wait))
            case written.HandOffStep():
                return self.hand_off(step, follows)
            case written.TagStep():
                return Tag(**follows, add=_plain(step.tag), remove=_plain(step.untag))
            case written.ConsentStep():
                [(category, is_granted)] = step.consent.items()
                return Consent(**follows, category=str(category), is_granted=is_granted)
            case written.ResolveStep():
                return Resolve(**follows)
            case written.EndStep():
                result = step.end.result if isinstance(step.end, written.EndPart) else None
                return End(**follows, result=None if result is None else texts.source(result))
            case _ as unreachable:
                assert_never(unreachable)

    def said(self, said: Any) -> AnySaid:
        """What a say step says."""
        texts = self.texts
        if not isinstance(said, Written | dict):
            part: written.SaidPart = said
            [kind] = verbs(type(part))
            self.facts.sent.append(Mention(_SENDABLE.get(kind, kind), said.place))
        match said:
            case Written() | dict():
                return TextSaid(words=texts.said(said))
            case written.TextPart():
                return TextSaid(words=texts.said(said.text), shows_preview=said.preview)
            case written.TemplatePart(template=template):
                return TemplateSaid(
                    name=str(template.name),
                    language=template.language and str(template.language),
                    parameters=tuple(self.parameter(one) for one in template.parameters),
                    category=template.category,
                )
            case written.LocationPart(location=location):
                return LocationSaid(
                    latitude=float(location.latitude),
                    longitude=float(location.longitude),
                    name=texts.said_or_none(location.name),
                    address=texts.said_or_none(location.address),
                )
            case written.CardPart(card=card):
                return CardSaid(
                    name=str(card.name),
                    phones=_plain(card.phones),
                    emails=_plain(card.emails),
                    organisation=str(card.organisation or ""),
                )
            case written.LinkPart(link=link):
                words, label = texts.said(link.text, LINK_BODY), texts.said(link.label, LINK_LABEL)
                return LinkSaid(words=words, label=label, url=self.link(link.url))
            case _:
                return self.media(said)

    def media(self, part: written.MediaPart) -> MediaSaid:
        """A file behind a link."""
        [kind] = verbs(type(part))
        return MediaSaid(
            kind=kind,  # type: ignore[arg-type]  # the key is the kind
            link=self.link(getattr(part, kind)),
            caption=self.texts.said_or_none(getattr(part, "caption", None), CAPTION),
            filename=self.texts.wording_or_none(getattr(part, "filename", None)),
        )

    def link(self, link: Written) -> Wording:
        """An https link. One that begins with a variable cannot be checked before it is there."""
        if not link.lower().startswith(("https://", "{{")):
            sentence = f"The link “{link[:40]}” does not begin with https://; WhatsApp fetches no other."
            self.findings.add("not-https", link.place, sentence)
        return self.texts.wording(link)

    def parameter(self, text: Written) -> Wording:
        """What a template's place is filled with."""
        refused = _REFUSED_IN_PARAMETERS.search(text)
        if refused or not text.strip():
            sentence = "WhatsApp refuses template parameters that are empty or have line breaks, tabs or five blanks; take them out."  # noqa: E501
            self.findings.add("template-parameter", text.place, sentence)
        return self.texts.wording(text)

    def question(self, step: written.QuestionPart) -> dict[str, Any]:
        """What ask and choose have in common."""
        texts = self.texts
        way_out = step.way_out and WayOut(
            phrases=tuple(words for _, words, _ in texts.phrases(step.way_out.words)),
            next=self.lead(step.way_out.next),
        )
        return {
            "save": texts.note_written(str(step.save), step.save.place) if step.save else "",
            "misfit": texts.said_or_none(step.misfit),
            "tries": step.tries,
            "otherwise": self.lead(step.otherwise) if step.otherwise else "",
            "way_out": way_out,
            "silence": None if step.silence is None else texts.silence(step.silence),
        }

    def choose(self, step: written.ChooseStep, place: Place, follows: dict[str, Any]) -> Choose:
        """Options, and the limits that hold for their number."""
        texts, count = self.texts, len(step.options)
        is_numbered = step.as_text or count > ROWS_MAX
        if count > ROWS_MAX and not step.as_text:
            sentence = f"There are {count} options; WhatsApp's lists take {ROWS_MAX}, so numbered text will be sent (as_text: true says that it is meant)."  # noqa: E501
            self.findings.add("many-options", step.place_of("options"), sentence)
        title = TEXT if is_numbered else BUTTON if are_buttons(step) else ROW
        words = texts.said(step.choose, TEXT if is_numbered else BODY)
        header, footer = texts.said_or_none(step.header, HEADER), texts.said_or_none(step.footer, FOOTER)
        options = [
            self.option(key, one, title, TEXT if is_numbered else DESCRIPTION, follows["next"])
            for key, one in step.options.items()
        ]
        self.facts.menus.append(
            Menu(
                place=place,
                around=tuple(one for one in (header, words, footer) if one),
                titles=tuple((option.title, key.place) for key, option in zip(step.options, options, strict=True)),
                descriptions=tuple(option.description for option in options if option.description),
                is_numbered=is_numbered,
            )
        )
        button = texts.said_or_none(step.button, LIST_BUTTON)
        return Choose(
            **follows, **self.question(step), words=words, options=tuple(options), button=button, header=header,
            footer=footer, as_text=step.as_text,
        )  # fmt: skip

    def option(self, key: Written, part: Any, title: Any, description: Any, follows: str) -> Option:
        """One thing to choose."""
        if not isinstance(part, written.OptionPart):
            part = written.OptionPart(place=key.place, title=part)
        if part.next is None and not follows:
            sentence = f"The option “{key}” leads nowhere, for no step follows this one; give it or the step a next."
            self.findings.add("dead-end", key.place, sentence)
        return Option(
            id=str(key),
            title=self.texts.said(part.title, title),
            description=self.texts.said_or_none(part.description, description),
            next=self.lead(part.next) if part.next else "",
        )

    def assignments(self, values: dict[Written, Any]) -> tuple[Assignment, ...]:
        """Variables and where their new values come from."""
        return tuple(
            Assignment(self.texts.note_written(str(name), name.place), self.texts.source(value))
            for name, value in values.items()
        )

    def call(self, step: written.CallStep, follows: dict[str, Any]) -> Call:
        """A question to a host."""
        saves = tuple(
            (self.texts.note_written(str(name), name.place), self.way(path)) for name, path in step.save.items()
        )
        call = self.asked(step.call, follows)
        if_failed = self.lead(step.if_failed) if step.if_failed else ""
        return msgspec.structs.replace(call, saves=saves, if_failed=if_failed)

    def asked(self, part: written.CallPart, follows: dict[str, Any]) -> Call:
        """What is asked of a host, of a step or a tool."""
        self.facts.hosts.append(Mention(part.host, part.host.place))
        if not part.path.startswith("/") or part.path.startswith("//"):
            sentence = f"The path “{part.path[:40]}” must begin with one /; the host stands in the configuration."
            self.findings.add("call-path", part.path.place, sentence)
        if part.body and part.method in {"GET", "DELETE"}:
            sentence = f"{part.method} sends no body; use query, or another method."
            self.findings.add("call-path", part.place_of("body"), sentence)
        timeout = seconds(part.timeout)
        if not 0 < timeout <= TIMEOUT_SECONDS_MAX:
            sentence = f"A call waits at most {TIMEOUT_SECONDS_MAX} seconds, and more than none; change the timeout."
            self.findings.add("wrong-value", part.place_of("timeout"), sentence)
        return Call(
            **follows,
            host=str(part.host),
            method=part.method,
            path=self.texts.wording(part.path),
            query=self.named(part.query),
            body=self.named(part.body),
            timeout_seconds=timeout,
            is_repeatable=part.repeatable or part.method == "GET",
        )

    def named(self, values: dict[Written, Any]) -> tuple[tuple[str, Any], ...]:
        """Values under names."""
        return tuple((str(name), self.texts.source(value)) for name, value in values.items())

    def way(self, path: Written) -> str:
        """Where a value stands in the answer."""
        if not _JSON_PATH.fullmatch(path):
            sentence = f"“{path[:40]}” is no way into an answer; write keys with dots between, such as order.items.0."
            self.findings.add("wrong-value", path.place, sentence)
        return str(path)

    def answer(self, step: written.AnswerStep, follows: dict[str, Any]) -> Answer:
        """A draft of the language model's."""
        part = step.answer if isinstance(step.answer, written.AnswerPart) else written.AnswerPart()
        self.facts.tools.extend(Mention(str(tool), tool.place) for tool in part.tools)
        return Answer(
            **follows,
            instructions=self.texts.wording_or_none(part.instructions),
            question=self.texts.wording_or_none(part.question),
            scope=_plain(part.scope),
            tools=_plain(part.tools),
            demands_sources=part.sources,
            if_unanswered=self.lead(step.if_unanswered) if step.if_unanswered else "",
        )

    def sub_flow(self, step: written.FlowStep, follows: dict[str, Any]) -> SubFlow:
        """Another flow, its inputs and its result."""
        self.facts.flows.append(Mention(step.flow, step.flow.place))
        self.facts.inputs.extend((str(step.flow), Mention(f"flow.{name}", name.place)) for name in step.inputs)
        return SubFlow(
            **follows,
            flow=str(step.flow),
            inputs=tuple(Assignment(f"flow.{name}", self.texts.source(value)) for name, value in step.inputs.items()),
            save=self.texts.note_written(str(step.save), step.save.place) if step.save else "",
        )

    def hand_off(self, step: written.HandOffStep, follows: dict[str, Any]) -> GiveToPeople:
        """What people and the contact are told."""
        match step.hand_off:
            case written.HandOffPart() as part:
                return GiveToPeople(
                    **follows,
                    words=self.texts.said_or_none(part.text),
                    team=str(part.team or ""),
                    summary=self.texts.wording_or_none(part.summary),
                    priority=part.priority,
                )
            case True:
                return GiveToPeople(**follows)
            case text:
                return GiveToPeople(**follows, words=self.texts.said(text))


def are_buttons(step: written.ChooseStep) -> bool:
    """As `core.offering` decides: a description fits only into a list."""
    described = any(isinstance(one, written.OptionPart) and one.description for one in step.options.values())
    return len(step.options) <= BUTTONS_MAX and not described


def _plain(texts: list[Written]) -> tuple[str, ...]:
    return tuple(str(text) for text in texts)
