"""What can only be seen when all files are read: names across files, triggers, variables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from frontdesk.core.capabilities import Capabilities
from frontdesk.core.flow import Flow, Rules, Variable
from frontdesk.core.letters import fold
from frontdesk.core.token import nearest
from frontdesk.flows.facts import Declared, Facts, Mention, Trigger
from frontdesk.flows.limits import check_known_languages, check_texts
from frontdesk.flows.reach import check_reach
from frontdesk.flows.variables import BUILT_IN, WRITABLE


def check_book(
    flows: Mapping[str, Flow],
    rules: Rules,
    facts: list[Facts],
    hosts: Collection[str] | None,
    *,
    has_model: bool,
    channels: Mapping[str, Capabilities],
) -> None:
    """Add to `facts` (one for each flow file, and the rules') all that is wrong with the whole. Flows in which
    something is wrong already have no ways that could be followed; the rest of them is checked all the same."""
    shared = _shared(facts)
    names = [one.flow for one in facts if one.flow]
    for one in facts:
        own = {declared.variable.name: declared.variable for declared in one.declared}
        known = {**shared, **own, **BUILT_IN}
        _check_names(one, names, hosts, has_model=has_model)
        _check_channels(one, channels)
        _check_variables(one, known)
        _check_triggers(one, rules)
        check_texts(one, rules, {name: variable.longest for name, variable in known.items()})
    _check_inputs(facts)
    _check_same_triggers(facts)
    _check_started(flows, facts)
    whole = {one.flow: one for one in facts if one.flow in flows and not _cannot_be_followed(one)}
    check_reach({name: flows[name] for name in whole}, whole)
    if not any(one.has_errors for one in facts):
        _check_use(facts, flows)


def _cannot_be_followed(facts: Facts) -> bool:
    unsure = {"unknown-step", "dead-end", "no-verb", "two-verbs", "missing-key", "wrong-value", "unknown-key"}
    return any(finding.code in unsure for finding in facts.findings.found)


def _shared(facts: Iterable[Facts]) -> dict[str, Variable]:
    """The contact's and the conversation's variables of all files."""
    found: dict[str, tuple[Declared, Facts]] = {}
    for one in facts:
        for declared in one.declared:
            variable = declared.variable
            if variable.name.startswith("flow."):
                continue
            other, where = found.setdefault(variable.name, (declared, one))
            if other.variable != variable:
                sentence = (
                    f"{variable.name} is declared differently in {where.file}; declare it once, best in rules.yaml."
                )
                one.findings.add("declared-twice", declared.place, sentence)
    return {name: declared.variable for name, (declared, _) in found.items()}


_WHERE = {"rules.yaml": "rules.yaml, but not flow.…,", "tools.yaml": "the tool's arguments"}


def _check_names(facts: Facts, flows: list[str], hosts: Collection[str] | None, *, has_model: bool) -> None:
    for flow in facts.flows:
        if flow.name not in flows:
            facts.findings.add("unknown-flow", flow.place, f"There is no flow “{flow.name}”{_near(flow.name, flows)}.")
    for host in facts.hosts:
        if hosts is not None and host.name not in hosts:
            sentence = f"The configuration lists no host “{host.name}”{_near(host.name, hosts)}; add it there."
            facts.findings.add("unknown-host", host.place, sentence)
    if not has_model:
        for place in facts.model_needed:
            sentence = "An intent needs a language model, and none is configured; configure one, or take this out."
            facts.findings.add("no-model", place, sentence)


def _check_channels(facts: Facts, channels: Mapping[str, Capabilities]) -> None:
    """What a channel cannot send is not sent: people get the conversation there instead."""
    for sent in facts.sent:
        lacking = [name for name, channel in channels.items() if sent.name not in channel.sends]
        if lacking:
            what, where = sent.name.replace("_", " "), " and ".join(lacking)
            sentence = f"The channel {where} cannot send this ({what}), so people get the conversation there; say it in words too."  # noqa: E501
            facts.findings.add("channel-lacks", sent.place, sentence)


def _near(name: str, known: Collection[str]) -> str:
    return nearest(name, known) if known else "; there are none"


def _check_variables(facts: Facts, known: Mapping[str, Variable]) -> None:
    for mention in (*facts.read, *facts.written):
        if mention.name not in known:
            cure = nearest(mention.name, [name for name in known if name.split(".")[0] == mention.name.split(".")[0]])
            where = _WHERE.get(facts.file, "variables")
            sentence = f"The variable {mention.name} is not known{cure}; declare it under {where} if it is yours."
            facts.findings.add("unknown-variable", mention.place, sentence)
    for mention in facts.written:
        is_ours = mention.name in BUILT_IN or mention.name.startswith("message.")
        if is_ours and mention.name not in WRITABLE:
            sentence = f"{mention.name} is set by Frontdesk alone; use a variable of your own."
            facts.findings.add("read-only-variable", mention.place, sentence)


def _check_inputs(facts: list[Facts]) -> None:
    """What a flow is given must be declared there; then it is set."""
    by_flow = {one.flow: one for one in facts if one.flow}
    for one in facts:
        for flow, mention in one.inputs:
            called = by_flow.get(flow)
            if called is None:
                continue
            names = [declared.variable.name for declared in called.declared]
            if mention.name not in names:
                sentence = (
                    f"The flow “{flow}” has no variable {mention.name}{_near(mention.name, names)}; declare it there."
                )
                one.findings.add("unknown-variable", mention.place, sentence)
            else:
                called.written.append(mention)


def _check_triggers(facts: Facts, rules: Rules) -> None:
    check_known_languages(facts.phrase_languages, facts, rules.languages)
    for trigger in facts.triggers:
        if trigger.kind == "keyword" and trigger.key.count(" ") >= rules.keyword_words_max:
            sentence = (
                f"Messages of more than {rules.keyword_words_max} words are not searched for keywords; use "
                "fewer words, or raise keyword_words_max in rules.yaml."
            )
            facts.findings.add("long-phrase", trigger.place, sentence)


def _check_same_triggers(facts: list[Facts]) -> None:
    """One message starts one flow, whatever its language: the same word may stand in two of one flow."""
    first: dict[tuple[str, str], tuple[Facts, Trigger]] = {}
    for one in sorted(facts, key=lambda facts: facts.file):
        for trigger in one.triggers:
            key = fold(trigger.key) if trigger.kind == "intent" else trigger.key
            other, earlier = first.setdefault((trigger.kind, key), (one, trigger))
            if other is one and (earlier is trigger or earlier.language != trigger.language):
                continue
            named = f"The {trigger.kind} “{trigger.key[:40]}”" if trigger.key else "The first contact"
            where = "this flow already" if other is one else f"the flow “{other.flow}” already"
            one.findings.add("same-trigger", trigger.place, f"{named} starts {where}; take one out.")


def _check_started(flows: Mapping[str, Flow], facts: list[Facts]) -> None:
    named = {mention.name for one in facts for mention in one.flows if mention.name != one.flow}
    for one in facts:
        flow = flows.get(one.flow)
        if flow and not one.has_errors and not one.triggers and not flow.may_be_requested and one.flow not in named:
            sentence = "Nothing starts this flow; give it starts_on, or call it from another."
            one.findings.add("never-started", min(one.steps.values()), sentence)


def _check_use(facts: list[Facts], flows: Mapping[str, Flow]) -> None:
    """Variables that are set for nothing, or read before anybody can have set them. Facts about the contact are told
    by people and programs too, and read by them."""
    for scope in ("flow", "conversation"):
        groups = [[one] for one in facts] if scope == "flow" else [facts]
        for group in groups:
            read = _first(mention for one in group for mention in one.read)
            written = _first(mention for one in group for mention in one.written)
            may_be_given = scope == "flow" and group[0].flow in flows and flows[group[0].flow].may_be_requested
            for one in group:
                for declared in one.declared:
                    variable = declared.variable
                    if not variable.name.startswith(f"{scope}."):
                        continue
                    if variable.name not in read:
                        sentence = f"{variable.name} is never used; use it, or take it out."
                        one.findings.add("never-read", declared.place, sentence)
                    elif variable.name not in written and variable.default is None and not may_be_given:
                        sentence = f"{variable.name} is used, but never set; set it, or give it a default."
                        one.findings.add("never-set", declared.place, sentence)


def _first(mentions: Iterable[Mention]) -> set[str]:
    return {mention.name for mention in mentions}
