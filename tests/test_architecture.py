"""The shape holds: what the core may import, how large things may grow, which words are not used."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = sorted((ROOT / "src/frontdesk/core").glob("*.py"))
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])

# All pure. `ast` only parses (expressions are never compiled by Python), `decimal` rounds as people do, `difflib` finds
# the name that was meant, `math` and `operator` calculate, `phonenumbers` knows how each country writes its numbers,
# `urllib.parse` encodes.
CORE_MAY_IMPORT = {
    "__future__", "ast", "collections", "collections.abc", "datetime", "decimal", "difflib", "enum", "functools",
    "hashlib", "itertools", "math", "msgspec", "operator", "phonenumbers", "re", "string", "typing", "unicodedata",
    "urllib.parse",
}  # fmt: skip
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 450

FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "services", "managers", "factories", "dto", "interfaces"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_imports_only_what_is_pure(path: Path) -> None:
    foreign = {one for one in imports(path) if one not in CORE_MAY_IMPORT and not one.startswith("frontdesk.core")}
    assert not foreign


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_neither_prints_nor_reads_nor_asks_the_clock(path: Path) -> None:
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert not calls & {"print", "open", "input", "eval", "exec", "now", "utcnow", "today", "__import__"}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    too_long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > FUNCTION_LINES_MAX
    ]
    assert not too_long


def test_names_say_the_job() -> None:
    assert not [name(path) for path in SOURCES if set(path.with_suffix("").parts) & FORBIDDEN_NAMES]


def test_sql_stands_in_sql_files() -> None:
    statement = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET)\b")
    assert not [name(path) for path in SOURCES if statement.search(path.read_text(encoding="utf-8"))]


def test_the_service_does_not_import_its_tools(tmp_path: Path) -> None:
    """What `serve` needs: no emulator, no test tools, no plugin that the configuration does not name."""
    import subprocess

    code = (
        "import sys, frontdesk.cli, frontdesk.container, frontdesk.http.app;"
        "tools = ('frontdesk.emulator', 'frontdesk.testing', 'frontdesk_plugins');"
        "print([name for name in sys.modules if name.startswith(tools)])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.strip() == "[]"
