"""What is added to a model's answer before it becomes an event: what it cites of what it was given."""

from __future__ import annotations

from frontdesk.core.prompt import Passage
from frontdesk.engine.drafting import with_sources
from frontdesk.ports import Completion

PASSAGES = (
    Passage(id="returns.md#0", title="Returns", text="See https://shop.example/returns."),
    Passage(id="other.md#0", title="Other", text="See other.example."),
)


def test_sources_are_of_the_passages_that_it_was_given_and_links_stand_in_these() -> None:
    claimed = Completion(text="x", sources=("made up", "returns.md#0", "returns.md#0"), links=("evil.example",))
    completion = with_sources(claimed, PASSAGES)
    assert (completion.sources, completion.links) == (("returns.md#0",), ("shop.example/returns",))


def test_what_cites_nothing_brings_no_links() -> None:
    completion = with_sources(Completion(text="x", links=("evil.example",)), PASSAGES)
    assert (completion.sources, completion.links) == ((), ())
