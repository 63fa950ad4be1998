"""Texts against what WhatsApp takes and against the languages of the rules.

Lengths are of the longest that a text can become: what is written, and for each variable its declared `longest`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from frontdesk.core.flow import ANY_LANGUAGE, Rules, Words
from frontdesk.core.letters import fold
from frontdesk.core.token import nearest
from frontdesk.core.wording import Place as VariablePlace, Wording
from frontdesk.flows.facts import TEXT, Facts, Menu, Said
from frontdesk.flows.finding import Place

_LINK = re.compile(r"https?://\S*")
_NUMBERING = 8  # "10. ", a dash before a description, line ends


def check_texts(facts: Facts, rules: Rules, lengths: Mapping[str, int]) -> None:
    """Add what is wrong with the texts of one file. `lengths`: the most characters of each variable."""
    for said in facts.texts:
        _check_languages(said, facts, rules.languages)
        _check_length(said, facts, lengths)
    for menu in facts.menus:
        _check_titles(menu, facts, rules.languages)
        if menu.is_numbered:
            _check_numbered(menu, facts, rules, lengths)


def _check_languages(said: Said, facts: Facts, languages: Sequence[str]) -> None:
    known = said.words.by_language
    if ANY_LANGUAGE in known:
        if len(languages) > 1 and _has_letters(known[ANY_LANGUAGE]):
            sentence = f"This text is the same in all languages; write it for each: {', '.join(languages)}."
            facts.findings.add("one-language", said.places[ANY_LANGUAGE], sentence)
        return
    check_known_languages(said.places, facts, languages)
    missing = [language for language in languages if language not in known]
    if missing:
        sentence = f"This text is missing in {' and '.join(missing)}; add it."
        facts.findings.add("missing-translation", min(said.places.values()), sentence)


def check_known_languages(places: Mapping[str, Place], facts: Facts, languages: Sequence[str]) -> None:
    """Each language is one of the rules'."""
    for language, place in places.items():
        if language not in languages and language != ANY_LANGUAGE:
            cure = nearest(language, languages)
            sentence = f"The rules do not name the language “{language}”{cure}; add it to languages in rules.yaml."
            facts.findings.add("unknown-language", place, sentence)


def _check_length(said: Said, facts: Facts, lengths: Mapping[str, int]) -> None:
    for language, wording in said.words.by_language.items():
        longest = wording.longest(lengths)
        if longest > said.limit.characters:
            sentence = (
                f"This {said.limit.noun} can become {longest} characters long, but WhatsApp takes "
                f"{said.limit.characters}; {_cure(wording, lengths)}."
            )
            facts.findings.add("too-long", said.places[language], sentence)


def _cure(wording: Wording, lengths: Mapping[str, int]) -> str:
    places = [part for part in wording.parts if isinstance(part, VariablePlace)]
    if not places:
        return "shorten it"
    widest = max(places, key=lambda part: part.longest(lengths))
    return f"shorten it, cut {widest.name} with | first(20), or declare a smaller longest for it"


def _check_titles(menu: Menu, facts: Facts, languages: Sequence[str]) -> None:
    for language in languages:
        seen: set[str] = set()
        for words, place in menu.titles:
            wording = in_language(words, language)
            title = fold(wording.text).strip()
            if title in seen:
                sentence = (
                    f"Another option reads “{wording.text[:40]}” too (in {language}); give them different titles."
                )
                facts.findings.add("same-title", place, sentence)
            seen.add(title)


def _check_numbered(menu: Menu, facts: Facts, rules: Rules, lengths: Mapping[str, int]) -> None:
    """All options in one text, each in a line of its own."""
    shown = [*menu.around, *(words for words, _ in menu.titles), *menu.descriptions, rules.sentences.choose_hint]
    for language in rules.languages:
        longest = sum(in_language(words, language).longest(lengths) + _NUMBERING for words in shown)
        if longest > TEXT.characters:
            sentence = (
                f"With all its options this question can become {longest} characters long (in {language}), but "
                f"WhatsApp takes {TEXT.characters}; offer fewer options or shorten them."
            )
            facts.findings.add("too-long", menu.place, sentence)
            return


def in_language(words: Words, language: str) -> Wording:
    """As `Words.render` chooses."""
    known = words.by_language
    return known.get(language) or known.get(ANY_LANGUAGE) or next(iter(known.values()))


def _has_letters(wording: Wording) -> bool:
    """Links are not in any language."""
    said = " ".join(_LINK.sub("", part) for part in wording.parts if isinstance(part, str))
    return any(letter.isalpha() for letter in said)
