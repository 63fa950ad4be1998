"""The documents are true: what they name exists, what exists is named."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import msgspec
import pytest

from frontdesk.cli import cli
from frontdesk.config import KnowledgeSettings, build, reference
from frontdesk.config.hosts import HostSettings
from frontdesk.engine.metrics import Metrics
from frontdesk.knowledge.embeddings import EmbeddingsOptions
from frontdesk.knowledge.reading import BYTES_MAX
from frontdesk.plugin import installed_plugins, load_plugins

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")]
TOLD = "\n".join([README, *PAGES])
DOCUMENTS = [path for path in ROOT.rglob("*.md") if not {".venv", "knowledge"} & set(path.parts)]


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the first table under a heading: first cell, without its quotes, to the others."""
    section = TOLD.split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")
    ]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def test_every_configuration_key_is_documented_with_its_default_and_meaning() -> None:
    documented = table("Configuration")
    keys = {key: (default, meaning) for key, default, meaning in reference()}
    assert set(documented) == set(keys)
    for key, (default, meaning) in keys.items():
        assert documented[key] == [f"`{default}`" if default else "", meaning], key


def test_every_command_is_documented() -> None:
    def commands(group: click.Group, prefix: str) -> set[str]:
        found: set[str] = set()
        for name, command in group.commands.items():
            inner = isinstance(command, click.Group)
            found |= commands(command, f"{prefix}{name} ") if isinstance(command, click.Group) else set()
            found |= set() if inner else {f"{prefix}{name}"}
        return found

    found = commands(cli, "")
    for name, offered in load_plugins(installed_plugins()).commands.items():
        found |= commands(offered, f"{name} ") if isinstance(offered, click.Group) else {name}
    documented = {re.split(r" [\[A-Z-]", command)[0] for command in table("Commands")}
    assert documented == {f"frontdesk {command}" for command in found}


def test_every_plugin_is_documented() -> None:
    assert set(table("Plugins")) == set(installed_plugins())


def test_every_metric_is_documented() -> None:
    names = {metric.name for metric in Metrics().registry.collect()}
    assert set(table("Metrics")) == names


def test_every_channel_option_is_documented() -> None:
    offer = load_plugins({"whatsapp_cloud"}).channels["whatsapp_cloud"]
    assert set(table("Options of a WhatsApp Cloud channel")) == set(offer.options.__struct_fields__)


def test_every_option_of_a_msg91_channel_is_documented_with_its_meaning() -> None:
    fields = msgspec.inspect.type_info(load_plugins({"msg91"}).channels["msg91"].options).fields  # type: ignore[attr-defined]
    meanings = {field.name: field.type.extra_json_schema["description"] for field in fields}
    documented = table("Options of a MSG91 channel")
    assert {key: cells[1] for key, cells in documented.items()} == meanings
    for field in fields:
        if field.default is not msgspec.NODEFAULT and field.default not in (None, ()):
            is_map = isinstance(field.default, msgspec.Struct)
            shown = "see below" if is_map else f"`{msgspec.json.encode(field.default).decode()}`"
            assert documented[field.name][0] == shown
        if isinstance(field.default, msgspec.Struct):
            assert all(f"`{name}`" in TOLD for name in field.default.__struct_encode_fields__)


def test_every_option_of_a_console_channel_is_documented_with_its_meaning() -> None:
    fields = msgspec.inspect.type_info(load_plugins({"console"}).channels["console"].options).fields  # type: ignore[attr-defined]
    meanings = {field.name: field.type.extra_json_schema["description"] for field in fields}
    documented = table("Options of a console channel")
    assert {key: cells[1] for key, cells in documented.items()} == meanings
    assert documented["url"][0] == f'`"{fields[1].default}"`'


def test_every_option_of_a_host_is_documented_with_its_meaning() -> None:
    fields = msgspec.inspect.type_info(HostSettings).fields  # type: ignore[attr-defined]
    meanings = {field.name: field.type.extra_json_schema["description"] for field in fields}
    assert {key: cells[1] for key, cells in table("Options of a host").items()} == meanings


def test_every_option_of_the_knowledge_is_documented() -> None:
    section = TOLD.split("# Options of the knowledge\n", 1)[1].split("\n#", 1)[0]
    keys = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    options = load_plugins({"postgres"}).knowledges["postgres"].options
    assert keys == {*KnowledgeSettings.__struct_fields__, *options.__struct_fields__} - {"embeddings"}
    page = (ROOT / "docs/knowledge.md").read_text(encoding="utf-8")
    for field in msgspec.inspect.type_info(EmbeddingsOptions).fields:  # type: ignore[attr-defined]
        assert f"| `{field.name}` |" in page
        assert f"| {field.type.extra_json_schema['description']} |" in page, field.name


