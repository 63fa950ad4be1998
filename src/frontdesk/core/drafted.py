"""How a model's words are read: as the fields or the lines that it was asked for, and never further than that.

A model may say anything, for its words are made of what strangers wrote. So: sources that it was not given are
dropped, a choice is one of the sentences or none, what is too long is no answer, and no word in the text a customer
reads means anything to us; that a person is wanted is a field of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.prompt import Form, Prompt

TEXT_CHARACTERS_MAX = 6_000
"""Far more than anybody reads on a phone; a model that says more has gone astray."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff]")
_THOUGHT = re.compile(r"\A\s*<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_VERDICT = re.compile(r"\A[\s*_#]*(ANSWER|UNKNOWN|PERSON)\b[\s*_:.]*", re.ASCII)
_SOURCES = re.compile(r"(?:\n|\A)[ \t*_]*SOURCES?:[ \t*_]*([^\n]*)\s*\Z", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}")

_Fields = TypeVar("_Fields")


class Unusable(Exception):
    """The words are not in the form asked for; the message says what is wrong, for the model to do better."""


class Drafted(Struct, frozen=True, kw_only=True):
    """See `ports.Completion`, whose fields these are."""

    text: str
    is_answer: bool = True
    hands_off: bool = False
    sources: tuple[str, ...] = ()


class _Answer(Struct, frozen=True, kw_only=True):
    text: str
    is_answer: bool
    hands_off: bool = False
    sources: tuple[str, ...] = ()


class _Choice(Struct, frozen=True, kw_only=True):
    choice: Annotated[int, Meta(ge=0)]


def schema(prompt: Prompt) -> dict[str, Any] | None:
    """The JSON Schema of the reply, strict as vendors want it; None where plain text is asked for."""
    fields: dict[str, Any]
    match prompt.task:
        case "answer":
            fields = {
                "text": {"type": "string"},
                "is_answer": {"type": "boolean"},
                "hands_off": {"type": "boolean"},
                "sources": {"type": "array", "items": {"type": "string"}},
            }
        case "choose":
            fields = {"choice": {"type": "integer", "enum": list(range(len(prompt.choices) + 1))}}
        case "summarise":
            return None
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def read(text: str, prompt: Prompt, known: Collection[str], form: Form) -> Drafted:
    """What the model says in `text`. `known`: the ids of the passages that it was given. Raises Unusable."""
    said = without_thoughts(text)
    match prompt.task:
        case "answer":
            answer = _answer_fields(said) if form == "fields" else _answer_lines(said)
            return _checked(answer, known, demands_sources=prompt.demands_sources)
        case "choose":
            return _chosen(said, prompt.choices, form)
        case "summarise":
            words = _clean(said)
            return Drafted(text=words[:TEXT_CHARACTERS_MAX], is_answer=bool(words))


def without_thoughts(text: str) -> str:
    """Without what a model thought aloud before it answered, also where it never came to an end."""
    return _THOUGHT.sub("", text).strip()


def _answer_fields(said: str) -> _Answer:
    return _decoded(said, _Answer)


def _answer_lines(said: str) -> _Answer:
    """Forgiving: a small model that forgets the form has still said something."""
    found = _SOURCES.search(said)
    sources = re.split(r"[,;\s]+", found[1]) if found else ()
    body = said[: found.start()] if found else said
    verdict = _VERDICT.match(body)
    word = verdict[1] if verdict else "ANSWER"
    text = body[verdict.end() :] if verdict else body
    return _Answer(
        text=text,
        is_answer=word == "ANSWER",
        hands_off=word == "PERSON",
        sources=tuple(source.strip("[]()<>\"'`.") for source in sources),
    )


def _checked(answer: _Answer, known: Collection[str], *, demands_sources: bool) -> Drafted:
    text = _clean(answer.text)
    if len(text) > TEXT_CHARACTERS_MAX:
        raise Unusable(f"the text is longer than {TEXT_CHARACTERS_MAX} characters")
    sources = tuple(dict.fromkeys(source for source in answer.sources if source in known))
    if demands_sources and not sources and text and answer.is_answer and not answer.hands_off:
        raise Unusable(
            "it names no passage that it was given; name those that it is made of, or say that you do not know"
        )
    return Drafted(text=text, is_answer=answer.is_answer and bool(text), hands_off=answer.hands_off, sources=sources)


def _chosen(said: str, choices: tuple[str, ...], form: Form) -> Drafted:
    if form == "fields":
        number = _decoded(said, _Choice).choice
    else:
        found = _NUMBER.search(said)
        if found is None:
            raise Unusable("there is no number in it")
        number = int(found[0])
    if number > len(choices):
        raise Unusable(f"there is no sentence {number}")
    return Drafted(text=choices[number - 1] if number else "", is_answer=number > 0)


def _decoded(said: str, fields: type[_Fields]) -> _Fields:
    begin, end = said.find("{"), said.rfind("}")  # around it: ``` fences, or a kind word
    if begin < 0 or end < begin:
        raise Unusable("it is no JSON object")
    try:
        return msgspec.json.decode(said[begin : end + 1].encode("utf-8", "replace"), type=fields)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unusable(str(error)[:200]) from error


def _clean(text: str) -> str:
    return _CONTROL.sub("", text).strip()
