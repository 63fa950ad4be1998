"""All examples of a folder, played, and what they cover."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from frontdesk.core.flow import Book
from frontdesk.core.policy import Policy
from frontdesk.flow_tests.examples import Example
from frontdesk.flow_tests.playing import Outcome, play
from frontdesk.flow_tests.ways import Covered, Tally, covered, total, watched


class Results(Struct, frozen=True, kw_only=True, eq=False):
    """What came of all examples, and what they cover of each flow."""

    outcomes: tuple[Outcome, ...]
    coverage: tuple[Covered, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that did not go as they should."""
        return tuple(one for one in self.outcomes if one.failure)

    @property
    def covered(self) -> Covered:
        """Of all flows together."""
        return total(self.coverage)

    def lacks(self, least_percent: float) -> bool:
        """Whether too few steps or ways are covered."""
        whole = self.covered
        return min(whole.steps_percent, whole.ways_percent) < least_percent

    def by_file(self) -> Mapping[str, list[Outcome]]:
        """File by file."""
        found: dict[str, list[Outcome]] = {}
        for one in self.outcomes:
            found.setdefault(one.example.file, []).append(one)
        return found


def play_all(book: Book, examples: tuple[Example, ...], policy: Policy) -> Results:
    """Play all examples under the flows; each begins from nothing."""
    marked = watched(book)
    tally = Tally(marked)
    outcomes = tuple(play(example, marked, policy, tally) for example in examples)
    return Results(outcomes=outcomes, coverage=tuple(covered(marked, tally)))
