"""Several rankings into one, by their places only: what full text and vectors call a score cannot be compared.

Reciprocal rank fusion, Cormack, Clarke and Büttcher, SIGIR 2009.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

CALMING = 60
"""How much the first places differ from those below; the value of the paper."""


def fuse(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """Ids with their scores, the best first; a tie goes to whom the first ranking prefers."""
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, one in enumerate(dict.fromkeys(ranking), start=1):
            scores[one] += 1 / (CALMING + place)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))
