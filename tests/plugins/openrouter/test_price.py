"""The most that a completion may cost is never less than what one can cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from frontdesk.core.prompt import Passage, lines
from frontdesk.core.tool import ToolOffered
from frontdesk_plugins.openrouter.options import Options
from frontdesk_plugins.openrouter.price import most_of
from frontdesk_plugins.openrouter.request import request_body
from plugins.openrouter.support import asked


@pytest.mark.parametrize(
    ("options", "prices"),
    [
        ({"profile": "openrouter"}, ("", "")),
        ({"profile": "openrouter", "price_in": "1", "price_out": "2"}, ("1", "2")),
        ({"profile": "openrouter", "price_in": "1", "price_out": "2", "max_price_in": "3"}, ("1", "2")),
        (
            {"profile": "openrouter", "price_in": "1", "price_out": "2", "max_price_in": "3", "max_price_out": "4"},
            ("3", "4"),
        ),
        ({"profile": "openai", "max_price_in": "3", "max_price_out": "4"}, ("", "")),
        ({"profile": "ollama"}, ("0", "0")),
        ({"profile": "vllm", "price_in": "0.1", "price_out": "0.2"}, ("0.1", "0.2")),
        ({"profile": "other"}, ("", "")),
    ],
)
def test_prices_are_the_most_that_is_known(options: dict[str, Any], prices: tuple[str, str]) -> None:
    most = most_of(Options(model="m", **options), asked(), lines(asked(), (), "fields"))
    assert (most.price_in, most.price_out) == prices


def test_two_requests_with_a_token_for_each_byte_and_the_longest_replies() -> None:
    options = Options(model="m", max_tokens=500)
    passages = (Passage(id="a", title="नमस्ते", text="ट" * 900),)
    told = lines(asked("कब खुला है?"), passages, "fields")
    most = most_of(options, asked(), told)
    size = sum(len(line.text.encode()) for line in told)
    assert most.tokens_in > 2 * size + 500
    assert most.tokens_in < 2 * len(request_body(options, ["m"], asked(), told, "c")) + 2_000
    assert most.tokens_out == 1_000


def test_tools_and_the_form_of_the_reply_are_billed_too() -> None:
    tools = tuple(ToolOffered(name=f"tool_{number}", description="क" * 300) for number in range(8))
    options, prompt = Options(model="m"), asked(tools=tools)
    told = lines(prompt, (), "fields")
    most = most_of(options, prompt, told)
    body = msgspec.json.decode(request_body(options, ["m"], prompt, told, "c"))
    beside = sum(len(msgspec.json.encode(body[name])) for name in ("tools", "response_format"))
    assert most.tokens_in >= 2 * (sum(len(line.text.encode()) for line in told) + beside)


def test_a_choice_is_a_short_reply() -> None:
    choice = asked(task="choose", choices=("a", "b"))
    assert most_of(Options(model="m"), choice, lines(choice, (), "fields")).tokens_out == 128
