"""The configuration is checked before anything runs, and every example on disk is put to use."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from frontdesk.plugin import ConfigError, Providers, Secret, convert_options
from frontdesk_plugins import whatsapp_cloud
from frontdesk_plugins.whatsapp_cloud import Options, WhatsAppCloud
from plugins.whatsapp_cloud.support import OUR_NUMBER, body_of, message, names, options, post, receive, tools
from plugins.whatsapp_cloud.test_errors import EXPECTED as ERRORS
from plugins.whatsapp_cloud.test_receive_cases import BODIES
from plugins.whatsapp_cloud.test_send import ACCEPTED, CALLS, NOT_USED, SENDS

FOR_A_DOCTOR = (
    "response_app_subscriptions.json",
    "response_debug_token.json",
    "response_debug_token_expired.json",
    "response_health_status_blocked.json",
    "response_health_status_limited.json",
    "response_phone_number_expired_code.json",
    "response_phone_number_live.json",
    "response_phone_number_pending.json",
    "response_phone_number_sandbox.json",
    "response_subscribed_apps.json",
    "response_subscribed_apps_empty.json",
    "response_subscribed_apps_override.json",
)
"""Answers to questions that this provider does not ask yet."""

UPLOADS = ("response_media_upload.json",)
"""Files of ours are sent by a link or by an id; nothing is uploaded yet."""

ELSEWHERE = (
    "signature_vectors.json",
    "verify_get_cases.json",
    "response_success_true.json",
    "response_media_url.json",
    "response_media_url_string_size.json",
)

SECTION: dict[str, Any] = {
    "phone_number_id": OUR_NUMBER,
    "access_token": Secret("t"),
    "app_secret": Secret("s"),
    "verify_token": Secret("v"),
}


def test_every_example_on_disk_has_a_test() -> None:
    used = [*BODIES, *SENDS, *CALLS, *NOT_USED, *ERRORS, *ACCEPTED, *FOR_A_DOCTOR, *UPLOADS, *ELSEWHERE]
    assert sorted(used) == names("")


def offered() -> Any:
    providers = Providers()
    whatsapp_cloud.register(providers)
    return providers.channels["whatsapp_cloud"]


def test_a_section_becomes_a_channel() -> None:
    offer = offered()
    section = convert_options(offer, {**SECTION, "previous_app_secrets": (Secret("o"),)}, "[channels.main]")
    assert isinstance(section, Options)
    assert isinstance(offer.build("main", section, tools()), WhatsAppCloud)


@pytest.mark.parametrize(
    "wrong",
    [
        {"graph_version": "26"},
        {"graph_version": "v26.0/../x"},
        {"phone_number_id": ""},
        {"phone_number_id": "../me"},
        {"app_secrets": Secret("x")},
        {"app_secret": "plain"},
        {"media_hosts": ["HTTPS://X"]},
        {"timeout_seconds": 0},
        {"media_bytes_max": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_key_or_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"\[channels\.main\]"):
        convert_options(offered(), {**SECTION, **wrong}, "[channels.main]")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"app_secret": None}, "META_APP_SECRET"),
        ({"app_secret": Secret("")}, "META_APP_SECRET"),
        ({"verify_token": Secret("")}, "verify_token"),
        ({"access_token": Secret("")}, "access_token"),
        ({"access_token": Secret("two words")}, "access_token"),
        ({"access_token": Secret("line\n")}, "access_token"),
        ({"base_url": "http://graph.facebook.com"}, "base_url"),
        ({"base_url": "ftp://127.0.0.1"}, "base_url"),
        ({"base_url": "https://a:b@example.com"}, "base_url"),
        ({"base_url": "graph.facebook.com"}, "base_url"),
        ({"base_url": "http://["}, "base_url"),
    ],
)
def test_a_channel_that_cannot_be_safe_is_not_built(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        WhatsAppCloud("main", options(**wrong), tools())


@pytest.mark.parametrize(
    "base_url", ["http://localhost:9000", "http://127.0.0.1:9000/", "http://[::1]:9000", "https://x.org"]
)
def test_the_emulator_may_stand_in_for_meta(base_url: str) -> None:
    assert isinstance(WhatsAppCloud("main", options(base_url=base_url), tools()), WhatsAppCloud)


def test_only_in_development_may_the_secret_be_missing() -> None:
    provider = WhatsAppCloud("main", options(app_secret=None), tools(is_development=True))
    request = post(msgspec.json.encode(body_of(messages=[message()])), **{"x-hub-signature-256": "sha256=no"})
    assert len(provider.receive(request).events) == 1


def test_secrets_do_not_show() -> None:
    assert "EAAtoken" not in repr(options())
    assert receive(body_of(messages=[message()])).events
