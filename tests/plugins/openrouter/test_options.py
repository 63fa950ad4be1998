"""A wrong option is one sentence with its cure, and nothing is sent where others could read the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk.config import build
from frontdesk.container import Container, SystemClock
from frontdesk.plugin import ConfigError, Secret, Tools, load_plugins
from frontdesk_plugins.openrouter import OpenRouter, Options
from frontdesk_plugins.openrouter.options import PROFILES, address


def build_one(name: str = "language_model", **changes: Any) -> OpenRouter:
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    tools = Tools(
        http=httpx.AsyncClient(transport=transport), transport=transport, clock=SystemClock(), data_dir=Path()
    )
    return OpenRouter(name, Options(**{"model": "m", "api_key": Secret("sk-or-v1-x"), **changes}), tools)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"api_key": None}, "language_model.api_key is missing; add api_key"),
        ({"api_key": None, "profile": "openai"}, "language_model.api_key is missing"),
        ({"profile": "other"}, "language_model.base_url is missing"),
        ({"api_key": Secret("two words")}, "language_model.api_key holds blanks"),
        ({"api_key": Secret("schlüssel")}, "language_model.api_key holds blanks"),
        ({"base_url": "http://models.example/v1"}, "would show the key to others"),
        ({"base_url": "ftp://127.0.0.1/v1"}, "would show the key to others"),
        ({"base_url": "https://me:word@models.example/v1"}, "would show the key to others"),
        ({"base_url": "https://a:b:c"}, "is no address"),
        ({"price_in": "0.1"}, "price_in and price_out belong together"),
        ({"profile": "lmstudio", "answers": "json_object"}, "LM Studio knows no json_object"),
    ],
)
def test_a_wrong_option_is_named(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_one(**changes)
    assert complaint in str(caught.value)
    assert "two words" not in str(caught.value)


def test_the_section_of_a_fallback_is_named() -> None:
    with pytest.raises(ConfigError, match=r"language_model\.fallbacks\.local\.base_url is missing"):
        build_one("local", profile="other")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "https://openrouter.ai/api/v1/chat/completions"),
        ({"profile": "ollama", "api_key": None}, "http://127.0.0.1:11434/v1/chat/completions"),
        ({"base_url": "http://127.0.0.1:9/v1/"}, "http://127.0.0.1:9/v1/chat/completions"),
        ({"base_url": "http://ollama:11434/v1", "api_key": None}, "http://ollama:11434/v1/chat/completions"),
        ({"base_url": "https://models.example/v1"}, "https://models.example/v1/chat/completions"),
    ],
)
def test_where_completions_are_asked_for(changes: dict[str, Any], expected: str) -> None:
    options = Options(**{"model": "m", "api_key": Secret("sk-or-v1-x"), **changes})
    assert str(address("language_model", options)) == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_can_be_built(profile: str) -> None:
    assert build_one(profile=profile, base_url="https://models.example/v1").models == ("m",)


def test_a_ladder_of_two_backends_is_built_from_a_file(tmp_path: Path) -> None:
    tree = {
        "data_dir": str(tmp_path),
        "language_model": {
            "provider": "openrouter",
            "api_key": {"env": "KEY"},
            "model": "example/model-a",
            "fallback_models": ["other/model-b"],
            "fallbacks": {"local": {"provider": "openrouter", "profile": "ollama", "model": "example:8b"}},
        },
    }
    settings = build(tree, {"KEY": "sk-or-v1-x"}, where="the test")
    container = Container(settings=settings, offers=load_plugins(settings.plugins()))
    rungs = container.language_model().rungs
    named = [(rung.backend, rung.name) for rung in rungs]
    assert named == [("first", "example/model-a"), ("first", "other/model-b"), ("local", "example:8b")]


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"modle": "m"}, "language_model.modle is not a key; did you mean 'model'?"),
        ({"model": "m", "profile": "ollma"}, "there are: openrouter, openai"),
        ({"model": "m", "fallback_models": ["a", "b", "c"]}, "language_model.fallback_models"),
        ({"model": "m", "price_in": "cheap"}, "language_model.price_in"),
        ({}, "language_model.model is missing; set it"),
    ],
)
def test_a_wrong_key_is_answered_with_the_right_one(tmp_path: Path, section: dict[str, Any], complaint: str) -> None:
    tree = {"data_dir": str(tmp_path), "language_model": {"provider": "openrouter", **section}}
    settings = build(tree, {}, where="the test")
    with pytest.raises(ConfigError) as caught:
        Container(settings=settings, offers=load_plugins(settings.plugins())).language_model()
    assert complaint in str(caught.value)
