"""The emulated OpenRouter: strict as the vendor, and as bad as it is told to be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from emulator.stage import Stage, open_stage
from frontdesk.emulator.openrouter import GARBAGE, PREFIX
from frontdesk.emulator.openrouter_answers import ANSWERS, HUGE_CHARACTERS, parroted
from frontdesk.emulator.requests import ConnectionDropped

pytestmark = pytest.mark.anyio
KEY = {"authorization": "Bearer sk-or-v1-emulator"}
SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "is_answer": {"type": "boolean"},
        "hands_off": {"type": "boolean"},
        "sources": {"type": "array", "items": {"type": "string"}},
    },
}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}
ASKED = (
    '<passage id="hours.md#0">\nWe open at nine. We sell shoes.\n</passage>\n<message>\nWhen do you open?\n</message>'
)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


async def ask(stage: Stage, content: str = ASKED, **changes: Any) -> httpx.Response:
    body = {
        "model": "example/model-a",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 400,
        **changes,
    }
    return await stage.client.post(f"{PREFIX}/chat/completions", json=body, headers=KEY)


def content_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    content: str = response.json()["choices"][0]["message"]["content"]
    return content


async def test_it_answers_with_what_it_was_sent(stage: Stage) -> None:
    response = await ask(stage)
    assert content_of(response) == "We open at nine."
    assert response.json()["id"] == response.headers["x-generation-id"]
    assert response.json()["usage"]["cost"] > 0
    assert json.loads(content_of(await ask(stage, response_format=FORM))) == {
        "text": "We open at nine.",
        "is_answer": True,
        "hands_off": False,
        "sources": ["hours.md#0"],
    }


async def test_it_knows_nothing_that_it_was_not_sent(stage: Stage) -> None:
    assert content_of(await ask(stage, "<message>\nWhy?\n</message>")) == "I do not know."
    assert not json.loads(content_of(await ask(stage, "Why?", response_format=FORM)))["is_answer"]


async def test_it_chooses_the_sentence_that_fits(stage: Stage) -> None:
    choice = {"type": "object", "properties": {"choice": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": choice}}
    messages = [
        {"role": "system", "content": "Which?\n1. Return shoes\n2. Track a parcel"},
        {"role": "user", "content": "where is my parcel?"},
    ]
    assert json.loads(content_of(await ask(stage, messages=messages, response_format=form))) == {"choice": 2}


async def test_a_limit_cuts_an_answer(stage: Stage) -> None:
    await stage.client.post("/_emulator/answers", json=[{"content": "x" * 400}])
    response = await ask(stage, max_tokens=16)
    assert (len(content_of(response)), response.json()["choices"][0]["finish_reason"]) == (64, "length")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"model": "acme/none-1"}, 400, "not a valid model ID"),
        ({"models": ["a", "b", "c", "d"]}, 400, "3 items or fewer"),
        ({"messages": []}, 400, "Input required"),
        ({"transforms": []}, 400, "Unrecognized key: transforms"),
    ],
)
async def test_what_the_vendor_refuses(stage: Stage, changes: dict[str, Any], status: int, said: str) -> None:
    response = await ask(stage, **changes)
    assert response.status_code == status
    assert said in response.json()["error"]["message"]


async def test_a_wrong_key_and_a_body_that_is_none(stage: Stage) -> None:
    url = f"{PREFIX}/chat/completions"
    assert (await stage.client.post(url, json={"messages": [1]})).status_code == 401
    assert (await stage.client.post(url, content=b"{", headers=KEY)).status_code == 400
    found = await stage.show("completions")
    assert [(one["status"], one["request"]) for one in found] == [(401, {"messages": [1]}), (400, None)]


@pytest.mark.parametrize("name", sorted(ANSWERS))
async def test_every_answer_can_be_ordered_by_name(stage: Stage, name: str) -> None:
    await stage.trouble("complete", "error", value=name, count=1)
    response = await ask(stage)
    assert response.status_code == ANSWERS[name].status
    assert response.content == ANSWERS[name].encoded()
    assert {key.lower() for key in ANSWERS[name].headers} <= set(response.headers)
    assert content_of(await ask(stage)) == "We open at nine."


async def test_the_next_model_answers_where_one_fails(stage: Stage) -> None:
    await stage.trouble("complete", "error", value="502", to="example/model-a")
    models = ["other/model-b", "third/model-c"]
    assert (await ask(stage, models=models)).json()["model"] == "other/model-b"
    await stage.trouble("complete", "error", value="429_capacity", to="other/model-b")
    await stage.trouble("complete", "error", value="503", to="third/model-c")
    assert (await ask(stage, models=models)).status_code == 503
    assert (await ask(stage)).status_code == 502
    assert [one["model"] for one in await stage.show("completions")] == ["other/model-b", "", ""]


async def test_pages_and_garbage(stage: Stage) -> None:
    await stage.trouble("complete", "html", count=1)
    page = await ask(stage)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    await stage.trouble("complete", "http_5xx", value=520, count=1)
    assert (await ask(stage)).status_code == 520
    await stage.trouble("complete", "garbage", count=1)
    assert (await ask(stage)).content == GARBAGE


@pytest.mark.parametrize("kind", ["refuse", "accept_then_drop", "cut_off"])
async def test_connections_are_cut(stage: Stage, kind: str) -> None:
    await stage.trouble("complete", kind, count=1)
    with pytest.raises(ConnectionDropped):
        await ask(stage)


async def test_a_script_is_followed_in_its_order(stage: Stage) -> None:
    script = [
        {"when": "SHOES", "text": "Brown ones."},
        {"content": "once", "count": 2},
        {"canned": "hostile_huge"},
    ]
    assert (await stage.client.post("/_emulator/answers", json=script)).json() == {"success": True}
    assert [content_of(await ask(stage, "hi")) for _ in range(2)] == ["once", "once"]
    assert json.loads(content_of(await ask(stage, "Which shoes?", response_format=FORM)))["text"] == "Brown ones."
    assert len(content_of(await ask(stage, "hi"))) == HUGE_CHARACTERS
    await stage.client.post("/_emulator/reset")
    assert content_of(await ask(stage)) == "We open at nine."
    assert len(await stage.show("completions")) == 1


@pytest.mark.parametrize(
    "script",
    [[{}], [{"text": "a", "content": "b"}], [{"canned": "no such"}], [{"text": "a", "count": 0}], {"text": "a"}],
)
async def test_a_script_that_says_nothing_is_refused(stage: Stage, script: Any) -> None:
    answer = await stage.client.post("/_emulator/answers", json=script)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "rule",
    [
        {"on": "complete", "kind": "error", "value": "131047"},
        {"on": "complete", "kind": "error"},
        {"on": "complete", "kind": "reorder"},
        {"on": "send", "kind": "garbage"},
    ],
)
async def test_a_rule_that_could_never_strike_is_refused(stage: Stage, rule: dict[str, Any]) -> None:
    assert (await stage.client.post("/_emulator/faults", json=[rule])).status_code == 400


async def test_what_there_is_what_is_left_and_what_it_was(stage: Stage) -> None:
    models = (await stage.client.get(f"{PREFIX}/models")).json()["data"]
    assert [model["id"] for model in models] == ["example/model-a", "example/model-f:free"]
    assert (await stage.client.get(f"{PREFIX}/key")).status_code == 401
    key = (await stage.client.get(f"{PREFIX}/key", headers=KEY)).json()["data"]
    assert key["limit_remaining"] == 37.42
    known = (await ask(stage)).json()["id"]
    found = await stage.client.get(f"{PREFIX}/generation", params={"id": known}, headers=KEY)
    assert found.json()["data"]["id"] == known
    assert (await stage.client.get(f"{PREFIX}/generation", params={"id": "x"})).status_code == 404


def test_a_parrot_needs_a_question() -> None:
    assert parroted("") == ("", [])
    assert parroted("<message>\n\n</message>") == ("", [])


def test_a_parrot_says_whole_sentences_and_nothing_of_the_marks() -> None:
    heard = (
        '<passage id="d.md#a" title="Parcels">\nA parcel abroad is 12.90 and needs\nfive days.\n</passage>\n'
        '<passage id="d.md#b" title="A parcel">\nWe repair shoes.\n</passage>\n<message>\nparcel abroad?\n</message>'
    )
    assert parroted(heard) == ("A parcel abroad is 12.90 and needs five days.", ["d.md#a"])
