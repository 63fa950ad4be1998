"""What things cost, to the billionth, and whether there is money for more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis.strategies import decimals, integers

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import (
    DraftFailed,
    MessageReceived,
    ModelCall,
    Pricing,
    ReplyDrafted,
    StatusChanged,
    TimerFired,
    Usage,
)
from frontdesk.core.message import MessageStatus
from frontdesk.core.money import (
    MOST_NANO,
    Caps,
    Hold,
    Most,
    Refusal,
    Scope,
    Total,
    begun_at,
    charges,
    hold_of,
    judge,
    movements,
    nano_usd,
    scopes,
    usd,
    with_price,
)
from frontdesk.core.position import AnswerAwaited, DraftAwaited, Frame, Position, Run
from frontdesk.core.usage import added_up, sum_up
from frontdesk.testing.examples import told, wrote

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
CONVERSATION = Conversation(id="c1", channel="main")


def drafted(*calls: ModelCall, effect_id: str = "e1") -> ReplyDrafted:
    return ReplyDrafted(
        id=f"{effect_id}/1",
        at=AT,
        channel="main",
        conversation_id="c1",
        effect_id=effect_id,
        attempt=1,
        text="At nine.",
        calls=calls,
    )


def standing(waits: Position) -> Conversation:
    frames = (Frame(flow="menu", step="order"), Frame(flow="order", step="reply"))
    return msgspec.structs.replace(CONVERSATION, run=Run(id="r", book="v1", frames=frames, waits=waits))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1", 10**9),
        ("0.000000001", 1),
        ("0.0000000001", 1),
        ("1e-12", 1),
        ("0.1", 100_000_000),
        ("-1", None),
        ("", None),
        ("NaN", None),
        ("Infinity", None),
        ("free", None),
        ("1e400", MOST_NANO),
    ],
)
def test_an_amount_is_whole_billionths_rounded_up(text: str, amount: int | None) -> None:
    assert nano_usd(text) == amount


@given(integers(min_value=0, max_value=MOST_NANO))
def test_billionths_as_text_are_the_same_billionths(amount: int) -> None:
    assert nano_usd(usd(amount)) == amount
    assert "E" not in usd(amount).upper()


@given(decimals(min_value=0, max_value=1_000, places=12))
def test_no_amount_is_ever_less_than_was_told(amount: Decimal) -> None:
    counted = nano_usd(f"{amount:f}")
    assert counted is not None
    assert 0 <= Decimal(counted) / 10**9 - amount < Decimal("0.000000001")


def test_every_call_is_charged_whatever_became_of_it() -> None:
    usage = Usage(tokens_in=9, tokens_out=2, tokens_cached=4, cost_usd="0.002")
    calls = (
        ModelCall(backend="a", model="m", code="429", reason="busy", seconds=0.25),
        ModelCall(backend="a", model="n", code="timeout", may_be_billed=True, cost_usd="0.5", is_estimated=True),
        ModelCall(backend="b", model="o", seconds=1.5, usage=usage, task="choose"),
    )
    found = charges(drafted(*calls), CONVERSATION)
    assert [one.id for one in found] == ["e1/1/0", "e1/1/1", "e1/1/2"]
    assert [(one.nano_usd, one.is_estimated, one.is_unanswered) for one in found] == [
        (0, False, False),
        (500_000_000, True, True),
        (2_000_000, False, False),
    ]
    assert (found[2].tokens_in, found[2].tokens_out, found[2].tokens_cached, found[2].seconds) == (9, 2, 4, 1.5)
    assert [(one.outcome, one.task) for one in found] == [("429", "answer"), ("timeout", "answer"), ("", "choose")]


@pytest.mark.parametrize("cost", ["", "-1", "much"])
def test_a_price_that_nobody_knows_is_marked(cost: str) -> None:
    (charge,) = charges(drafted(ModelCall(backend="a", usage=Usage(tokens_in=1, cost_usd=cost))), CONVERSATION)
    assert (charge.nano_usd, charge.is_estimated) == (0, True)


def test_the_step_that_asked_is_written_and_no_other() -> None:
    call = ModelCall(backend="a", usage=Usage())
    asking = standing(DraftAwaited(effect_id="e1"))
    assert [(one.flow, one.step) for one in charges(drafted(call), asking)] == [("order", "reply")]
    for state in (CONVERSATION, standing(AnswerAwaited()), standing(DraftAwaited(effect_id="e2"))):
        assert [(one.flow, one.step) for one in charges(drafted(call), state)] == [("", "")]


def test_words_of_vendors_are_such_as_every_store_can_hold() -> None:
    (charge,) = charges(drafted(ModelCall(backend="a", model="m\0", code="\0", usage=Usage())), CONVERSATION)
    assert (charge.model, charge.outcome) == ("m�", "�")


def test_only_outcomes_of_drafts_end_a_hold() -> None:
    failed = DraftFailed(id="x", at=AT, channel="main", conversation_id="c1", effect_id="e", attempt=7, reason="no")
    fired = TimerFired(id="x", at=AT, channel="main", conversation_id="c1", effect_id="e", attempt=1, purpose="burst")
    assert [hold_of(one) for one in (failed, drafted(), fired, wrote("hi", AT))] == ["e/7", "e1/1", "", ""]
    assert charges(wrote("hi", AT), CONVERSATION) == charges(fired, CONVERSATION) == ()
    assert isinstance(wrote("hi", AT), MessageReceived)


def status(kind: MessageStatus = MessageStatus.DELIVERED, **pricing: Any) -> StatusChanged:
    event = told(kind, AT, "wamid.1")
    return msgspec.structs.replace(event, pricing=Pricing(**pricing)) if pricing else event


@pytest.mark.parametrize(
    ("pricing", "cost"),
    [
        ({"category": "service", "type": "regular"}, "0.002"),
        ({"category": "service", "type": ""}, "0.002"),
        ({"category": "service", "type": "free_customer_service"}, "0"),
        ({"category": "utility", "type": "free_customer_service"}, "0.001"),
        ({"category": "marketing", "type": "regular"}, ""),
        ({"category": "service", "type": "regular", "cost_usd": "9"}, "9"),
    ],
)
def test_a_message_has_the_price_of_the_businesss_list(pricing: dict[str, Any], cost: str) -> None:
    prices = {"service": "0.002", "utility/free_customer_service": "0.001"}
    found = with_price(status(**pricing), prices).pricing
    assert found is not None
    assert found.cost_usd == cost


def test_a_message_is_charged_when_it_is_there_and_is_the_same_charge_each_time() -> None:
    priced: Any = {"category": "service", "type": "regular", "cost_usd": "0.002"}
    assert charges(status(MessageStatus.SENT, **priced), CONVERSATION) == ()
    assert charges(status(MessageStatus.FAILED, **priced), CONVERSATION) == ()
    assert charges(status(), CONVERSATION) == ()
    (one,) = charges(status(MessageStatus.DELIVERED, **priced), CONVERSATION)
    (same,) = charges(status(MessageStatus.READ, **priced), CONVERSATION)
    assert one == same
    assert (one.task, one.model, one.nano_usd, one.is_estimated) == ("message", "service/regular", 2_000_000, False)
    (free,) = charges(status(category="service", type="regular"), CONVERSATION)
    assert (free.nano_usd, free.is_estimated) == (0, True)
    assert movements([one], None) == ()


def test_a_charge_is_of_the_day_on_which_its_hold_was_taken() -> None:
    night = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
    hold = Hold(effect_id="e1", attempt=1, conversation_id="c1", channel="main", at=night, nano_usd=50)
    found = begun_at(charges(drafted(ModelCall(backend="a", cost_usd="0.00000003")), CONVERSATION), hold)
    assert [one.at for one in found] == [night]
    assert [(one.scope.key, one.spent, one.held) for one in movements(found, hold)] == [
        ("contact/c1/2026-10-31", 30, -50),
        ("conversation/c1", 30, -50),
        ("day/2026-10-31", 30, -50),
        ("month/2026-10", 30, -50),
    ]
    assert movements((), None) == ()
    assert [one.held for one in movements((), hold)] == [-50] * 4


def test_a_month_counts_until_its_last_day_and_a_conversation_for_ever() -> None:
    assert [one.until for one in scopes("c1", AT)] == ["2026-11-01", "", "2026-11-01", "2026-11-31"]
    assert [one.key for one in scopes("c1", AT)] == sorted(one.key for one in scopes("c1", AT))


def test_the_first_cap_in_the_way_is_named_with_what_is_left() -> None:
    where = (Scope("a", "per_day"), Scope("b", "per_month"))
    totals = {"a": Total(50, 30), "b": Total(0, 0)}
    assert judge(totals, where, Caps(per_day=100, per_month=10), 20) == Refusal("per_month", 10)
    assert judge(totals, where, Caps(per_day=100), 20) is None
    assert judge(totals, where, Caps(per_day=100), 21) == Refusal("per_day", 20)
    assert judge(totals, where, Caps(per_day=10), 1) == Refusal("per_day", 0)
    assert judge(totals, where, Caps(per_day=10), 0) is None
    assert judge(totals, where, Caps(), MOST_NANO) is None
    assert not Caps().are_set
    assert Caps(per_month=1).are_set


@pytest.mark.parametrize(
    ("prices", "price_max", "cost"),
    [(("1", "2"), "", 3_000), (("", ""), "10", 20_000), (("", ""), "", None), (("0", "0"), "10", 0)],
)
def test_tokens_cost_what_a_million_of_them_costs(prices: tuple[str, str], price_max: str, cost: int | None) -> None:
    most = Most(tokens_in=1, tokens_out=1, price_in=prices[0], price_out=prices[1])
    assert most.worst(price_max) == cost


def test_the_ledger_is_added_up_by_day_model_flow_and_channel() -> None:
    usage = Usage(tokens_in=10, tokens_out=5, cost_usd="0.25")
    calls = (ModelCall(backend="a", model="m", usage=usage), ModelCall(backend="b", code="x", cost_usd="1"))
    found = [
        *charges(drafted(*calls), standing(DraftAwaited(effect_id="e1"))),
        *charges(drafted(calls[0], effect_id="e2"), CONVERSATION),
        *charges(status(category="service", type="regular", cost_usd="0.002"), CONVERSATION),
    ]
    later = [msgspec.structs.replace(one, at=AT + timedelta(days=1), channel="other") for one in found[:1]]
    spent = added_up([*found, *later])
    assert {line.name: line.usd for line in sum_up(spent, "day")} == {"2026-11-01": "1.502", "2026-11-02": "0.25"}
    assert {line.name: (line.calls, line.messages) for line in sum_up(spent, "model")} == {
        "a m": (3, 0),
        "b": (1, 0),
        "message service/regular": (0, 1),
    }
    assert {line.name: line.usd for line in sum_up(spent, "flow")} == {"(no flow)": "0.252", "order": "1.5"}
    assert {line.name: line.tokens_in for line in sum_up(spent, "channel")} == {"main": 20, "other": 10}
    (line,) = sum_up(spent, None)
    assert (line.name, line.calls, line.messages, line.unanswered, line.usd) == ("all", 4, 1, 1, "1.752")
    assert [one.usd for one in sum_up([], None)] == ["0"]
