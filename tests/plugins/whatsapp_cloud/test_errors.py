"""Every refusal of Meta's becomes one of the three failures, and says what to do."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from frontdesk.core.message import Text
from frontdesk.ports import OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk_plugins.whatsapp_cloud.errors import TABLE, explain, find_rule
from plugins.whatsapp_cloud.support import Meta, channel, load, outgoing

PERMANENT, TEMPLATE = "permanent", "template"
EXPECTED: dict[str, Any] = {
    "error_0_auth.json": ("account", None, None),
    "error_100_invalid_parameter.json": PERMANENT,
    "error_100_object_missing.json": ("account", None, None),
    "error_10_permission.json": ("account", None, None),
    "error_130429_http_429.json": ("channel", 5, None),
    "error_130429_rate_limit.json": ("channel", 5, None),
    "error_131000_unknown.json": ("message", None, 4),
    "error_131005_access_denied.json": ("account", None, None),
    "error_131008_missing_param.json": PERMANENT,
    "error_131009_bad_param.json": PERMANENT,
    "error_131016_unavailable.json": ("message", 10, None),
    "error_131021_same_number.json": PERMANENT,
    "error_131026_undeliverable.json": PERMANENT,
    "error_131030_not_in_allow_list.json": PERMANENT,
    "error_131031_account_locked.json": ("account", None, None),
    "error_131042_payment.json": ("account", None, None),
    "error_131045_certificate.json": ("account", None, None),
    "error_131047_window.json": TEMPLATE,
    "error_131048_spam.json": ("channel", 14400, None),
    "error_131051_unsupported_type.json": PERMANENT,
    "error_131053_media_upload.json": PERMANENT,
    "error_131056_pair_rate_limit.json": ("contact", 6, None),
    "error_131057_maintenance.json": ("message", 60, None),
    "error_131062_bsuid_unsupported.json": PERMANENT,
    "error_132000_param_count.json": PERMANENT,
    "error_132001_template_missing.json": PERMANENT,
    "error_132012_param_format.json": PERMANENT,
    "error_132015_template_paused.json": PERMANENT,
    "error_133010_not_registered.json": ("account", None, None),
    "error_133016_register_limit.json": ("account", None, None),
    "error_135000_generic.json": ("message", None, 2),
    "error_190_malformed_token.json": ("account", None, None),
    "error_190_token_expired.json": ("account", None, None),
    "error_1_unknown.json": ("message", None, 4),
    "error_200_permission.json": ("account", None, None),
    "error_2500_no_token.json": ("account", None, None),
    "error_2500_unknown_version.json": ("account", None, None),
    "error_2_service.json": ("message", 60, None),
    "error_368_policy_block.json": ("account", None, None),
    "error_3_capability.json": ("account", None, None),
    "error_4_app_limit.json": ("channel", 120, None),
    "error_80007_waba_limit.json": ("channel", 120, None),
}


def failure_of(meta: Meta) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as failure:
        asyncio.run(channel(meta).send(outgoing(Text(body="hi"))))
    return failure.value


@pytest.mark.parametrize("name", EXPECTED)
def test_a_refusal_becomes_the_expected_failure(name: str) -> None:
    case = load(name)
    failure = failure_of(Meta(case["body"], case["_http_status"]))
    code = str(case["body"]["error"]["code"])
    if isinstance(failure, PermanentFailure):
        assert EXPECTED[name] == (TEMPLATE if failure.needs_template else PERMANENT)
        assert failure.code == code
    else:
        assert isinstance(failure, TemporaryFailure)
        assert (failure.concerns, failure.retry_after, failure.attempts_max) == EXPECTED[name]
        assert failure.code == code


@pytest.mark.parametrize("name", EXPECTED)
def test_every_refusal_is_explained(name: str) -> None:
    sentence = explain(str(load(name)["body"]["error"]["code"]))
    assert re.fullmatch(r"[A-Z].*\.", sentence)


def test_no_code_has_two_rules() -> None:
    codes = [code for rule in TABLE for each in rule.codes for code in (each if isinstance(each, range) else [each])]
    assert len(codes) == len(set(codes))


def error(code: Any, details: str = "no", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "m", "error_data": {"details": details}, **more}}


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_an_unknown_refusal_is_tried_once_more(status: int) -> None:
    failure = failure_of(Meta(error(999999), status))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.attempts_max, failure.concerns) == ("999999", 2, "message")


@pytest.mark.parametrize("body", [b"", b"<html>403 Forbidden</html>", b"[]", b'{"message":"denied"}'])
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_firewalls_page_is_tried_for_as_long_as_any_fault_and_bars_nothing(status: int, body: bytes) -> None:
    failure = failure_of(Meta(body, status))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.attempts_max, failure.concerns) == ("proxy", None, "message")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad Gateway</html>", b"{}", b"[]", b'{"error":"no"}', b'{"error":{"code":999999}}', b"[" * 9999],
)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 202, 408])
def test_an_answer_that_tells_nothing_is_unknown(status: int, body: bytes) -> None:
    assert isinstance(failure_of(Meta(body, status)), OutcomeUnknown)


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_the_code_decides_and_not_the_status(status: int) -> None:
    failure = failure_of(Meta(error("131056"), status))
    assert isinstance(failure, TemporaryFailure)
    assert failure.concerns == "contact"


@pytest.mark.parametrize("data", ["words", None, 7, ["x"]])
def test_odd_error_data_does_not_hide_the_code(data: Any) -> None:
    failure = failure_of(Meta({"error": {"code": 131047, "error_data": data}}, 400))
    assert isinstance(failure, PermanentFailure)
    assert failure.needs_template


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("90", 90.0), ("3", 5.0), ("Tue, 24 Nov 2026 12:02:00 GMT", 120.0), ("soon", 5.0), ("", 5.0), ("-4", 5.0)],
)
def test_retry_after_is_honoured_where_it_is_longer(header: str, seconds: float) -> None:
    failure = failure_of(Meta(error(130429), 429, {"Retry-After": header}))
    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == seconds


def test_429_without_a_code_slows_the_channel_down() -> None:
    failure = failure_of(Meta(b"slow down", 429, {"Retry-After": "7"}))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.concerns, failure.retry_after) == ("channel", 7.0)


def test_a_redirect_is_not_followed_and_bars_the_channel() -> None:
    failure = failure_of(Meta(b"", 302, {"Location": "https://elsewhere.example"}))
    assert isinstance(failure, TemporaryFailure)
    assert failure.concerns == "account"


def test_a_link_that_meta_could_not_fetch_is_tried_again() -> None:
    failure = failure_of(Meta(error(131053, "Downloading media from weblink failed with http code 404"), 400))
    assert isinstance(failure, TemporaryFailure)
    assert failure.attempts_max == 3


@pytest.mark.parametrize(("code", "reaction"), [("250", "account"), ("131215", "permanent"), ("2494055", "permanent")])
def test_ranges_of_codes_are_known(code: str, reaction: str) -> None:
    rule = find_rule(code)
    assert rule is not None
    assert rule.reaction == reaction


@pytest.mark.parametrize("code", ["", "x", "-1", "٣", "9" * 5000, "300"])
def test_what_nobody_described_is_not_explained(code: str) -> None:
    assert explain(code) == ""


def test_a_failed_read_mark_may_be_repeated() -> None:
    with pytest.raises(TemporaryFailure):
        asyncio.run(channel(Meta(b"", 502)).mark_read("wamid.1", is_typing=True))
