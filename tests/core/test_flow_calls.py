"""The step that asks a host."""

from __future__ import annotations

from core.flow_talk import one
from frontdesk.core.conversation import Handler
from frontdesk.core.effect import CallHttp
from frontdesk.core.event import CallReturned

CALL = """
  a:
    call:
      host: shop
      path: "/orders/{{ message.text }}/{{ flow.number }}"
      query: {q: "{{ contact.name }} & co", n: "= 1 + 1"}
      timeout: 5 seconds
    save: {flow.status: status}
    if_failed: sorry
  b: {say: "it is {{ flow.status }}", next: z}
  sorry: {say: "{{ flow.failure }}"}
  z: {end: true}
"""
CALL_VARIABLES = 'variables: {flow.status: text, flow.number: {type: text, default: "../x?y"}}'


def test_call_asks_a_host_and_goes_on_with_what_it_said() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    call: CallHttp = talk.only(CallHttp)
    assert (call.host, call.method, call.body) == ("shop", "GET", "")
    assert call.path == "/orders/go/..%2Fx%3Fy?q=Mira%20%26%20co&n=2"
    assert (call.wants, call.timeout_seconds, call.is_repeatable) == ((("flow.status", "status"),), 5.0, True)
    talk.returned(values={"flow.status": "packed"})
    assert talk.said == ["it is packed"]


def test_a_value_of_dots_cannot_climb_in_a_path() -> None:
    talk = one(CALL, CALL_VARIABLES.replace("../x?y", ".."))
    talk.wrote("go")
    assert talk.only(CallHttp).path.startswith("/orders/go/__?")


def test_a_value_is_encoded_after_its_filters() -> None:
    talk = one(
        """
  a: {ask: Which?, save: flow.number}
  b: {call: {host: shop, path: "/{{ flow.number | first(4) | upper }}/{{ flow.none | default('a/b') }}"}, if_failed: z}
  z: {end: true}
""",
        "variables: {flow.number: text, flow.none: text}",
    )
    talk.wrote("go")
    talk.wrote("äé/nमस्ते")
    assert talk.only(CallHttp).path == "/%C3%84%C3%89%2FN/a%2Fb"


def test_a_call_that_fails_takes_its_branch() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    talk.returned("the shop answered 500", values={})
    assert talk.said == ["the shop answered 500"]


def test_a_call_that_fails_without_a_branch_asks_for_people() -> None:
    talk = one(
        CALL.replace("    if_failed: sorry\n", "").replace('  sorry: {say: "{{ flow.failure }}"}\n', ""), CALL_VARIABLES
    )
    talk.wrote("go")
    talk.returned("the shop answered 500", values={})
    assert talk.state.handler is Handler.QUEUE
    assert "the shop answered 500" in talk.notified[0]


def test_a_body_is_json_of_calculated_values() -> None:
    talk = one(
        """
  a:
    call: {host: shop, method: POST, path: /bookings, body: {n: "= 1 + 1", who: "{{ contact.name }}"}}
    if_failed: z
  z: {end: true}
"""
    )
    talk.wrote("go")
    call: CallHttp = talk.only(CallHttp)
    assert (call.body, call.is_repeatable) == ('{"n":2,"who":"Mira"}', False)


def test_what_the_contact_writes_during_a_call_changes_nothing() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    call: CallHttp = talk.only(CallHttp)
    talk.wrote("hello?")
    assert talk.decision.effects == ()
    talk.happens(CallReturned, effect_id=call.id, status=200, values={"flow.status": "packed"})
    assert talk.said == ["it is packed"]


def test_only_the_call_that_the_flow_waits_for_counts() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    talk.happens(CallReturned, effect_id="another.0", status=200, values={"flow.status": "lost"})
    assert talk.decision.effects == ()
    assert talk.at == "shop/a"
