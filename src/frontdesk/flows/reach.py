"""Where steps lead: what nobody reaches, circles without a turn of the contact, flows that call one another for ever.

A *turn* is a question, or a wait of a minute or more. Everything else happens at once, so a circle of it would fill
the contact's phone. `wait: {until: open}` is no turn: while the business is open it does not wait. A circle of waits is
right if something leads out of it, such as a branch that counts; else it goes on until the service window closes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from frontdesk.core.flow import (
    Answer,
    AnyStep,
    Branch,
    Call,
    Choose,
    End,
    Flow,
    GiveToPeople,
    Jump,
    Question,
    Say,
    SubFlow,
    TemplateSaid,
    Wait,
)
from frontdesk.flows.facts import Facts
from frontdesk.flows.graph import circles, round_trip
from frontdesk.flows.texts import LATE

TURN_SECONDS = 60
LATE_SECONDS = 23 * 3_600
CALLS_MAX = 8

Spot = tuple[str, str]
"""A flow and a step of it."""


def leads_to(step: AnyStep) -> Iterator[str]:
    """The steps of its flow that may follow it."""
    match step:
        case Branch():
            yield from (case.next for case in step.cases)
            yield step.next
        case Choose():
            yield from (option.next or step.next for option in step.options)
        case Call():
            yield from (step.next, step.if_failed)
        case Answer():
            yield from (step.next, step.if_unanswered)
        case _:
            yield step.next
    if isinstance(step, Question):
        yield step.otherwise
        if step.way_out:
            yield step.way_out.next


def is_turn(step: AnyStep) -> bool:
    """Whether the contact has time to say something."""
    return isinstance(step, Question) or (isinstance(step, Wait) and (step.seconds or 0) >= TURN_SECONDS)


def check_reach(flows: Mapping[str, Flow], facts: Mapping[str, Facts]) -> None:
    """Add what is wrong with the ways through `flows`; their facts stand under the same names."""
    for name, flow in flows.items():
        _check_unreachable(flow, facts[name])
        _check_late(flow, facts[name])
    _check_circles(flows, facts)
    _check_calls(flows, facts)


def _check_unreachable(flow: Flow, facts: Facts) -> None:
    known = _reached(flow, [flow.first], lambda _: True)
    for step in flow.steps:
        if step not in known:
            sentence = f"No step leads to “{step}”; lead to it with a next, or take it out."
            facts.findings.add("unreachable-step", facts.steps[step], sentence)


def _check_late(flow: Flow, facts: Facts) -> None:
    """Free text that follows a long wait before the contact's next turn."""
    waits = [step for step in flow.steps.values() if isinstance(step, Wait) and (step.seconds or 0) >= LATE_SECONDS]
    after = [following for wait in waits for following in leads_to(wait)]
    for name in _reached(flow, after, lambda step: not isinstance(step, Question)):
        if _is_free(flow.steps[name]):
            facts.findings.add("service-window", facts.steps[name], LATE)


def _is_free(step: AnyStep) -> bool:
    match step:
        case Say(said=TemplateSaid()):
            return False
        case GiveToPeople():
            return step.words is not None
        case _:
            return isinstance(step, Say | Question)


def _reached(flow: Flow, begin: list[str], goes_on: Callable[[AnyStep], bool]) -> set[str]:
    found: set[str] = set()
    ahead = [name for name in begin if name in flow.steps]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        if goes_on(flow.steps[name]):
            ahead.extend(following for following in leads_to(flow.steps[name]) if following in flow.steps)
    return found


def _check_circles(flows: Mapping[str, Flow], facts: Mapping[str, Facts]) -> None:
    at_once = _ways(flows, is_turn)
    told = _tell_circles(circles(at_once), at_once, facts, "ask something, or wait a minute")
    in_time = _ways(flows, lambda step: isinstance(step, Question))
    closed = [
        circle
        for circle in circles(in_time)
        if circle.isdisjoint(told) and all(circle.issuperset(in_time[spot]) for spot in circle)
    ]
    _tell_circles(closed, in_time, facts, "ask something, or lead out of it with a branch")


def _ways(flows: Mapping[str, Flow], stops: Callable[[AnyStep], bool]) -> dict[Spot, list[Spot]]:
    passable = _passable(flows, stops)
    return {
        (name, step.id): [] if stops(step) else list(_at_once(name, step, flows, passable))
        for name, flow in flows.items()
        for step in flow.steps.values()
    }


