"""Bad configuration is one sentence: which file, which key, what was found, what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from frontdesk.config import build, load, reference
from frontdesk.config.sections import Section
from frontdesk.container import Container
from frontdesk.plugin import ConfigError, Secret, convert_options, load_plugins

CHANNEL = {
    "provider": "whatsapp_cloud",
    "phone_number_id": "1",
    "access_token": {"env": "TOKEN"},
    "app_secret": {"env": "SECRET"},
    "verify_token": {"env": "VERIFY"},
}


def write(folder: Path, text: str) -> Path:
    file = folder / "frontdesk.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any_file_the_default_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert (settings.mode, settings.store.provider, settings.signal.provider) == ("lightweight", "sqlite", "in_process")
    assert settings.channels == {}


def test_the_shipped_file_runs_as_it_is() -> None:
    settings = load(Path("config/frontdesk.toml"), {})
    load_plugins(settings.plugins())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[server]\nprot = 1", "server.prot is not a key; did you mean 'port'?"),
        ("[sever]\nport = 1", "sever is not a key; did you mean 'server'?"),
        ("[policy]\nxyzzy = 1", "policy.xyzzy is not a key; there are: "),
        ('[server]\nport = "eighty"', "server.port is a text; write a whole number, without quotes"),
        ("[server]\nport = 70000", "server.port is too large; write 65535 or less"),
        ('mode = "cloud"', "mode: invalid enum value 'cloud'"),
        ("[server", "is not valid TOML"),
        ('[policy]\non_unknown = "shout"', "policy.on_unknown does not fit; there are: hold, resend"),
        ("[policy]\nhand_off_words = 'agent'", 'policy.hand_off_words is a text; write a list, such as ["one", "two"]'),
        ("[policy]\nmarks_read = 'yes'", "policy.marks_read is a text; write true or false, without quotes"),
        (
            "[policy]\nlink_hosts = ['https://x']",
            'link_hosts[0] does not fit; write hosts alone, such as "shop.example"',
        ),
        ("[policy]\ngreeting = 1", "policy.greeting is a whole number; write a text, in quotes"),
        ("[money]\nper_day = 20", "money.per_day is a whole number; write a text, in quotes"),
        ("[money]\nper_day = '20 USD'", 'money.per_day does not fit; write an amount of USD in quotes, such as "2.50"'),
        ("[money.message_prices]\nservice = 0.002", "money.message_prices is a number; write a text, in quotes"),
        ("[api]\ntoken = 'w0rd'", "api.token: a secret is written as { env"),
        ("[channels.main]\nphone_number_id = '1'", "channels.main.provider is missing"),
        (
            "[channels.main]\nprovider = 'x'\ntoken = { env = 'NOT_SET' }",
            "channels.main.token: the environment variable NOT_SET is not set; set it",
        ),
        (
            "[channels.main]\nprovider = 'x'\ntoken = { file = '/nowhere/at/all' }",
            "channels.main.token: the file /nowhere/at/all",
        ),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert sentence in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value).replace(text, "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no configuration file .*none\.toml; check"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="FRONTDESK_CONFIG"):
        load(None, {"FRONTDESK_CONFIG": str(tmp_path / "none.toml")})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1\nhost = 'a'\n[policy]\nmarks_read = true")
    environ = {
        "FRONTDESK__SERVER__PORT": "2",
        "FRONTDESK__POLICY__BUSINESS_NAME": "Corner Shop",
        "FRONTDESK__POLICY__MARKS_READ": "false",
        "FRONTDESK_CONFIG": str(file),
    }
    settings = load(None, environ)
    assert (settings.server.port, settings.server.host) == (2, "a")
    assert (settings.policy.business_name, settings.policy.marks_read) == ("Corner Shop", False)
    assert load(None, environ | {"PORT": "3"}).server.port == 3


def test_a_number_from_the_environment_may_be_a_text_where_a_text_is_wanted(tmp_path: Path) -> None:
    """Nobody thinks of quoting an id of digits twice, for the shell and for TOML."""
    environ = {
        "FRONTDESK__MONEY__PER_DAY": "20.50",
        "FRONTDESK__MONEY__MESSAGE_PRICES__SERVICE": "0.002",
        "FRONTDESK__POLICY__BUSINESS_NAME": "1001",
        "FRONTDESK__POLICY__GREETING": "true",
        "FRONTDESK__POLICY__UNANSWERED_TEXT": '"42"',
        "FRONTDESK__POLICY__HAND_OFF_WORDS": '["agent"]',
        "FRONTDESK__POLICY__UNANSWERED_MAX": "3",
        "FRONTDESK__POLICY__BURST_WAIT_SECONDS": "2",
        "FRONTDESK__KNOWLEDGE__WATCH_SECONDS": "1.5",
        "FRONTDESK__LANGUAGE_MODEL__PROVIDER": "stub_model",
        "FRONTDESK__LANGUAGE_MODEL__DEADLINE_SECONDS": "20",
        "FRONTDESK__LANGUAGE_MODEL__SENTENCES_MAX": "2",
        "FRONTDESK__LANGUAGE_MODEL__VOICE__PROVIDER": "x",
        "FRONTDESK__LANGUAGE_MODEL__VOICE__BYTES_MAX": "1000",
        "FRONTDESK__HOSTS__SHOP__BASE_URL": "https://x",
        "FRONTDESK__HOSTS__SHOP__IS_PRIVATE": "true",
        "FRONTDESK__CHANNELS__MAIN__PROVIDER": "whatsapp_cloud",
        "FRONTDESK__CHANNELS__MAIN__PHONE_NUMBER_ID": "106540352242922",
        "FRONTDESK__CHANNELS__MAIN__TIMEOUT_SECONDS": "5",
        "FRONTDESK__CHANNELS__MAIN__ACCESS_TOKEN": '{ env = "TOKEN" }',
        "FRONTDESK__CHANNELS__MAIN__VERIFY_TOKEN": '{ env = "TOKEN" }',
        "TOKEN": "word",
    }
    settings = load(write(tmp_path, ""), environ)
    assert (settings.money.per_day, settings.money.message_prices) == ("20.50", {"service": "0.002"})
    policy = settings.policy
    assert (policy.business_name, policy.greeting, policy.unanswered_text) == ("1001", "true", "42")
    assert (policy.hand_off_words, policy.unanswered_max, policy.burst_wait_seconds) == (("agent",), 3, 2.0)
    assert (settings.knowledge_folder.watch_seconds, settings.ladder.deadline_seconds) == (1.5, 20.0)
    assert settings.senses["voice"].settings.bytes_max == 1000
    assert settings.hosts["shop"].is_private
    offers = load_plugins({"whatsapp_cloud", "stub_model"})
    main = convert_options(offers.channels["whatsapp_cloud"], settings.channels["main"].options, "channels.main")
    assert (main.phone_number_id, main.timeout_seconds) == ("106540352242922", 5.0)
    model = convert_options(offers.language_models["stub_model"], settings.language_model.options, "language_model")
    assert model.sentences_max == 2


def test_an_override_through_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mode is a value and not a section"):
        load(write(tmp_path, "mode = 'lightweight'"), {"FRONTDESK__MODE__X": "1"})


def test_the_shipped_file_for_several_processes_runs_with_two_variables() -> None:
    environ = {"DATABASE_URL": "postgresql://x@127.0.0.1/x", "REDIS_URL": "redis://127.0.0.1"}
    settings = load(Path("config/enterprise.toml"), environ)
    offers = load_plugins(settings.plugins())
    Container(settings=settings, offers=offers).app()
    for name in environ:
        with pytest.raises(ConfigError, match=f"the environment variable {name} is not set; set it"):
            load(Path("config/enterprise.toml"), {one: value for one, value in environ.items() if one != name})


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("[signal]\nprovider = 'in_process'", {}),
        ("[signal]\nurl = { env = 'OTHER' }", {"url": "other"}),
        ("", {"url": "redis"}),
    ],
)
def test_the_platforms_address_is_for_the_modes_own_provider(
    tmp_path: Path, text: str, options: dict[str, str]
) -> None:
    file = write(tmp_path, f"mode = 'enterprise'\n[store]\nprovider = 'sqlite'\n{text}")
    environ = {"DATABASE_URL": "postgres", "OTHER": "other"} | ({"REDIS_URL": "redis"} if "OTHER" not in text else {})
    settings = load(file, environ)
    assert settings.store.options == {}
    assert {name: secret.reveal() for name, secret in settings.signal.options.items()} == options


def test_words_that_may_stand_somewhere_are_listed(tmp_path: Path) -> None:
    for text, words in (("mode = 'cloud'", "lightweight, enterprise"), ("[server]\nrole = 'both'", "all, web, worker")):
        with pytest.raises(ConfigError, match=f"; there are: {words}$"):
            load(write(tmp_path, text), {})


def test_the_enterprise_mode_chooses_the_store_and_reads_its_urls() -> None:
    settings = build({"mode": "enterprise"}, {}, where="here")
    assert (settings.store.provider, settings.signal.provider) == ("postgres", "redis")
    tree = load(None, {"FRONTDESK_MODE": "enterprise", "DATABASE_URL": "postgres://x", "REDIS_URL": "redis://y"})
    assert tree.store.options["url"].reveal() == "postgres://x"
    assert tree.signal.options["url"].reveal() == "redis://y"


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"no plugin named .posgres. is installed; there are: .*sqlite"):
        load_plugins({"posgres"})


def test_secrets_come_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    private, public = tmp_path / "private", tmp_path / "public"
    private.write_text("s3cret\n")
    private.chmod(0o600)
    public.write_text("s3cret")
    public.chmod(0o644)
    settings = build({"channels": {"main": {"provider": "x", "a": {"file": str(private)}}}}, {}, where="here")
    assert settings.channels["main"].options["a"].reveal() == "s3cret"
    with pytest.raises(ConfigError, match=r"everybody may read .*public; run: chmod o-r"):
        build({"channels": {"main": {"provider": "x", "a": {"file": str(public)}}}}, {}, where="here")


def test_a_section_may_have_a_key_named_file(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "[store]\nfile = 'shop.db'"), {})
    assert settings.store.options == {"file": "shop.db"}


def test_hosts_are_read_with_their_secrets(tmp_path: Path) -> None:
    text = """
    [hosts.shop]
    base_url = "https://shop.example:8443/api/v1/"
    headers = { Authorization = { env = "SHOP" }, X-Shop = "1" }
    timeout_seconds_max = 5
    """
    host = load(write(tmp_path, text), {"SHOP": "Bearer s3cret"}).hosts["shop"]
    assert (host.timeout_seconds_max, host.is_private) == (5.0, False)
    assert (host.headers["Authorization"].reveal(), host.headers["X-Shop"]) == ("Bearer s3cret", "1")
    assert "s3cret" not in repr(host)


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "ftp://shop.example", "https://", "https:///x", "https://u:p@shop.example",
        "https://u@shop.example", "https://shop.example?x=1", "https://shop.example/a?", "https://shop.example/#a",
        "https://shop.example/a/../b", "https://shop.example/./a", "https://shop.example/a//b",
        "https://shop.example/%2e%2e", "https://shop.example:99999", "https://shop.example:x", "https://shöp.example",
        "https://shop.example\\@evil.example", "https://shop.example /a", "https://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_host_whose_address_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"here: hosts\.shop\.base_url is no address .*; write https://host/path"):
        build({"hosts": {"shop": {"base_url": url}}}, {}, where="here")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://shop.example/", "https://[2001:db8::1]:1/a/b"])
def test_a_host_has_an_address(url: str) -> None:
    host = {"base_url": url, "is_private": True}
    assert build({"hosts": {"shop": host}}, {}, where="here").hosts["shop"].base_url == url


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ({}, "hosts.shop.base_url is missing; set it"),
        ({"base_url": "https://x", "baseurl": ""}, "hosts.shop.baseurl is not a key; did you mean 'base_url'?"),
        (
            {"base_url": "https://x", "timeout_seconds_max": 0},
            "hosts.shop.timeout_seconds_max is too small; write more than 0",
        ),
        ({"base_url": "https://x", "headers": {"A b": ""}}, "hosts.shop.headers.A b: this header cannot be set"),
        ({"base_url": "https://x", "headers": {"Host": "y"}}, "hosts.shop.headers.Host: this header cannot be set"),
        ({"base_url": "https://x", "headers": {"Idempotency-Key": "y"}}, "Idempotency-Key: this header cannot be set"),
        (
            {"base_url": "https://x", "headers": {"X": "a\r\nY: b"}},
            "hosts.shop.headers.X: a header's value is one line",
        ),
        ({"base_url": "https://x", "headers": {"X": 1}}, "hosts.shop.headers.X: a header's value is one line"),
        ({"base_url": "https://x", "headers": {"X": {"env": "BAD"}}}, "hosts.shop.headers.X: a header's value is one"),
        ({"base_url": "https://x", "headers": {"X": {"env": "NO"}}}, "the environment variable NO is not set; set it"),
    ],
)
def test_a_mistake_in_a_host_is_one_sentence(host: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"hosts": {"shop": host}}, {"BAD": "s3cret\n"}, where="here")
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["10.0.0.1:8000", "127.0.0.1", "localhost", "shop.localhost", "[::1]", "[2001:db8::1]", "169.254.169.254"]
)
def test_a_host_that_can_never_be_called_is_named_at_the_start(host: str) -> None:
    shop: dict[str, Any] = {"base_url": f"http://{host}/api"}
    with pytest.raises(ConfigError, match=r"is not on the public internet; set hosts\.shop\.is_private = true if"):
        build({"hosts": {"shop": shop}}, {}, where="here")
    build({"hosts": {"shop": shop}}, {}, where="here", is_development=True)
    build({"hosts": {"shop": shop | {"is_private": True}}}, {}, where="here")


def test_a_hosts_name_is_one_that_flows_can_write() -> None:
    with pytest.raises(ConfigError, match=r"hosts\.My-Shop: a host's name has small letters, digits and _ only"):
        build({"hosts": {"My-Shop": {"base_url": "https://x"}}}, {}, where="here")


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("s3cret")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "s3cret"
    assert not Secret("")


def test_every_key_has_a_meaning() -> None:
    keys = {key: meaning for key, _, meaning in reference()}
    assert keys["server.port"]
    assert keys["policy.burst_wait_seconds"]
    assert all(meaning.endswith(".") for meaning in keys.values())


def test_language_models_are_a_ladder() -> None:
    tree = {
        "language_model": {
            "provider": "stub_model",
            "sentences_max": 2,
            "deadline_seconds": 12.5,
            "fallbacks": {"local": {"provider": "other", "key": {"env": "KEY"}}, "last": {"provider": "stub_model"}},
        }
    }
    settings = build(tree, {"KEY": "word"}, where="the test")
    assert (settings.ladder.deadline_seconds, settings.ladder.call_seconds) == (12.5, 10.0)
    assert settings.language_model.options == {"sentences_max": 2}
    assert list(settings.fallbacks) == ["local", "last"]
    assert isinstance(settings.fallbacks["local"].options["key"], Secret)
    assert {"other", "stub_model"} <= settings.plugins()


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"fallbacks": [{"provider": "x"}]}, "write a section [language_model.fallbacks.NAME] for each"),
        ({"fallbacks": {"first": {"provider": "x"}}}, "language_model.fallbacks.first: that is the first one's name"),
        ({"fallbacks": {"local": {}}}, "language_model.fallbacks.local.provider is missing"),
        ({"deadline_seconds": 0.5}, "language_model.deadline_seconds is too small; "),
        ({"breaker_calls_min": "x"}, "language_model.breaker_calls_min is a text; "),
    ],
)
def test_a_wrong_ladder_is_named(section: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"language_model": section}, {}, where="the test")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("standbys", "says"),
    [
        ({"main": "nobody"}, "channels.main.standby: 'nobody' is no other channel; there are: second"),
        ({"main": "main"}, "channels.main.standby: 'main' is no other channel; there are: second"),
        ({"main": "second", "second": "main"}, "channels.main.standby: second has a standby itself"),
    ],
)
def test_a_standby_is_another_channel_that_has_none(standbys: dict[str, str], says: str) -> None:
    sections = {name: {"provider": "x", "standby": standbys.get(name, "")} for name in ("main", "second")}
    with pytest.raises(ConfigError, match=re.escape(says)):
        build({"channels": sections}, {}, where="the test")


def test_a_standby_is_the_sections_and_no_option_of_the_provider() -> None:
    sections = {"main": {"provider": "x", "standby": "second", "key": 1}, "second": {"provider": "y"}}
    settings = build({"channels": sections}, {}, where="the test")
    assert settings.standbys == {"main": "second"}
    assert settings.channels["main"].options == {"key": 1}


def test_the_provider_before_is_a_section_of_its_own() -> None:
    sections = {
        "main": {"provider": "x", "key": 1, "former": {"provider": "y", "word": 2}},
        "second": {"provider": "x"},
    }
    settings = build({"channels": sections}, {}, where="the test")
    assert settings.formers == {"main": Section(provider="y", options={"word": 2})}
    assert settings.channels["main"].options == {"key": 1}
    assert {"x", "y"} <= settings.plugins()


@pytest.mark.parametrize(
    ("former", "says"),
    [
        ("msg91", "channels.main.former: write a section [channels.main.former] with the provider before and its keys"),
        ({"word": 1}, "channels.main.former.provider is missing"),
    ],
)
def test_a_provider_before_that_is_none_is_a_sentence(former: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        build({"channels": {"main": {"provider": "x", "former": former}}}, {}, where="the test")


def test_the_knowledge_is_where_the_store_is_unless_something_else_is_said(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "postgresql://x", "DIRECT": "postgresql://y", "REDIS_URL": "redis://z"}

    def knowledge(text: str) -> tuple[str, dict[str, str]]:
        section = load(write(tmp_path, f"mode = 'enterprise'\n{text}"), environ).knowledge
        return section.provider, {key: value.reveal() for key, value in section.options.items()}

    assert knowledge("") == ("postgres", {"url": "postgresql://x"})
    assert knowledge("[store]\ndirect_url = {env = 'DIRECT'}") == (
        "postgres",
        {"url": "postgresql://x", "direct_url": "postgresql://y"},
    )
    assert knowledge("[knowledge]\nurl = {env = 'DIRECT'}") == ("postgres", {"url": "postgresql://y"})
    assert knowledge("[knowledge]\nprovider = 'sqlite'") == ("sqlite", {})
    assert knowledge("[store]\nprovider = 'sqlite'") == ("sqlite", {})
    assert load(write(tmp_path, "mode = 'lightweight'"), environ).knowledge.provider == "sqlite"


def test_the_folder_of_the_knowledge_is_the_services_own_key(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "[knowledge]\nfolder = 'here'\nprovider = 'other'\nrest = 1"), {})
    assert (settings.knowledge_folder.folder, settings.knowledge_folder.watch_seconds) == ("here", 2.0)
    assert (settings.knowledge.provider, settings.knowledge.options) == ("other", {"rest": 1})
    with pytest.raises(ConfigError, match=r"knowledge\.watch_seconds is too small; write 0 or more"):
        load(write(tmp_path, "[knowledge]\nwatch_seconds = -1"), {})


@pytest.mark.parametrize("text", ["0", "0.00", "000"])
def test_a_cap_of_nothing_is_refused_for_it_would_be_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r"money: a cap of zero would be no cap; leave it out"):
        build({"money": {"per_day": text}}, {}, where="the test")
    assert build({"money": {"per_day": "0.01"}}, {}, where="the test").money.per_day == "0.01"
