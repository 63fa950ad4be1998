"""From all files of a folder to one book, or to what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from hashlib import blake2b

from msgspec import Struct

from frontdesk.core.capabilities import Capabilities
from frontdesk.core.flow import NAME_PATTERN, Book, Flow, Rules, Tool, Variable
from frontdesk.core.trigger import Intent, Keyword, Triggers
from frontdesk.flows.check import check_book
from frontdesk.flows.check_tools import check_tools
from frontdesk.flows.document import FlowDocument, RulesDocument, ToolsDocument
from frontdesk.flows.facts import Facts
from frontdesk.flows.finding import START, Finding, Place, bounded
from frontdesk.flows.read_flow import read_flow
from frontdesk.flows.read_rules import read_rules
from frontdesk.flows.read_tools import read_tools
from frontdesk.flows.shape import Kind, read_shape
from frontdesk.flows.variables import declare
from frontdesk.flows.yaml import Plain, YamlError, read_yaml

RULES_FILE = "rules.yaml"
TOOLS_FILE = "tools.yaml"
TEST_SUFFIX = ".test.yaml"


class Reading(Struct, frozen=True, kw_only=True, eq=False):
    """What came of reading. `book` is None if one of the findings is an error."""

    book: Book | None
    findings: tuple[Finding, ...]


class BookError(ValueError):
    """Files that were checked before cannot be read any more; `findings` say why."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = next(one for one in findings if one.is_error)
        super().__init__(f"{first.file}:{first.line}:{first.column}: {first.sentence}")
        self.findings = findings


def read_book(
    sources: Mapping[str, str],
    *,
    hosts: Collection[str] | None = None,
    has_model: bool = True,
    channels: Mapping[str, Capabilities] = {},
) -> Reading:
    """Read and check all files: file name (`order.yaml`, `rules.yaml`) to content. `hosts` that flows may call (None:
    not known here, any); `has_model`: whether a language model is configured; `channels`: what each of them can do.
    Raises nothing."""
    files = _Files(sources)
    check_book(files.flows, files.rules, files.facts, hosts, has_model=has_model, channels=channels)
    check_tools(files.tools, files.flows, files.facts)
    findings = [finding for facts in files.facts for finding in facts.findings.found]
    book = None if any(finding.is_error for finding in findings) else files.book()
    return Reading(book=book, findings=bounded(findings))


def compile_book(sources: Mapping[str, str]) -> Book:
    """The book of files that were checked before, by this version or an older one: what can be read is read, and not
    checked again. Raises BookError."""
    files = _Files(sources)
    findings = [finding for facts in files.facts for finding in facts.findings.found]
    if any(finding.is_error for finding in findings):
        raise BookError(bounded(findings))
    return files.book()


def book_version(sources: Mapping[str, str]) -> str:
    """16 hexadecimal digits for these flows and rules; tests and other files do not count."""
    digest = blake2b(digest_size=8)
    for name in _used(sources):
        for text in (name, sources[name]):
            data = text.encode(errors="surrogatepass")
            digest.update(len(data).to_bytes(8) + data)
    return digest.hexdigest()


def _used(sources: Mapping[str, str]) -> list[str]:
    return sorted(name for name in sources if name.endswith(".yaml") and not name.endswith(TEST_SUFFIX))


class _Files:
    """All files, read one by one."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.version = book_version(sources)
        self.facts: list[Facts] = []
        self.flows: dict[str, Flow] = {}
        self.defaults: dict[str, Variable] = {}
        self.rules: Rules = self._read_rules(sources.get(RULES_FILE, ""))
        self.tools: dict[str, Tool] = self._read_tools(sources.get(TOOLS_FILE, ""))
        for name in _used(sources):
            if name not in {RULES_FILE, TOOLS_FILE}:
                self._read_flow(name, sources[name])

    def _read_rules(self, text: str) -> Rules:
        facts = self._facts(RULES_FILE, "")
        document = (_document(text, RulesDocument, facts) if text.strip() else None) or RulesDocument()
        self.defaults.update(declare(document.variables, facts))
        return read_rules(document, facts)

    def _read_tools(self, text: str) -> dict[str, Tool]:
        facts = self._facts(TOOLS_FILE, "")
        document = _document(text, ToolsDocument, facts) if text.strip() else None
        return read_tools(document, lambda place: self._facts(TOOLS_FILE, "", place)) if document else {}

    def _read_flow(self, file: str, text: str) -> None:
        name = file.removesuffix(".yaml")
        facts = self._facts(file, name)
        if not re.search(NAME_PATTERN, name):
            sentence = f"“{name[:60]}” is no name for a flow; rename the file with a-z, digits and _, at most 40."
            facts.findings.add("file-name", START, sentence)
        document = _document(text, FlowDocument, facts)
        if document is None:
            return
        flow = read_flow(document, facts)
        self.flows[name] = flow
        shared = {key: one for key, one in flow.variables.items() if not key.startswith("flow.")}
        self.defaults.update(shared)

    def _facts(self, file: str, flow: str, place: Place = START) -> Facts:
        facts = Facts(file, flow, place)
        self.facts.append(facts)
        return facts

    def book(self) -> Book:
        return Book(
            version=self.version,
            flows=self.flows,
            rules=self.rules,
            triggers=self.triggers(),
            defaults=self.defaults,
            tools=self.tools,
        )

    def triggers(self) -> Triggers:
        """Indexed; the longest keywords first, so that the first that fits is the one that says most."""
        keywords: dict[str, list[Keyword]] = {}
        named: dict[str, dict[str, str]] = {"button": {}, "ad": {}, "first contact": {}}
        intents: list[Intent] = []
        for facts in self.facts:
            for one in facts.triggers:
                if one.kind == "keyword":
                    words = tuple(one.key.split())
                    keywords.setdefault(words[0], []).append(
                        Keyword(words=words, flow=facts.flow, language=one.language)
                    )
                elif one.kind == "intent":
                    intents.append(Intent(sentence=one.key, flow=facts.flow))
                else:
                    named[one.kind][one.key] = facts.flow
        return Triggers(
            keywords={
                first: tuple(sorted(row, key=lambda one: (-len(one.words), one.words, one.language)))
                for first, row in keywords.items()
            },
            buttons=named["button"],
            ads=named["ad"],
            first_contact=named["first contact"].get("", ""),
            intents=tuple(intents),
        )


def _document(text: str, kind: type[Kind], facts: Facts) -> Kind | None:
    try:
        node = read_yaml(text)
    except YamlError as error:
        facts.findings.add("yaml", error.place, error.sentence)
        return None
    if isinstance(node, Plain) and node.value is None and kind is not FlowDocument:
        return None
    return read_shape(node, kind, facts.findings)
