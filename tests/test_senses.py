"""What the configuration says of voice messages and pictures."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from frontdesk.config import build
from frontdesk.config.senses import SenseSettings
from frontdesk.plugin import ConfigError

EAR = {"provider": "openrouter", "model": "m", "base_url": "http://127.0.0.1:1/v1", "profile": "other"}


def settings(**tree: Any) -> Any:
    return build(tree, {}, where="the test")


def test_both_sections_are_read_and_their_plugins_named() -> None:
    made = settings(
        language_model={"voice": {**EAR, "bytes_max": 5}, "pictures": EAR},
        policy={"hears_voice": True, "sees_pictures": True},
    )
    assert set(made.senses) == {"voice", "picture"}
    assert made.senses["voice"].settings.bytes_max == 5
    assert made.senses["voice"].options == {name: value for name, value in EAR.items() if name != "provider"}
    assert "openrouter" in made.plugins()
    assert made.language_model.provider == "stub_model"
    assert made.language_model.options == {}


@pytest.mark.parametrize(
    ("tree", "complaint"),
    [
        ({"policy": {"hears_voice": True}}, r"add a section \[language_model\.voice\]"),
        ({"policy": {"sees_pictures": True}}, r"add a section \[language_model\.pictures\]"),
        ({"language_model": {"voice": {"model": "m"}}}, r"language_model\.voice\.provider is missing"),
        ({"language_model": {"voice": "yes"}}, r"write a section \[language_model\.voice\]"),
        ({"language_model": {"voice": {**EAR, "bytes_max": 0}}}, r"language_model\.voice\.bytes_max"),
        ({"language_model": {"pictures": {**EAR, "cost_max": "free"}}}, r"language_model\.pictures\.cost_max"),
    ],
)
def test_what_is_wrong_is_told_with_its_cure(tree: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        settings(**tree)


def test_every_key_is_in_the_documents_with_its_meaning() -> None:
    text = (Path(__file__).parent.parent / "docs/language-models.md").read_text(encoding="utf-8")
    for field in msgspec.inspect.type_info(SenseSettings).fields:  # type: ignore[attr-defined]
        default = msgspec.json.encode(field.default).decode()
        assert f"| `{field.name}` | `{default}` | {field.type.extra_json_schema['description']} |" in text
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    made = build(tomllib.loads(example), {}, where="docs/language-models.md")
    assert set(made.senses) == {"voice", "picture"}