def test_every_kind_of_file_that_is_read_is_documented() -> None:
    page = (ROOT / "docs/knowledge.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\.[a-z]+)`", page)) == set(BYTES_MAX)


def test_every_option_of_the_postgres_store_is_documented() -> None:
    offer = load_plugins({"postgres"}).stores["postgres"]
    assert set(table("Options of a PostgreSQL store")) == set(offer.options.__struct_fields__)


def test_every_option_of_the_redis_signal_is_documented_with_its_meaning() -> None:
    offer = load_plugins({"redis"}).signals["redis"]
    meanings = {
        field.name: field.type.extra_json_schema["description"]
        for field in msgspec.inspect.type_info(offer.options).fields  # type: ignore[attr-defined]
    }
    assert {key: cells[1] for key, cells in table("Options of a Redis signal").items()} == meanings


def test_every_option_and_profile_of_openrouter_is_documented() -> None:
    from frontdesk_plugins.openrouter.options import PROFILES

    offer = load_plugins({"openrouter"}).language_models["openrouter"]
    meanings = {
        field.name: field.type.extra_json_schema["description"]
        for field in msgspec.inspect.type_info(offer.options).fields  # type: ignore[attr-defined]
    }
    section = TOLD.split("# Options of an OpenRouter language model\n", 1)[1].split("\n#", 1)[0]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    documented = {row[0]: row[1:] for row in rows}
    assert {key: documented[key][1] for key in meanings} == {
        key: meaning.strip("`") for key, meaning in meanings.items()
    }
    for name, profile in PROFILES.items():
        told = [profile.base_url or "set `base_url", profile.answers, str(profile.context_tokens)]
        assert documented[name] == told


def test_every_option_of_every_provider_is_named() -> None:
    offers = load_plugins(installed_plugins())
    ports = (offers.channels, offers.language_models, offers.knowledges, offers.perceptions, offers.stores)
    for offer in (one for port in (*ports, offers.signals) for one in port.values()):
        for key in offer.options.__struct_fields__:
            assert re.search(rf"`([\w.]+\.)?{key}`|\[\w+\.{key}\]", TOLD), f"{offer.name}: {key}"


def test_every_configuration_that_is_shown_is_valid() -> None:
    blocks = [block for page in (README, *PAGES) for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert blocks
    for block in blocks:
        environ = dict.fromkeys(re.findall(r'env = "(\w+)"', block), "x")
        settings = build(tomllib.loads(block), environ, where="a document")
        load_plugins(settings.plugins())


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    command = re.compile(r"(?:^|`)(?:[A-Z]+=\S+ )*make ([a-z-]+)", re.MULTILINE)
    named = {target for path in DOCUMENTS for target in command.findall(path.read_text(encoding="utf-8"))}
    assert named
    assert named <= targets


def test_every_key_that_a_document_names_can_be_set() -> None:
    offers = load_plugins({"postgres", "redis", "sqlite"})
    known = {key for key, _, _ in reference()}
    known |= {f"store.{name}" for offer in offers.stores.values() for name in offer.options.__struct_fields__}
    known |= {f"signal.{name}" for name in offers.signals["redis"].options.__struct_fields__}
    key = re.compile(r"`((?:server|worker|policy|store|signal)\.[a-z_]+)\b")
    named = {name for path in DOCUMENTS for name in key.findall(path.read_text(encoding="utf-8"))}
    assert {"store.pool_max", "worker.lease_seconds"} <= named
    assert named <= known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    missing = []
    for file, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", path.read_text(encoding="utf-8")):
        target = path.parent / file if file else path
        if file.startswith("http"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(f"{file}#{anchor}")
    assert not missing


def anchors(page: Path) -> set[str]:
    """Of its headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.casefold()).replace(" ", "-") for heading in headings}


def test_the_newest_change_is_of_this_version() -> None:
    from frontdesk import __version__

    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == __version__


def test_the_container_image_has_what_its_configuration_can_name() -> None:
    """Nobody can install a driver into an image that is not root's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [one for extra in ("postgres", "redis", "embeddings") for one in project["optional-dependencies"][extra]]
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for one in (*project["dependencies"], *wanted):
        name = re.match(r"[A-Za-z0-9-]+", one)
        assert name
        assert re.search(rf"^{re.escape(name[0])}==", locked, re.MULTILINE), one


def test_no_index_is_named_in_the_locked_requirements() -> None:
    for path in ROOT.glob("requirements*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert all(re.match(r"[a-z0-9._-]+==\S+|    --hash=sha256:[0-9a-f]{64}", line) for line in lines if line), path
