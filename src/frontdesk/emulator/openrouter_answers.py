"""What the emulated OpenRouter can say: every answer that its documents and users have seen, by name, and answers that
it makes up from what it is sent.

`openrouter.json` holds the vendor's errors, answers of other servers that speak the same language, and those of a
hostile model. Making one up is parroting: the sentence before the question that shares most words with it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

_DATA: dict[str, Any] = msgspec.json.decode((Path(__file__).parent / "openrouter.json").read_bytes())
MODELS: dict[str, Any] = _DATA["models"]
KEY: dict[str, Any] = _DATA["key"]
GENERATION: dict[str, Any] = _DATA["generation"]

HUGE_CHARACTERS = 600_000
SENTENCES_MAX = 2
STEM = 5
_TAG = re.compile(r"</?[a-z]+[^<>]{0,400}>")
_ID = re.compile(r'\bid="([^"]*)"')
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?=\w)|\n(?!\n))+[.!?]?")
"""It may be wrapped, and "12.90" does not end one; a paragraph does."""
_WORD = re.compile(r"\w{3,}")
_NUMBERED = re.compile(r"^(\d{1,3})\. (.+)$", re.MULTILINE)


class Canned(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer as it goes over the wire."""

    status: int = 200
    headers: dict[str, str] = {}
    body: Any = None

    def encoded(self) -> bytes:
        """Its bytes."""
        return msgspec.json.encode(self.body)


def _huge() -> Canned:
    ok = ANSWERS["ok"].body
    message = {"role": "assistant", "content": "x" * HUGE_CHARACTERS}
    return Canned(body={**ok, "choices": [{**ok["choices"][0], "message": message}]})


ANSWERS: dict[str, Canned] = msgspec.convert(_DATA["answers"], dict[str, Canned])
ANSWERS["hostile_huge"] = _huge()


def answer_name(value: object) -> str:
    """A name of `ANSWERS`; KeyError if there is none."""
    if not isinstance(value, str) or value not in ANSWERS:
        raise KeyError(value)
    return value


def made_up(request: dict[str, Any], text: str | None = None) -> str:
    """The content of an answer: `text`, else what the request itself says, in the form that it asks for."""
    content = request["messages"][-1].get("content") or ""
    heard = "a picture" if isinstance(content, list) else str(content)
    found, sources = parroted(heard)
    said = found if text is None else text
    system = str(request["messages"][0].get("content") or "")
    schema = _schema(request)
    if schema is None:
        is_choice = text is None and _NUMBERED.search(system) is not None
        return str(_chosen(system, heard)) if is_choice else said or "I do not know."
    values = {name: _filled(name, one, said, sources) for name, one in schema["properties"].items()}
    if "choice" in values:
        values["choice"] = _chosen(system, heard)
    return msgspec.json.encode(values).decode()


def _schema(request: dict[str, Any]) -> dict[str, Any] | None:
    asked = request.get("response_format") or {}
    schema: dict[str, Any] | None = (asked.get("json_schema") or {}).get("schema")
    return schema


def _filled(name: str, schema: dict[str, Any], said: str, sources: list[str]) -> Any:
    match schema.get("type"):
        case "string":
            return said or "I do not know."
        case "boolean":
            return bool(said) and name == "is_answer"
        case "array":
            return sources
        case _:
            return 0


def parroted(heard: str) -> tuple[str, list[str]]:
    """Sentences that share words with the last line, and the ids of what they stand in."""
    lines = [line for line in _TAG.sub("", heard).splitlines() if line.strip()]
    question = _stems(lines[-1]) if lines else set()
    told = heard[: heard.rfind(lines[-1])] if lines else ""
    plain = _TAG.sub(lambda tag: "\n" * len(tag[0]), told)  # as long as before, for places to stay
    ranked: list[tuple[int, int, str]] = []
    for found in _SENTENCE.finditer(plain):
        sentence = " ".join(found[0].split())
        shared = len(question & _stems(sentence))
        if shared and "<" not in sentence:
            ranked.append((-shared, found.start(), sentence))
    best = sorted(sorted(ranked)[:SENTENCES_MAX], key=lambda one: one[1])
    return " ".join(one[2] for one in best), list(dict.fromkeys(filter(None, (_id(told, one[1]) for one in best))))


def _id(told: str, place: int) -> str:
    found = _ID.findall(told[:place])
    return str(found[-1]) if found else ""


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in _WORD.findall(text.casefold())}


def _chosen(system: str, heard: str) -> int:
    """The numbered line that shares most words with what was heard; 0 if none shares any."""
    wanted = _stems(_TAG.sub("", heard))
    shared = {int(found[1]): len(wanted & _stems(found[2])) for found in _NUMBERED.finditer(system)}
    best = max(shared, key=lambda number: shared[number], default=0)
    return best if shared.get(best) else 0
