"""What the provider makes of a server that answers, fails, hangs or lies."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from frontdesk.core.event import Usage
from frontdesk.core.prompt import Passage, Turn
from frontdesk.core.tool import ARGUMENTS_CHARACTERS_MAX, Argument, ToolCall, ToolOffered, ToolResult
from frontdesk.emulator.openrouter_answers import ANSWERS
from frontdesk.plugin import Secret
from frontdesk.ports import Completion, HasModels, OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure
from plugins.openrouter.support import KEY, Vendor, asked

pytestmark = pytest.mark.anyio
HOURS = Passage(id="hours.md#0", title="Opening hours", text="We are open from 9:00 to 18:00. Closed on Sundays.")
NINE = {"text": "At nine.", "is_answer": True, "hands_off": False, "sources": ["hours.md#0", "made-up"]}


def fields(**changes: Any) -> dict[str, Any]:
    return {"content": msgspec.json.encode({**NINE, **changes}).decode()}


async def failure_of(vendor: Vendor, **changes: Any) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await vendor.provider(**changes).complete(asked(), (HOURS,), conversation_id="c-1", within_seconds=5.0)
    return caught.value


async def test_an_answer_has_its_sources_its_model_and_its_price(vendor: Vendor) -> None:
    await vendor.says(fields())
    completion = await vendor.provider().complete(asked(), (HOURS,))
    assert (completion.text, completion.is_answer, completion.hands_off) == ("At nine.", True, False)
    assert (completion.sources, completion.model) == (("hours.md#0",), "example/model-a")
    usage = completion.usage
    assert usage is not None
    assert usage.tokens_in > 100
    assert 0 < float(usage.cost_usd) < 0.01
    assert "e" not in usage.cost_usd
    assert usage.generation_id.startswith("gen-")


async def test_a_person_may_be_asked_for_and_nothing_known(vendor: Vendor) -> None:
    await vendor.says(fields(hands_off=True, is_answer=False))
    completion = await vendor.provider().complete(asked(), ())
    assert (completion.hands_off, completion.is_answer) == (True, False)


async def test_a_sentence_is_chosen(vendor: Vendor) -> None:
    prompt = asked("where is my parcel?", task="choose", choices=("Return shoes", "Track a parcel"))
    for answers in ("json_schema", "text"):
        await vendor.says({"content": '{"choice": 2}' if answers == "json_schema" else "2"})
        completion = await vendor.provider(answers=answers).complete(prompt, ())
        assert (completion.text, completion.is_answer) == ("Track a parcel", True)


async def test_none_of_the_sentences(vendor: Vendor) -> None:
    await vendor.says({"content": '{"choice": 0}'})
    prompt = asked("hm", task="choose", choices=("Return shoes",))
    completion = await vendor.provider().complete(prompt, ())
    assert (completion.text, completion.is_answer) == ("", False)


async def test_a_conversation_is_summed_up_in_plain_text(vendor: Vendor) -> None:
    await vendor.says({"content": "Wants boots."})
    prompt = asked("", Turn(role="contact", text="boots?"), task="summarise")
    assert (await vendor.provider().complete(prompt, ())).text == "Wants boots."
    (request,) = await vendor.requests()
    assert "response_format" not in request


async def test_what_is_not_in_the_form_is_asked_for_once_more(vendor: Vendor) -> None:
    await vendor.says({"content": "At nine, of course!", "count": 1}, fields())
    completion = await vendor.provider().complete(asked(), (HOURS,))
    assert completion.text == "At nine."
    first, second = await vendor.requests()
    assert second["messages"][:-2] == first["messages"]
    assert second["messages"][-2] == {"role": "assistant", "content": "At nine, of course!"}
    assert "it is no JSON object" in second["messages"][-1]["content"]
    assert completion.usage is not None
    assert completion.usage.tokens_in > 2 * len(msgspec.json.encode(first["messages"])) // 4 - 2


async def test_twice_is_enough_and_both_are_paid_for(vendor: Vendor) -> None:
    await vendor.says({"canned": "hostile_wrong_types"})
    failure = await failure_of(vendor)
    assert isinstance(failure, TemporaryFailure)
    assert failure.code == "unusable"
    expected = Usage(tokens_in=1_624, tokens_out=92, cost_usd="0.001826")
    assert failure.usage is not None
    assert msgspec.structs.replace(failure.usage, generation_id="") == expected
    assert len(await vendor.requests()) == 2


async def test_a_repair_that_fails_tells_what_the_first_try_used(vendor: Vendor) -> None:
    await vendor.says({"content": "prose", "count": 1}, {"canned": "500_masked"})
    failure = await failure_of(vendor)
    assert (type(failure), failure.code) == (TemporaryFailure, "server")
    assert failure.usage is not None
    assert failure.usage.tokens_in > 0


@pytest.mark.parametrize(
    ("kind", "more", "expected", "code"),
    [
        ("html", {}, OutcomeUnknown, "garbage"),
        ("garbage", {}, OutcomeUnknown, "garbage"),
        ("cut_off", {}, OutcomeUnknown, "no_answer"),
        ("refuse", {}, OutcomeUnknown, "no_answer"),
        ("accept_then_drop", {}, OutcomeUnknown, "no_answer"),
        ("accept_then_hang", {"value": 0.05}, OutcomeUnknown, "no_answer"),
        ("http_5xx", {"value": 502}, TemporaryFailure, "502"),
        ("http_5xx", {"value": 520}, TemporaryFailure, "520"),
        ("http_5xx", {"value": 403}, PermanentFailure, "403"),
        ("error", {"value": "402_in_flight_retryable"}, TemporaryFailure, "openrouter_in_flight_budget"),
        ("error", {"value": "500_masked"}, TemporaryFailure, "server"),
        ("error", {"value": "200_error_inside_choice"}, TemporaryFailure, "provider_unavailable"),
        ("error", {"value": "200_empty_completion"}, TemporaryFailure, "empty"),
        ("error", {"value": "200_no_choices"}, TemporaryFailure, "empty"),
        ("error", {"value": "200_thoughts_only"}, TemporaryFailure, "unusable"),
        ("error", {"value": "200_length"}, PermanentFailure, "length"),
        ("error", {"value": "200_content_filter"}, PermanentFailure, "content_filter"),
        ("error", {"value": "200_refusal"}, PermanentFailure, "refusal"),
        ("error", {"value": "local_lmstudio_error_400_string"}, PermanentFailure, "400"),
        ("error", {"value": "hostile_prose"}, TemporaryFailure, "unusable"),
        ("error", {"value": "hostile_wrong_types"}, TemporaryFailure, "unusable"),
        ("error", {"value": "hostile_tool"}, PermanentFailure, "unknown_tool"),
        ("error", {"value": "hostile_huge"}, TemporaryFailure, "unusable"),
        ("error", {"value": "hostile_shapes"}, TemporaryFailure, "empty"),
    ],
    ids=str,
)
async def test_trouble(
    vendor: Vendor, kind: str, more: dict[str, Any], expected: type[ProviderFailure], code: str
) -> None:
    await vendor.trouble(kind, **more)
    failure = await failure_of(vendor)
    assert (type(failure), failure.code) == (expected, code), failure
    if isinstance(failure, TemporaryFailure) and code == "openrouter_in_flight_budget":
        assert failure.retry_after == 3.0


async def test_every_canned_answer_is_a_completion_or_one_of_three_failures(vendor: Vendor) -> None:
    for name in sorted(ANSWERS):
        await vendor.says({"canned": name})
        (found,) = await asyncio.gather(vendor.provider().complete(asked(), (HOURS,)), return_exceptions=True)
        if isinstance(found, ProviderFailure):
            assert found.code, name
            assert KEY not in str(found)
        else:
            assert isinstance(found, Completion), name
            assert found.text, name
            assert set(found.sources) <= {HOURS.id}


async def test_sources_that_it_made_up_and_a_price_of_minus_one_are_dropped(vendor: Vendor) -> None:
    await vendor.says({"canned": "hostile_sources"})
    assert (await vendor.provider().complete(asked(), (HOURS,))).sources == ()
    await vendor.says({"canned": "hostile_cost"})
    usage = (await vendor.provider().complete(asked(), ())).usage
    assert usage is not None
    assert (usage.tokens_in, usage.tokens_out, usage.cost_usd) == (0, 0, "")


async def test_a_server_that_hangs_is_left_after_the_time_that_was_given(vendor: Vendor) -> None:
    await vendor.trouble("accept_then_hang", value=30)
    began_at = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        await vendor.provider().complete(asked(), (), within_seconds=0.4)
    with pytest.raises(OutcomeUnknown):
        await vendor.provider(timeout_seconds=0.4).complete(asked(), ())
    assert time.monotonic() - began_at < 3.0
    await vendor.control.delete("/_emulator/faults")


async def test_a_caller_that_stops_waiting_leaves_nothing_behind(vendor: Vendor) -> None:
    await vendor.trouble("latency", value=0.3)
    asking = asyncio.create_task(vendor.provider().complete(asked(), ()))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_nobody_listens(vendor: Vendor) -> None:
    failure = await failure_of(vendor, base_url="http://127.0.0.1:9")
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.concerns) == ("unreachable", "account")
    assert str(failure) == "the server cannot be reached; check base_url, and that it runs"


async def test_an_endless_answer_is_cut(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontdesk_plugins.openrouter.connection.BODY_BYTES_MAX", 500_000)
    await vendor.says({"canned": "hostile_huge"})
    failure = await failure_of(vendor)
    assert (type(failure), failure.code) == (OutcomeUnknown, "too_long")


async def test_a_model_that_fails_is_replaced_by_the_router_and_told(vendor: Vendor) -> None:
    await vendor.trouble("error", value="502", to="example/model-a")
    completion = await vendor.provider(fallback_models=("other/model-b",)).complete(asked(), (HOURS,))
    assert completion.model == "other/model-b"


async def test_when_the_router_has_tried_all_the_backend_is_done(vendor: Vendor) -> None:
    await vendor.trouble("error", value="429_capacity")
    failure = await failure_of(vendor, fallback_models=("other/model-b",))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.concerns, failure.retry_after) == ("account", 40.0)


async def test_each_model_can_be_asked_alone(vendor: Vendor) -> None:
    provider = vendor.provider(fallback_models=("other/model-b", "third/model-c"))
    assert isinstance(provider, HasModels)
    models = provider.by_model()
    assert list(models) == ["example/model-a", "other/model-b", "third/model-c"]
    async with models["other/model-b"] as model:
        await model.complete(asked(), (HOURS,))
    (request,) = await vendor.requests()
    assert (request["model"], request["models"]) == ("other/model-b", ["third/model-c"])


async def test_others_than_routers_are_sent_no_fields_of_theirs(vendor: Vendor) -> None:
    for profile in ("openai", "ollama", "vllm", "llamacpp", "lmstudio", "other"):
        provider = vendor.provider(profile=profile, fallback_models=("other/model-b",))
        await provider.complete(asked(), (HOURS,), conversation_id="c-1")
    requests = await vendor.requests()
    assert len(requests) == 6
    for request in requests:
        assert not {"models", "provider", "plugins", "session_id", "reasoning"} & set(request)
        assert {"max_tokens", "max_completion_tokens"} & set(request)
    assert ["user" in request for request in requests] == [True, False, False, False, False, False]
    assert "response_format" not in requests[-1]


async def test_a_contact_is_a_keyed_hash(vendor: Vendor) -> None:
    for key, conversation in (("one", "c-1"), ("one", "c-1"), ("one", "c-2"), ("two", "c-1")):
        provider = vendor.provider(user_key=Secret(key))
        await provider.complete(asked(), (), conversation_id=conversation)
    await vendor.provider().complete(asked(), ())
    *told, anonymous = await vendor.requests()
    users = [request["user"] for request in told]
    assert users[0] == users[1]
    assert len(set(users)) == 3
    assert users[0] != told[0]["session_id"]
    assert all(len(user) == 24 for user in users)
    assert not {"user", "session_id"} & set(anonymous)


async def test_fields_that_a_model_refuses_are_left_out(vendor: Vendor) -> None:
    leave_out = ("temperature", "user", "session_id", "reasoning_effort")
    provider = vendor.provider(leave_out=leave_out, reasoning_effort="low")
    await provider.complete(asked(), (), conversation_id="c-1")
    (request,) = await vendor.requests()
    assert not {"temperature", "user", "session_id", "reasoning"} & set(request)


async def test_a_long_conversation_is_cut_to_what_the_model_takes(vendor: Vendor) -> None:
    turns = [Turn(role="contact" if number % 2 else "bot", text="word " * 200) for number in range(60)]
    provider = vendor.provider(context_tokens=3_000, max_tokens=500)
    await provider.complete(asked("Last?", *turns), (HOURS,))
    (request,) = await vendor.requests()
    assert len(msgspec.json.encode(request["messages"])) < 3 * 2_500
    assert "Last?" in request["messages"][-1]["content"]


async def test_what_a_call_cost_is_calculated_where_the_server_does_not_tell(vendor: Vendor) -> None:
    told: list[str] = []
    for changes in ({"price_in": "0.15", "price_out": "0.60"}, {}, {"profile": "openai"}):
        provider = vendor.case("local_ollama_ok.json", answers="text", **{"profile": "vllm", **changes})
        usage = (await provider.complete(asked(), ())).usage
        assert usage is not None
        told.append(usage.cost_usd)
    assert told == ["0.0000048", "0", ""]


async def test_without_json_it_answers_in_lines(vendor: Vendor) -> None:
    await vendor.says({"content": "ANSWER\nAt nine.\nSOURCES: hours.md#0"})
    completion = await vendor.provider(answers="text").complete(asked(), (HOURS,))
    assert (completion.text, completion.sources) == ("At nine.", ("hours.md#0",))
    (request,) = await vendor.requests()
    assert "response_format" not in request


async def test_json_without_a_schema_is_asked_for_by_name(vendor: Vendor) -> None:
    await vendor.says(fields())
    await vendor.provider(answers="json_object").complete(asked(), (HOURS,))
    (request,) = await vendor.requests()
    assert request["response_format"] == {"type": "json_object"}


async def test_a_redirect_is_not_followed(vendor: Vendor) -> None:
    await vendor.trouble("http_5xx", value=302)
    failure = await failure_of(vendor)
    assert (type(failure), failure.code, failure.concerns) == (PermanentFailure, "302", "account")


async def test_nothing_is_repaired_without_the_time_for_it(vendor: Vendor) -> None:
    await vendor.says({"content": "prose"})
    await vendor.trouble("latency", value=0.3)
    with pytest.raises(TemporaryFailure) as caught:
        await vendor.provider().complete(asked(), (HOURS,), within_seconds=1.2)
    assert caught.value.code == "unusable"
    assert len(await vendor.requests()) == 1


async def test_without_any_time_nobody_is_asked(vendor: Vendor) -> None:
    with pytest.raises(TemporaryFailure, match="no time left"):
        await vendor.provider().complete(asked(), (HOURS,), within_seconds=0.1)
    assert await vendor.requests() == []


async def test_how_hard_a_model_thinks_is_said_in_the_server_s_own_way(vendor: Vendor) -> None:
    for profile in ("openrouter", "vllm"):
        await vendor.provider(profile=profile, reasoning_effort="low").complete(asked(), (HOURS,))
    router, other = await vendor.requests()
    assert router["reasoning"] == {"effort": "low", "exclude": True}
    assert (other["reasoning_effort"], "reasoning" in other) == ("low", False)


async def test_where_a_source_is_demanded_it_is_asked_for_once_more_and_then_it_is_the_rules_to_judge(
    vendor: Vendor,
) -> None:
    prompt = asked(demands_sources=True)
    await vendor.says(fields(sources=["made-up"]) | {"count": 1}, fields())
    completion = await vendor.provider().complete(prompt, (HOURS,))
    assert completion.sources == ("hours.md#0",)
    complaint = (await vendor.requests())[-1]["messages"][-1]["content"]
    assert "it names no passage that it was given" in complaint
    await vendor.says(fields(sources=["made-up"]))
    completion = await vendor.provider().complete(prompt, (HOURS,))
    assert (completion.is_answer, completion.sources) == (True, ())
    assert len(await vendor.asked()) == 4


PARCEL = ToolOffered(name="parcel", description="Where it is.", arguments=(Argument(name="number", longest=20),))


async def test_a_tool_is_offered_and_asked_for_in_the_model_s_own_words(vendor: Vendor) -> None:
    await vendor.says({"call": {"name": "parcel", "arguments": '{"number": "A1'}})
    completion = await vendor.provider().complete(asked(tools=(PARCEL,)), (HOURS,))
    assert completion.wants == ToolCall(name="parcel", arguments='{"number": "A1')
    assert (completion.text, completion.is_answer) == ("", False)
    assert completion.usage is not None
    (request,) = await vendor.requests()
    assert request["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "parcel",
                "description": "Where it is.",
                "parameters": {
                    "type": "object",
                    "properties": {"number": {"type": "string", "maxLength": 20}},
                    "required": ["number"],
                    "additionalProperties": False,
                },
            },
        }
    ]


async def test_what_a_tool_gave_back_is_data_that_may_be_cited(vendor: Vendor) -> None:
    prompt = asked(results=(ToolResult(tool="parcel", text='{"place": "Pune"}'),), demands_sources=True)
    await vendor.says(fields(sources=["result-1", "result-2"]))
    completion = await vendor.provider().complete(prompt, ())
    assert completion.sources == ("result-1",)
    (request,) = await vendor.requests()
    assert "tools" not in request
    assert '<result id="result-1" tool="parcel">' in request["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("options", "content"),
    [({"answers": "text"}, "ANSWER\nAt nine."), ({"leave_out": ("tools",)}, fields(text="At nine.")["content"])],
)
async def test_a_server_that_cannot_be_told_of_tools_reads_nothing_of_them(
    vendor: Vendor, options: dict[str, Any], content: str
) -> None:
    await vendor.says({"content": content})
    completion = await vendor.provider(**options).complete(asked(tools=(PARCEL,)), (HOURS,))
    assert completion.text == "At nine."
    (request,) = await vendor.requests()
    assert "tools" not in request
    assert "Where a tool helps" not in request["messages"][0]["content"]
    assert ("response_format" in request) is ("leave_out" in options)


@pytest.mark.parametrize("profile", ["ollama", "vllm", "llamacpp", "lmstudio", "openai", "openrouter"])
async def test_local_servers_whose_form_bars_tools_are_asked_for_it_in_words(vendor: Vendor, profile: str) -> None:
    """Else Ollama answers with empty `tool_calls`, and the grammar of the others excludes the marks of a call."""
    limit = "max_completion_tokens" if profile == "openai" else "max_tokens"
    await vendor.says({"call": {"name": "parcel", "arguments": '{"number": "A1"}'}})
    completion = await vendor.provider(profile=profile).complete(asked(tools=(PARCEL,)), (HOURS,))
    assert completion.wants == ToolCall(name="parcel", arguments='{"number": "A1"}')
    (request,) = await vendor.requests()
    assert request["tools"]
    assert limit in request
    assert ("response_format" in request) is (profile in ("openai", "openrouter"))
    assert "Reply with one JSON object" in request["messages"][0]["content"]


async def test_a_hostile_call_is_the_rules_to_judge_where_tools_were_offered(vendor: Vendor) -> None:
    await vendor.says({"canned": "hostile_tool"})
    completion = await vendor.provider().complete(asked(tools=(PARCEL,)), ())
    assert completion.wants == ToolCall(name="refund_everybody", arguments='{"amount": 1e9,')
    assert len(await vendor.asked()) == 1


async def test_endless_arguments_are_cut_to_what_no_tool_takes(vendor: Vendor) -> None:
    await vendor.says({"call": {"name": "x" * 900, "arguments": "y" * 600_000}})
    completion = await vendor.provider().complete(asked(tools=(PARCEL,)), ())
    assert completion.wants is not None
    assert (len(completion.wants.name), len(completion.wants.arguments)) == (200, ARGUMENTS_CHARACTERS_MAX + 1)
