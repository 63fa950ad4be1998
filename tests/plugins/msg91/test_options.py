"""The configuration is checked before anything runs, and every example on disk is put to use."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from frontdesk.cli import cli
from frontdesk.plugin import ConfigError, Providers, Secret, convert_options
from frontdesk_plugins import msg91
from frontdesk_plugins.msg91 import Msg91, Options
from frontdesk_plugins.msg91.template import body_template
from plugins.msg91.support import names, options, tools
from plugins.msg91.test_errors import EXPECTED as ERRORS
from plugins.msg91.test_receive_cases import BODIES
from plugins.msg91.test_send import SENDS

ELSEWHERE = (
    "dashboard_body_template_inbound.json",
    "dashboard_body_template_outbound.json",
    "logs_wa_flat.json",
    "logs_wa_wrapped_values.json",
    "resp_ok_bulk.json",
    "resp_ok_session_variants.json",
)
NOT_ASKED = ("templates_list.json",)
"""Templates are made and looked at in the dashboard."""

SECTION: dict[str, Any] = {
    "integrated_number": "15550100001",
    "authkey": Secret("k"),
    "webhook_secret": Secret("s"),
}


def test_every_example_on_disk_has_a_test() -> None:
    assert sorted([*BODIES, *SENDS, *ERRORS, *ELSEWHERE, *NOT_ASKED]) == names("")


def offered() -> Any:
    providers = Providers()
    msg91.register(providers)
    return providers.channels["msg91"]


def test_a_section_becomes_a_channel_with_a_map_of_its_own() -> None:
    given = {**SECTION, "inbound_map": {"from": ["who"]}, "status_map": {"ours": ["mine"]}}
    section = convert_options(offered(), given, "[channels.main]")
    assert isinstance(section, Options)
    assert section.inbound_map.from_ == ("who",)
    assert section.inbound_map.text == Options(**SECTION).inbound_map.text
    assert isinstance(offered().build("main", section, tools()), Msg91)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"integrated_number": "abc"}, "integrated_number"),
        ({"text_transport": "carrier pigeon"}, "json, query"),
        ({"media_style": "x"}, "attachment_url, nested, payload"),
        ({"poll_logs": "always"}, "off, reconcile, inbound"),
        ({"poll_seconds": 1}, "poll_seconds"),
        ({"webhook_secret_header": "two words"}, "webhook_secret_header"),
        ({"inbound_map": {"form": ["x"]}}, "did you mean 'from'"),
        ({"status_map": {"status": "eventName"}}, "status_map.status"),
        ({"authkey": "plain"}, "authkey"),
    ],
)
def test_a_wrong_key_or_value_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        convert_options(offered(), {**SECTION, **wrong}, "channels.main")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"webhook_secret": None}, "MSG91_WEBHOOK_SECRET"),
        ({"webhook_secret": Secret("")}, "MSG91_WEBHOOK_SECRET"),
        ({"webhook_secret": Secret("word\n")}, "webhook_secret cannot come in a header"),
        ({"webhook_secret": Secret("schlüssel")}, "webhook_secret cannot come in a header"),
        ({"previous_webhook_secrets": (Secret(" word"),)}, "webhook_secret cannot come in a header"),
        ({"authkey": Secret("")}, "authkey"),
        ({"authkey": Secret("line\n")}, "authkey"),
        ({"inbound_map": msg91.Options(**SECTION).inbound_map.__class__(text=("a..b",))}, "inbound_map.text"),
    ],
)
def test_a_channel_that_cannot_work_is_not_built(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Msg91("main", options(**wrong), tools())


def test_secrets_do_not_show() -> None:
    assert "the-authkey" not in repr(options())


@pytest.mark.parametrize("part", ["inbound", "status"])
def test_the_template_is_printed_by_a_command_of_the_plugins(part: str) -> None:
    found = CliRunner().invoke(cli, ["msg91", "template", part])
    assert found.exit_code == 0
    assert body_template(part) in found.output


def test_a_plugin_without_commands_has_none() -> None:
    for name in ("stub_model", "nobody"):
        found = CliRunner().invoke(cli, [name])
        assert found.exit_code == 2
        assert "No such command" in found.output
