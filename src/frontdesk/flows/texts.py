"""Reads what stands in a single value: texts, expressions, variables, spans, phrases; notes it in the file's facts."""

from __future__ import annotations

import re
from decimal import Decimal

from frontdesk.core.expression import Expression, ExpressionError, compile_expression
from frontdesk.core.flow import ANY_LANGUAGE, Silence, Source, Words
from frontdesk.core.letters import fold, words as words_of
from frontdesk.core.wording import Wording, WordingError, compile_wording
from frontdesk.flows.facts import TEXT, Facts, Limit, Mention, Said
from frontdesk.flows.finding import Place
from frontdesk.flows.steps import SPAN_PATTERN, Phrases, SilencePart, Span, Text, Value
from frontdesk.flows.yaml import Written

_SPAN = re.compile(SPAN_PATTERN)
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_EMPTY = Wording(text="", names=frozenset(), parts=())
_NOTHING = compile_expression("none")


def seconds(span: Span) -> float:
    """How long a span is."""
    found = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if found:
        return float(found[1]) * _UNITS[found[3]]
    return float(span)


class Texts:
    """For one file."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.findings = facts.findings

    def said(self, text: Text, limit: Limit = TEXT) -> Words:
        """A text that contacts read."""
        by_language = text if isinstance(text, dict) else {ANY_LANGUAGE: text}
        words = Words({str(language): self.wording(one) for language, one in by_language.items()})
        for one in by_language.values():
            if not one.strip():
                self.findings.add("empty-text", one.place, "This text is empty; write what is to be said.")
        places = {str(language): one.place for language, one in by_language.items()}
        self.facts.texts.append(Said(words, places, limit))
        return words

    def said_or_none(self, text: Text | None, limit: Limit = TEXT) -> Words | None:
        """The same, of what may be left out."""
        return None if text is None else self.said(text, limit)

    def wording(self, text: Written, at: int = 0) -> Wording:
        """A text with places for variables, from the character `at` on."""
        try:
            wording = compile_wording(text[at:])
        except WordingError as error:
            lines = text[at:].split("\n")
            before = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
            self.findings.add("wording", text.place_of(at + before), error.sentence)
            return _EMPTY
        self.note_read(wording.names, text.place)
        return wording

    def wording_or_none(self, text: Written | None) -> Wording | None:
        """The same, of what may be left out."""
        return None if text is None else self.wording(text)

    def expression(self, text: Written, at: int = 0) -> Expression:
        """An expression, from the character `at` on."""
        try:
            expression = compile_expression(text[at:])
        except ExpressionError as error:
            self.findings.add("expression", text.place_of(at + error.column - 1), error.sentence)
            return _NOTHING
        self.note_read(expression.names, text.place)
        return expression

    def expression_or_none(self, text: Written | None) -> Expression | None:
        """The same, of what may be left out."""
        return None if text is None else self.expression(text)

    def source(self, value: Value) -> Source:
        """Where a value comes from: `= …` is an expression, other text a wording, the rest is constant."""
        if isinstance(value, Written):
            return self.expression(value, 1) if value.startswith("=") else self.wording(value)
        if isinstance(value, bool):
            return compile_expression("true" if value else "false")
        return compile_expression(format(Decimal(repr(value)), "f"))

    def phrases(self, phrases: Phrases) -> list[tuple[str, tuple[str, ...], Written]]:
        """Each phrase with its language ("": any), its folded words, and as it was written."""
        by_language = phrases if isinstance(phrases, dict) else {ANY_LANGUAGE: phrases}
        found = [(str(language), words_of(fold(one)), one) for language, row in by_language.items() for one in row]
        for language, words, written in found:
            self.facts.phrase_languages.setdefault(language, written.place)
            if not words:
                sentence = f"“{written[:40]}” has no letters or digits; write a word that people can type."
                self.findings.add("empty-phrase", written.place, sentence)
        return [one for one in found if one[1]]

    def silence(self, parts: list[SilencePart]) -> tuple[Silence, ...]:
        """What follows when nobody answers, the soonest first."""
        steps = [
            Silence(after_seconds=seconds(part.after), words=self.said_or_none(part.say), closes=part.close)
            for part in parts
        ]
        for part, step in zip(parts, steps, strict=True):
            place = part.place_of("after")
            if step.after_seconds < 1:
                self.findings.add("wrong-value", place, "A silence lasts at least one second; make it longer.")
            if step.words is None and not step.closes:
                self.findings.add("missing-key", part.place, "Nothing follows this silence; add say, or close: true.")
            if step.words and step.after_seconds >= 23 * 3_600:
                self.findings.add("service-window", place, LATE)
        return tuple(sorted(steps, key=lambda step: step.after_seconds))

    def note_read(self, names: frozenset[str], place: Place) -> None:
        """Variables were used."""
        self.facts.read.extend(Mention(name, place) for name in sorted(names))

    def note_written(self, name: str, place: Place) -> str:
        """A variable is set."""
        self.facts.written.append(Mention(name, place))
        return name


LATE = (
    "By then WhatsApp may not let free text through any more (24 hours after the contact's last message); say a "
    "template, or wait less."
)
