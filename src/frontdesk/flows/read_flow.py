"""From one file to one flow, with every text and expression compiled."""

from __future__ import annotations

from frontdesk.core.flow import AnyStep, Flow, Migration
from frontdesk.core.token import nearest
from frontdesk.flows.document import FlowDocument, StartsOnPart
from frontdesk.flows.facts import Facts, Trigger
from frontdesk.flows.read_steps import StepReader
from frontdesk.flows.shape import Broken, keys
from frontdesk.flows.texts import Texts
from frontdesk.flows.variables import declare
from frontdesk.flows.yaml import Written


def read_flow(document: FlowDocument, facts: Facts) -> Flow:
    """The flow; what is wrong with it, and what the checks of the whole book need, is added to `facts`."""
    texts = Texts(facts)
    variables = declare(document.variables, facts)
    _read_triggers(document.starts_on or StartsOnPart(), texts)
    facts.steps = {str(key): key.place for key in document.steps}
    migration = _migration(document, facts)
    return Flow(
        name=facts.flow,
        title=str(document.title),
        first=next(iter(facts.steps), ""),
        steps=_steps(document, texts),
        variables=variables,
        migration=migration,
        may_be_requested=document.starts_on is not None and document.starts_on.request,
    )


def _steps(document: FlowDocument, texts: Texts) -> dict[str, AnyStep]:
    facts = texts.facts

    def lead(name: Written) -> str:
        if name not in facts.steps:
            sentence = f"There is no step “{name}”{nearest(name, facts.steps)}."
            facts.findings.add("unknown-step", name.place, sentence)
        return str(name)

    reader = StepReader(texts, lead)
    steps: dict[str, AnyStep] = {}
    for key, below in zip(document.steps, [*list(document.steps)[1:], None], strict=True):
        step = document.steps[key]
        if isinstance(step, Broken):
            continue
        follows: dict[str, object] = {"id": str(key), "line": key.place.line}
        if "next" in keys(type(step)):
            named: Written | None = step.next  # type: ignore[union-attr]  # it has that key
            follows["next"] = lead(named) if named else str(below or "")
            _check_end(document, key, follows["next"], facts)
        steps[str(key)] = reader.read(step, key.place, follows)
    return steps


def _check_end(document: FlowDocument, key: Written, follows: object, facts: Facts) -> None:
    """A question whose options say all where they lead needs no step below; what an option lacks is said there."""
    if not follows and not hasattr(document.steps[key], "options"):
        sentence = f"No step follows “{key}”; give it a next, or add a step such as end: true below it."
        facts.findings.add("dead-end", key.place, sentence)


def _migration(document: FlowDocument, facts: Facts) -> Migration | None:
    part = document.migration
    if part is None:
        return None
    for new in part.steps.values():
        if new not in facts.steps:
            sentence = f"There is no step “{new}” to move people to{nearest(new, facts.steps)}."
            facts.findings.add("unknown-step", new.place, sentence)
    steps = {str(old): str(new) for old, new in part.steps.items()}
    return Migration(versions=tuple(str(version) for version in part.versions), steps=steps)


def _read_triggers(part: StartsOnPart, texts: Texts) -> None:
    triggers = texts.facts.triggers
    for language, words, written in texts.phrases(part.keywords or []):
        triggers.append(Trigger("keyword", " ".join(words), written.place, language))
    triggers.extend(Trigger("button", str(one), one.place) for one in part.buttons)
    triggers.extend(Trigger("ad", str(one), one.place) for one in part.ads)
    triggers.extend(Trigger("intent", str(one), one.place) for one in part.intents)
    if part.first_contact:
        triggers.append(Trigger("first contact", "", part.place_of("first_contact")))
    texts.facts.model_needed.extend(one.place for one in part.intents)
