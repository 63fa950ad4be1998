"""From `rules.yaml` to the rules of all flows."""

from __future__ import annotations

from datetime import UTC, date, time, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from frontdesk.core.flow import ANY_LANGUAGE, Hours, Interrupt, Rules, Sentences, Words
from frontdesk.core.token import nearest
from frontdesk.core.wording import compile_wording
from frontdesk.flows.document import HoursPart, InterruptPart, RulesDocument, SentencesPart
from frontdesk.flows.facts import BUTTON, LIST_BUTTON, TEXT, Facts, Mention
from frontdesk.flows.shape import keys
from frontdesk.flows.texts import Texts, seconds
from frontdesk.flows.yaml import Written

SENTENCES = {
    "misfit": "Sorry, that does not fit here. Please try again.",
    "unexpected_media": "I can only read words here. Please write your answer.",
    "old_button": "That button is no longer in use. Please write what you would like to do.",
    "choose_button": "Choose",
    "choose_hint": "Please answer with the number of your choice.",
    "confirm_yes": "Yes",
    "confirm_no": "No",
}
"""What the rules say where the business has no words of its own."""

_LIMITS = {"choose_button": LIST_BUTTON, "confirm_yes": BUTTON, "confirm_no": BUTTON}


def read_rules(document: RulesDocument, facts: Facts) -> Rules:
    """The rules; what is wrong with them, and what the checks of the whole book need, is added to `facts`."""
    texts = Texts(facts)
    zone = _zone(document.time_zone, facts)
    return Rules(
        sentences=_sentences(document.sentences or SentencesPart(), texts),
        languages=tuple(dict.fromkeys(str(one) for one in document.languages or [])) or ("en",),
        zone=zone,
        hours=_hours(document, zone, facts),
        interrupts=tuple(_interrupt(part, texts) for part in document.interrupts),
        silence=texts.silence(document.silence),
        date_order=document.date_order,
        country=str(document.country or ""),
        forgets_after_seconds=seconds(document.forgets_after),
        keyword_words_max=document.keyword_words_max,
    )


def _sentences(part: SentencesPart, texts: Texts) -> Sentences:
    found: dict[str, Words] = {}
    for key in keys(SentencesPart):
        text = getattr(part, key)
        if text is None:
            found[key] = Words({ANY_LANGUAGE: compile_wording(SENTENCES[key])})
        else:
            found[key] = texts.said(text, _LIMITS.get(key, TEXT))
    return Sentences(**found)


def _zone(name: Written | None, facts: Facts) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        cure = nearest(name, available_timezones()) if name else ""
        cure = cure if "did you mean" in cure else "; write a name such as Asia/Kolkata or Europe/Berlin"
        facts.findings.add("unknown-time-zone", name.place, f"There is no time zone “{name[:40]}”{cure}.")
        return UTC


def _hours(document: RulesDocument, zone: tzinfo, facts: Facts) -> Hours | None:
    holidays = frozenset(day for day in (_day(one, facts) for one in document.holidays) if day)
    if document.hours is None:
        return Hours(zone=zone, periods=_ALWAYS, holidays=holidays) if holidays else None
    periods = {
        number: tuple(sorted(_periods(getattr(document.hours, day), facts)))
        for number, day in enumerate(keys(HoursPart))
        if getattr(document.hours, day)
    }
    return Hours(zone=zone, periods=periods, holidays=holidays)


_MIDNIGHT = time(0)
_ALWAYS: dict[int, Any] = dict.fromkeys(range(7), ((_MIDNIGHT, _MIDNIGHT),))


def _day(written: Written, facts: Facts) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        facts.findings.add("wrong-value", written.place, f"There is no day {written}; correct it.")
        return None


def _periods(written: list[Written], facts: Facts) -> list[tuple[time, time]]:
    """Minutes of a day are compared, in which midnight at the end is the 1,440th."""
    found = sorted((*_minutes(period), period) for period in written)
    for begin, end, period in found:
        if end <= begin:
            sentence = f"{period} ends before it begins; write two periods, one up to 24:00 and one on the next day."
            facts.findings.add("hours", period.place, sentence)
    for (_, end, earlier), (begin, _, later) in pairwise(found):
        if begin < end:
            sentence = f"{later} begins before {earlier} has ended; make one period of them."
            facts.findings.add("hours", later.place, sentence)
    return [(_time(begin), _time(end)) for begin, end, _ in found]


def _minutes(period: Written) -> tuple[int, int]:
    (begin, end) = (int(one[:2]) * 60 + int(one[3:]) for one in period.split("-"))
    return begin, end or 1_440


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _interrupt(part: InterruptPart, texts: Texts) -> Interrupt:
    findings = texts.findings
    if (part.flow is None) is (part.hand_off is None):
        sentence = "An interrupt either starts a flow or hands off; give it one of flow and hand_off."
        findings.add("two-verbs" if part.flow else "no-verb", part.place, sentence)
    if part.flow:
        texts.facts.flows.append(Mention(part.flow, part.flow.place))
    return Interrupt(
        phrases=tuple(words for _, words, _ in texts.phrases(part.words)),
        flow=str(part.flow or ""),
        team=str(part.hand_off) if isinstance(part.hand_off, Written) else "",
    )
