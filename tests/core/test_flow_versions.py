"""Flows change while conversations stand in them."""

from __future__ import annotations

import msgspec
import pytest

from core.flow_talk import FlowTalk, book
from core.talk import QUIET
from frontdesk.core.conversation import Conversation
from frontdesk.core.flow import UnknownBook

OLD = "title: Shop\nstarts_on: {keywords: [go]}\nsteps:\n  a: {ask: Old?}\n  b: {say: Old way.}\n  z: {end: true}"
NEW = OLD.replace("Old?", "New?").replace("Old way", "New way")


def test_a_conversation_stays_on_the_version_it_began_on_until_the_flow_ends() -> None:
    talk = FlowTalk(shop=OLD)
    talk.wrote("go")
    began_on = talk.version
    talk.change(shop=NEW)
    assert talk.version != began_on
    talk.wrote("answer")
    assert talk.said == ["Old way."]
    talk.wrote("go")
    assert talk.said == ["New?"]
    assert talk.run.book == talk.version


def test_a_migration_moves_it_at_its_next_event() -> None:
    talk = FlowTalk(shop=OLD)
    talk.wrote("go")
    talk.change(shop=NEW + '\nmigration: {from: ["*"]}')
    talk.wrote("answer")
    assert talk.said == ["New way."]


def test_a_migration_may_rename_steps_and_name_versions() -> None:
    talk = FlowTalk(shop=OLD)
    talk.wrote("go")
    renamed = NEW.replace("  a: {", "  asking: {")
    talk.change(shop=f'{renamed}\nmigration: {{from: ["{talk.run.book}"], steps: {{a: asking}}}}')
    talk.wrote("answer")
    assert talk.said == ["New way."]


@pytest.mark.parametrize(
    "new",
    [
        NEW + '\nmigration: {from: ["0123456789abcdef"]}',  # another version's
        NEW.replace("  a: {", "  asking: {") + '\nmigration: {from: ["*"]}',  # the step is gone
        NEW.replace("a: {ask: New?}", "a: {say: New!}") + '\nmigration: {from: ["*"]}',  # it asks no more
    ],
)
def test_who_cannot_be_moved_stays(new: str) -> None:
    talk = FlowTalk(shop=OLD)
    talk.wrote("go")
    began_on = talk.version
    talk.change(shop=new)
    talk.wrote("answer")
    assert talk.said == ["Old way."]
    assert began_on in talk.shelf.books


def test_buttons_that_are_on_the_screen_answer_a_step_that_was_renamed() -> None:
    head = "title: Shop\nstarts_on: {keywords: [go]}\nsteps:\n"
    end = "  said: {say: Done.}\n  z: {end: true}"
    rules = "silence: [{after: 10 minutes, say: There?}, {after: 1 hour, close: true}]"
    old = head + '  a: {choose: Sure?, options: {sure: "Yes", not: "No"}}\n' + end
    talk = FlowTalk(QUIET, rules=rules, shop=old)
    talk.wrote("go")
    button = talk.choice("Yes")
    talk.change(rules=rules, shop=old.replace("  a: {", "  b: {") + '\nmigration: {from: ["*"], steps: {a: b}}')
    talk.wait(600).later()
    assert talk.said == ["There?"]
    talk.wrote(button)
    assert talk.said == ["Done."]


def test_flows_that_are_taken_away_are_finished() -> None:
    talk = FlowTalk(shop=OLD)
    talk.wrote("go")
    talk.version = ""
    talk.wrote("answer")
    assert talk.said == ["Old way."]
    talk.wrote("go")
    assert talk.state.run is None


def test_a_version_that_is_not_loaded_is_asked_for() -> None:
    talk = FlowTalk(shop=OLD)
    talk.wrote("go")
    began_on = talk.version
    del talk.shelf.books[began_on]
    with pytest.raises(UnknownBook, match=began_on):
        talk.wrote("answer")


def test_the_version_is_the_content() -> None:
    assert book(shop=OLD).version == book(shop=OLD).version
    assert book(shop=OLD).version != book(shop=NEW).version


def test_a_conversation_in_a_flow_survives_the_store() -> None:
    talk = FlowTalk(
        shop="""
            title: S
            starts_on: {keywords: [go]}
            variables: {flow.x: list, contact.y: number}
            steps:
              a: {set: {flow.x: "= [1, true]", contact.y: "= 1.5"}}
              b: {choose: A?, options: {one: One, two: Two}}
              z: {end: true}
            """
    )
    talk.wrote("go")
    read = msgspec.json.decode(msgspec.json.encode(talk.state), type=Conversation)
    assert read == talk.state
    talk.state = read
    talk.wrote("Two")
    assert talk.state.run is None