def _tell_circles(
    found: Iterable[set[Spot]], ways: Mapping[Spot, list[Spot]], facts: Mapping[str, Facts], cure: str
) -> set[Spot]:
    """Add each of them; all that is in them."""
    order = {spot: number for number, spot in enumerate(ways)}
    told: set[Spot] = set()
    for circle in found:
        told |= circle
        begin = min(circle, key=order.__getitem__)
        trip = round_trip(ways, begin, circle)
        shown = [step if flow == begin[0] else f"{flow}: {step}" for flow, step in trip]
        steps = " → ".join([*shown[:6], "…", shown[-1]] if len(shown) > 8 else shown)
        sentence = f"These steps go round for ever without a turn of the contact: {steps}; {cure}."
        facts[begin[0]].findings.add("endless-loop", facts[begin[0]].steps[begin[1]], sentence)
    return told


def _at_once(name: str, step: AnyStep, flows: Mapping[str, Flow], passable: set[str]) -> Iterator[Spot]:
    """Where the conversation may be next."""
    if isinstance(step, Jump | SubFlow) and step.flow in flows:
        yield step.flow, flows[step.flow].first
    if not isinstance(step, SubFlow) or step.flow in passable:
        yield from ((name, following) for following in leads_to(step) if following in flows[name].steps)


def _passable(flows: Mapping[str, Flow], stops: Callable[[AnyStep], bool]) -> set[str]:
    """The flows that may end without a step that stops them, so that the flow that called them goes on."""
    passable: set[str] = set()
    while True:
        before = len(passable)
        passable |= {name for name, flow in flows.items() if name not in passable and _ends(flow, passable, stops)}
        if len(passable) == before:
            return passable


def _ends(flow: Flow, passable: set[str], stops: Callable[[AnyStep], bool]) -> bool:
    def goes_on(step: AnyStep) -> bool:
        return not stops(step) and (not isinstance(step, SubFlow) or step.flow in passable)

    steps = (flow.steps[name] for name in _reached(flow, [flow.first], goes_on))
    return any(isinstance(step, End) or (isinstance(step, Jump) and step.flow in passable) for step in steps)


def _check_calls(flows: Mapping[str, Flow], facts: Mapping[str, Facts]) -> None:
    """A flow that calls another waits for it; a flow that jumps is gone, but its caller still waits."""
    calls = {
        name: [step for step in flow.steps.values() if isinstance(step, SubFlow | Jump) and step.flow in flows]
        for name, flow in flows.items()
    }
    ways = {name: [step.flow for step in steps] for name, steps in calls.items()}
    endless: set[str] = set()
    for circle in circles(ways):
        deeper = [
            (name, step)
            for name in sorted(circle)
            for step in calls[name]
            if isinstance(step, SubFlow) and step.flow in circle
        ]
        if deeper:
            endless |= circle
            name, step = deeper[0]
            sentence = (
                f"The flow “{step.flow}” calls itself again by this step, deeper and deeper; jump instead of calling."
            )
            facts[name].findings.add("deep-recursion", facts[name].steps[step.id], sentence)
    _check_depth({name: steps for name, steps in calls.items() if name not in endless}, facts)


def _check_depth(calls: Mapping[str, list[SubFlow | Jump]], facts: Mapping[str, Facts]) -> None:
    """No circle is deeper any more, so that after as many rounds as flows may be open nothing changes."""
    depths = dict.fromkeys(calls, 1)
    for _ in range(len(calls)):
        before = dict(depths)
        for name, steps in calls.items():
            below = (depths.get(step.flow, 0) + isinstance(step, SubFlow) for step in steps)
            depths[name] = min(max(below, default=1) or 1, CALLS_MAX + 2)
        if depths == before:
            break
    for name, steps in calls.items():
        for step in steps:
            if isinstance(step, SubFlow) and depths[name] == CALLS_MAX + 1 == depths.get(step.flow, 0) + 1:
                sentence = (
                    f"From here flows are called more than {CALLS_MAX} deep; call fewer of them inside one another."
                )
                facts[name].findings.add("deep-recursion", facts[name].steps[step.id], sentence)
