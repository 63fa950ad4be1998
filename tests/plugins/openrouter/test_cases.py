"""Every file of the vendor's, and what it comes to. An answer is what a model said in plain text (`profile = "other"`
or that of a local server): the documents' examples are not in our form."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.emulator.openrouter import KNOWN
from frontdesk.ports import (
    Completion,
    OutcomeUnknown,
    PermanentFailure,
    ProviderFailure,
    TemporaryFailure,
)
from plugins.openrouter.support import CASES, Vendor, asked, load

pytestmark = pytest.mark.anyio

# File: what is raised, its code, what it concerns, how long to wait.
FAILURES: dict[str, tuple[type[ProviderFailure], str, str, float | None]] = {
    "err_400_context.json": (PermanentFailure, "context_length_exceeded", "message", None),
    "err_400_models_too_long.json": (PermanentFailure, "400", "message", None),
    "err_400_unknown_model.json": (PermanentFailure, "model_not_found", "channel", None),
    "err_401.json": (PermanentFailure, "401", "account", None),
    "err_402_credits.json": (PermanentFailure, "openrouter_credits", "account", None),
    "err_402_key_limit.json": (PermanentFailure, "openrouter_key_limit", "account", None),
    "err_402_too_big_for_budget.json": (PermanentFailure, "openrouter_credits", "message", None),
    "err_403_budget.json": (PermanentFailure, "openrouter_workspace_budget", "account", None),
    "err_403_guardrail.json": (PermanentFailure, "403", "contact", None),
    "err_403_moderation.json": (PermanentFailure, "403", "contact", None),
    "err_404_constraint.json": (PermanentFailure, "constraint_filtered", "channel", None),
    "err_408.json": (TemporaryFailure, "408", "message", None),
    "err_429_capacity.json": (TemporaryFailure, "capacity_exhausted", "channel", 40.0),
    "err_429_platform.json": (TemporaryFailure, "rate_limit_exceeded", "channel", None),
    "err_502.json": (TemporaryFailure, "provider_unavailable", "channel", None),
    "err_503.json": (TemporaryFailure, "provider_overloaded", "channel", 10.0),
    "err_524.json": (TemporaryFailure, "524", "message", None),
    "err_529.json": (TemporaryFailure, "529", "channel", None),
    "resp_200_error_top_level.json": (TemporaryFailure, "502", "channel", None),
    "resp_tool_calls.json": (PermanentFailure, "unknown_tool", "message", None),
    "local_llamacpp_401.json": (PermanentFailure, "authentication_error", "account", None),
    "local_llamacpp_context_400.json": (PermanentFailure, "exceed_context_size_error", "message", None),
    "local_llamacpp_loading_503.json": (TemporaryFailure, "unavailable_error", "channel", None),
    "local_ollama_error_404.json": (PermanentFailure, "not_found_error", "channel", None),
    "local_vllm_error_new.json": (PermanentFailure, "BadRequestError", "message", None),
    "local_vllm_error_old.json": (PermanentFailure, "BadRequestError", "message", None),
    # Answers to other questions hold no completion; a stream that nobody asked for is no answer that can be trusted.
    **dict.fromkeys(
        ("get_credits.json", "get_generation.json", "get_key.json", "get_models.json"),
        (TemporaryFailure, "empty", "message", None),
    ),
    **dict.fromkeys(
        (
            "local_ollama_stream_include_usage.sse", "local_ollama_stream_no_usage.sse", "local_vllm_stream_error.sse",
            "stream_cut_off.sse", "stream_midstream_error.sse", "stream_midstream_error_string_code.sse",
            "stream_ok.sse", "stream_tool_calls.sse", "stream_usage_on_finish_chunk.sse",
        ),
        (OutcomeUnknown, "garbage", "message", None),
    ),
}  # fmt: skip

# File: its profile, and the text, model, tokens in, out and cached, cost and id.
ANSWERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "resp_ok.json": (
        "openrouter",
        ("Order 4471 ships tomorrow.", "example/model-a", 812, 46, 640, "0.000913", "gen-1795150000-A1b2C3d4E5f6G7h8"),
    ),
    "local_llamacpp_ok.json": ("llamacpp", ("Hello", "local.gguf", 20, 3, 12, "0", "chatcmpl-EXAMPLE")),
    "local_ollama_ok.json": ("ollama", ("Hello", "example:8b", 20, 3, 0, "0", "chatcmpl-17")),
}
REQUESTS = sorted(path.name for path in CASES.glob("req_*.json"))


def test_every_file_is_a_case() -> None:
    names = {path.name for path in CASES.iterdir()}
    assert names == {*FAILURES, *ANSWERS, *REQUESTS}
    assert len(names) == 47


@pytest.mark.parametrize("name", FAILURES)
async def test_what_is_no_answer_fails(vendor: Vendor, name: str) -> None:
    expected, code, concerns, retry_after = FAILURES[name]
    with pytest.raises(ProviderFailure) as caught:
        await vendor.case(name, answers="text").complete(asked(), ())
    failure = caught.value
    assert (type(failure), failure.code, failure.concerns) == (expected, code, concerns), failure
    assert getattr(failure, "retry_after", None) == retry_after


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_read_with_all_that_it_used(vendor: Vendor, name: str) -> None:
    profile, expected = ANSWERS[name]
    completion: Completion = await vendor.case(name, answers="text", profile=profile).complete(asked(), ())
    usage = completion.usage
    assert usage is not None
    read = (usage.tokens_in, usage.tokens_out, usage.tokens_cached, usage.cost_usd, usage.generation_id)
    assert (completion.text, completion.model, *read) == expected


@pytest.mark.parametrize("name", REQUESTS)
def test_the_documents_requests_use_the_fields_that_the_emulator_takes(name: str) -> None:
    assert set(load(name)["body"]) <= KNOWN


async def test_ours_has_the_shape_of_the_full_example(vendor: Vendor) -> None:
    example = load("req_full.json")["body"]
    provider = vendor.provider(
        fallback_models=("other/model-b", "third/model-c"),
        max_tokens=400,
        zdr=True,
        order=("provider-x", "provider-y"),
        ignore=("provider-z",),
        sort="latency",
        max_price_in="1.5",
        max_price_out="6",
        reasoning_effort="low",
    )
    await provider.complete(asked(), (), conversation_id="c-1")
    (ours,) = await vendor.requests()
    same = ("model", "models", "max_tokens", "temperature", "stream", "plugins", "reasoning")
    assert {key: ours[key] for key in same} == {key: example[key] for key in same}
    without = {"allow_fallbacks": True}
    assert ours["provider"] == {key: value for key, value in example["provider"].items() if key not in without}
    assert {"user", "session_id", "messages", "response_format"} <= set(ours)


async def test_the_form_is_asked_for_as_in_the_schema_example(vendor: Vendor) -> None:
    await vendor.provider().complete(asked(), ())
    (ours,) = await vendor.requests()
    example = load("req_json_schema.json")["body"]
    assert ours["provider"]["require_parameters"] is example["provider"]["require_parameters"]
    asked_for, known = ours["response_format"], example["response_format"]
    assert (asked_for["type"], set(asked_for["json_schema"])) == (known["type"], set(known["json_schema"]))
    assert len(asked_for["json_schema"]["name"]) <= 64
