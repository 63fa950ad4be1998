"""Nobody but Meta gets in, and every request is answered with the status that Meta expects."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from frontdesk.plugin import Secret
from frontdesk.ports import Received, RequestRefused, WebhookRequest
from plugins.whatsapp_cloud.support import RECEIVED_AT, body_of, channel, load, message, post, sign

VECTORS = load("signature_vectors.json")
CHALLENGES = load("verify_get_cases.json")


def get(query: str) -> WebhookRequest:
    return WebhookRequest(method="GET", query=dict(parse_qsl(query)), headers={}, body=b"", received_at=RECEIVED_AT)


def refusal_of(request: WebhookRequest, **options: Any) -> int | None:
    try:
        channel(**options).receive(request)
    except RequestRefused as refusal:
        return refusal.status
    return None


@pytest.mark.parametrize("case", CHALLENGES["cases"], ids=lambda case: case["query"][:40] or "empty")
def test_the_challenge_is_answered_only_to_who_knows_the_word(case: dict[str, Any]) -> None:
    is_ours = Secret(CHALLENGES["configured_verify_token"])
    if case["body"]:
        received = channel(verify_token=is_ours).receive(get(case["query"]))
        assert received == Received(answer=case["body"])
    else:
        status = case["status"] if isinstance(case["status"], int) else 400
        assert refusal_of(get(case["query"]), verify_token=is_ours) == status


def test_a_token_in_other_letters_is_wrong_and_not_an_error() -> None:
    assert refusal_of(get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=%C3%A4%F0%9F%99%82")) == 403


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_a_signature_counts_only_over_the_very_bytes(vector: dict[str, Any]) -> None:
    header = {} if vector.get("header") is None else {"x-hub-signature-256": vector["header"]}
    request = WebhookRequest(
        method="POST", query={}, headers=header, body=b64decode(vector["body_base64"]), received_at=RECEIVED_AT
    )
    expected = None if vector["expect_valid"] else 401
    assert refusal_of(request, app_secret=Secret(VECTORS["app_secret"])) == expected


@pytest.mark.parametrize(
    "header", ["", "sha256=", "sha1=abc", "sha256=" + "0" * 64, "sha256=" + "0" * 9999, "sha256=ä🙂", "\udc80"]
)
def test_a_wrong_signature_is_refused_whatever_it_looks_like(header: str) -> None:
    request = post(b"{}", **{"x-hub-signature-256": header})
    assert refusal_of(request) == 401


def test_while_the_secret_is_changed_both_are_good() -> None:
    body = b'{"object":"whatsapp_business_account"}'
    old, new = "the-old-one", "the-new-one"
    both: dict[str, Any] = {"app_secret": Secret(new), "previous_app_secrets": (Secret(old),)}
    for secret in (old, new):
        assert refusal_of(post(body, **{"x-hub-signature-256": sign(body, secret)}), **both) is None
    assert refusal_of(post(body, **{"x-hub-signature-256": sign(body, "another")}), **both) == 401


def test_an_unsigned_body_is_not_even_read() -> None:
    request = post(b"[" * 100_000, **{"x-hub-signature-256": "sha256=00"})
    assert refusal_of(request) == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_other_methods_are_refused(method: str) -> None:
    request = WebhookRequest(method=method, query={}, headers={}, body=b"", received_at=RECEIVED_AT)
    assert refusal_of(request) == 405


def test_the_content_type_does_not_matter() -> None:
    body = msgspec.json.encode(body_of(messages=[message()]))
    assert len(channel().receive(post(body, **{"content-type": "text/plain"})).events) == 1
