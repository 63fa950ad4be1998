"""Refusals are found wherever they are, and sorted by what may have happened."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from frontdesk.core.message import Text
from frontdesk.ports import OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk_plugins.msg91.answers import is_refusal
from frontdesk_plugins.msg91.errors import TABLE, failure, find_rule, split_reason
from plugins.msg91.support import Vendor, channel, load, outgoing

EXPECTED: dict[str, tuple[type[ProviderFailure], str]] = {
    "resp_err_200_haserror.json": (TemporaryFailure, "account"),
    "resp_err_401_unauthorized.json": (TemporaryFailure, "account"),
    "resp_err_404_route_missing.json": (TemporaryFailure, "account"),
    "resp_err_type_error.json": (TemporaryFailure, "account"),
    "resp_err_missing_field.json": (PermanentFailure, ""),
    "resp_err_meta_style_passthrough.json": (PermanentFailure, "template"),
}


def refused(body: Any, status: int = 200, **headers: str) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as found:
        asyncio.run(channel(Vendor(body, status=status, headers=headers)).send(outgoing(Text(body="hi"))))
    return found.value


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("status", [200, 400])
def test_an_example_is_sorted_whatever_its_status(name: str, status: int) -> None:
    kind, detail = EXPECTED[name]
    found = refused(load(name)["body"], status)
    assert type(found) is kind
    if isinstance(found, TemporaryFailure):
        assert found.concerns == detail
    if isinstance(found, PermanentFailure):
        assert found.needs_template is (detail == "template")


@pytest.mark.parametrize(
    ("status", "kind", "concerns"),
    [
        (302, TemporaryFailure, "account"),
        (400, PermanentFailure, "message"),
        (401, TemporaryFailure, "account"),
        (403, TemporaryFailure, "account"),
        (404, TemporaryFailure, "account"),
        (408, OutcomeUnknown, "message"),
        (418, TemporaryFailure, "account"),
        (429, TemporaryFailure, "channel"),
        (500, OutcomeUnknown, "message"),
        (503, OutcomeUnknown, "message"),
    ],
)
def test_a_status_without_words_that_are_known(status: int, kind: type[ProviderFailure], concerns: str) -> None:
    found = refused({"message": "odd"}, status)
    assert type(found) is kind
    assert found.concerns == concerns


@pytest.mark.parametrize("page", [b"<html><h1>403 Forbidden</h1>", b"Unauthorized", b"[]", b"", b"route missing"])
@pytest.mark.parametrize(
    ("status", "kind", "concerns"),
    [
        (302, TemporaryFailure, "account"),
        (400, TemporaryFailure, "message"),
        (401, TemporaryFailure, "message"),
        (403, TemporaryFailure, "message"),
        (404, TemporaryFailure, "message"),
        (408, OutcomeUnknown, "message"),
        (418, TemporaryFailure, "account"),
        (429, TemporaryFailure, "channel"),
        (500, OutcomeUnknown, "message"),
    ],
)
def test_a_page_that_is_not_msg91s_says_nothing_of_the_account(
    page: bytes, status: int, kind: type[ProviderFailure], concerns: str
) -> None:
    """A firewall's or proxy's: the request came no further, so it is tried again, and nothing is barred."""
    found = refused(page, status)
    assert (type(found), found.concerns) == (kind, concerns)
    assert getattr(found, "attempts_max", None) is None


@pytest.mark.parametrize("words", [b"502 Bad Gateway: too many requests", b"<h1>Unauthorized</h1>", b"131000"])
def test_a_proxys_page_does_not_tell_whether_the_message_was_taken(words: bytes) -> None:
    assert type(refused(words, 502)) is OutcomeUnknown
    assert type(refused({"message": "too many requests"}, 503)) is TemporaryFailure


def test_retry_after_is_honoured_and_never_shortens_the_rules_own_wait() -> None:
    assert getattr(refused({"message": "slow down"}, 429, **{"retry-after": "17"}), "retry_after", None) == 17
    for header, seconds in (("1", 5), ("60", 60)):
        found = refused({"hasError": True, "errors": "(#130429) rate"}, 200, **{"retry-after": header})
        assert getattr(found, "retry_after", None) == seconds


@pytest.mark.parametrize(
    "answer",
    [
        {"hasError": True},
        {"hasError": "true"},
        {"status": "fail"},
        {"status": "Failed"},
        {"status": "error"},
        {"type": "error"},
        {"error": "odd"},
        {"error": {"code": 1}},
    ],
)
def test_each_way_to_say_no(answer: dict[str, Any]) -> None:
    assert is_refusal(answer)
    assert not isinstance(refused({**answer, "request_id": "x"}), OutcomeUnknown)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": "Failure"}, OutcomeUnknown),
        ({"success": False}, OutcomeUnknown),
        ({"success": "false", "message": "odd"}, OutcomeUnknown),
        ({"status": "failure", "request_id": "x"}, OutcomeUnknown),
        ({"success": False, "request_id": "x"}, OutcomeUnknown),
        ({"status": "Failure", "message": "Unauthorized"}, TemporaryFailure),
        ({"success": False, "errors": "131047: Re-engagement message"}, PermanentFailure),
        ({"success": False, "hasError": True}, PermanentFailure),
    ],
)
def test_a_no_in_words_that_nobody_has_seen_is_neither_yes_nor_no(answer: dict[str, Any], kind: type[Any]) -> None:
    assert type(refused(answer)) is kind


@pytest.mark.parametrize(
    "answer", [{"error": None}, {"error": ""}, {"error": {}}, {"errors": None}, {"status": "success"}]
)
def test_what_is_no_refusal(answer: dict[str, Any]) -> None:
    assert not is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"message": "the words"},
        {"msg": "the words"},
        {"errors": "the words"},
        {"error": "the words"},
        {"error": {"message": "the words"}},
        {"errors": [{"message": "the words"}]},
        {"errors": {"message": "the words"}},
    ],
)
def test_the_words_are_found_wherever_they_are(answer: dict[str, Any]) -> None:
    assert "the words" in str(refused({"hasError": True, **answer}))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("131026: Message undeliverable", "131026", "Message undeliverable"),
        ("(#131047) Re-engagement message", "131047", "Re-engagement message"),
        ("#131047 - Re-engagement", "131047", "Re-engagement"),
        ("131047", "131047", "131047"),
        ("15550100001 is not integrated", "", "15550100001 is not integrated"),
        ("(#10) Permission denied", "10", "Permission denied"),
        ("190: Access token expired", "190", "Access token expired"),
        ("2", "2", "2"),
        ("10 digit number is required", "", "10 digit number is required"),
        ("10-digit number is required", "", "10-digit number is required"),
        ("190 - expired", "190", "expired"),
        ("2 values are missing", "", "2 values are missing"),
        ("odd", "", "odd"),
        ("", "", ""),
    ],
)
def test_a_reason_is_a_code_and_words(text: str, code: str, words: str) -> None:
    assert split_reason(text) == (code, words)


def test_every_code_stands_in_the_table_once_and_each_rule_can_be_reached() -> None:
    codes = [code for rule in TABLE for code in rule.codes]
    assert len(codes) == len(set(codes))
    for rule in TABLE:
        assert all(find_rule(str(code), "") is rule for code in rule.codes)
        assert all(find_rule("", f"So: {word.upper()}!") is rule for word in rule.words)


@pytest.mark.parametrize(
    "code", [131026, 131021, 131050, 130472, 132000, 132001, 132005, 132007, 132012, 132015, 132016]
)
def test_what_lasts_is_permanent(code: int) -> None:
    found = failure(200, "", f"{code}: no")
    assert isinstance(found, PermanentFailure)
    assert found.code == str(code)


@pytest.mark.parametrize("code", [131056, 131057, 131048, 130429, 80007, 1, 2, 131000, 131016, 133004])
def test_what_passes_is_temporary(code: int) -> None:
    assert isinstance(failure(200, "", f"{code}: no"), TemporaryFailure)


@pytest.mark.parametrize("words", ["Internal Server Error", "Something went wrong", "Request timed out"])
def test_a_vendor_that_broke_off_may_have_sent_it(words: str) -> None:
    assert isinstance(refused({"hasError": True, "errors": words}), OutcomeUnknown)


@pytest.mark.parametrize(
    ("words", "concerns"),
    [
        ("Unauthorized", "account"),
        ("unauthorized.", "account"),
        ("Error:UNAUTHORIZED", "account"),
        ("(unauthorized)", "account"),
        ("Your number is not integrated", "account"),
        ("Wallet balance is low", "account"),
        ("You are rate limited", "channel"),
        ("the contact was preunauthorized", ""),
        ("no template unauthorized_access_alert", ""),
        ("no template timeout_notice", ""),
        ("no template wallet", ""),
        ("it is reintegrated, not integratedly", ""),
        ("separate limits apply", ""),
    ],
)
def test_a_rule_wants_whole_words(words: str, concerns: str) -> None:
    found = failure(200, "", words)
    assert isinstance(found, TemporaryFailure if concerns else PermanentFailure)
    assert found.concerns == (concerns or "message")
