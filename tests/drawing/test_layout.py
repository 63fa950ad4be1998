"""Whatever leads where: nothing lies on anything else, and every arrow goes from its box to the other."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings, strategies as st

from frontdesk.drawing.layout import Layout, Size, lay_out
from frontdesk.drawing.ranks import ranked

NAMES = [f"b{number}" for number in range(9)]
ARROWS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from([4, 60, 140])), max_size=24)


def drawn(arrows: list[tuple[str, str, int]]) -> tuple[dict[str, Size], list[tuple[str, str, Size]], Layout]:
    sizes = {name: Size(90.0 + 30 * number % 70, 32.0 + 16 * (number % 3)) for number, name in enumerate(NAMES)}
    labelled = [(begin, end, Size(float(width), 18.0 if width > 4 else 0.0)) for begin, end, width in arrows]
    return sizes, labelled, lay_out(sizes, labelled)


@settings(max_examples=150, deadline=None)
@given(ARROWS)
def test_boxes_and_labels_never_touch(arrows: list[tuple[str, str, int]]) -> None:
    sizes, labelled, layout = drawn(arrows)
    things = [(layout.boxes[name], size) for name, size in sizes.items()]
    things += [(route.label, size) for route, (_, _, size) in zip(layout.routes, labelled, strict=True) if size.height]
    for (one, own), (other, its) in combinations(things, 2):
        is_beside = abs(one.x - other.x) >= (own.width + its.width) / 2 - 0.01
        is_below = abs(one.y - other.y) >= (own.height + its.height) / 2 - 0.01
        assert is_beside or is_below


@settings(max_examples=150, deadline=None)
@given(ARROWS)
def test_arrows_leave_below_one_box_and_enter_the_other_from_above_inside_of_the_picture(
    arrows: list[tuple[str, str, int]],
) -> None:
    sizes, labelled, layout = drawn(arrows)
    for (begin, end, _), route in zip(labelled, layout.routes, strict=True):
        (x, y), (to_x, to_y) = route.points[0], route.points[-1]
        assert abs(y - layout.boxes[begin].y - sizes[begin].height / 2) < 0.01
        assert abs(to_y - layout.boxes[end].y + sizes[end].height / 2) < 0.01
        assert abs(x - layout.boxes[begin].x) <= sizes[begin].width / 2
        assert abs(to_x - layout.boxes[end].x) <= sizes[end].width / 2
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in route.points)


def test_only_what_leads_in_a_circle_leads_back() -> None:
    found = ranked(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("d", "d")])
    assert [link.leads_back for link in found.links] == [False, False, True, False, True]
    rows = [[one for one in row if "@" not in one] for row in found.rows]
    assert rows[0] == ["a", "d"]
    assert rows[2] == ["b"]
    assert rows[4] == ["c"]


def test_arrows_that_need_not_cross_do_not() -> None:
    found = ranked(["a", "b", "c", "x", "y", "z"], [("a", "z"), ("b", "y"), ("c", "x")])
    assert [one for one in found.rows[0] if "@" not in one][::-1] == ["c", "b", "a"]
    assert list(found.rows[2]) == ["z", "y", "x"]


def test_a_long_flow_needs_no_recursion_and_little_time() -> None:
    names = [f"s{number}" for number in range(300)]
    sizes = {name: Size(90.0, 32.0) for name in names}
    chain = [(begin, end, Size(4.0, 0.0)) for begin, end in pairwise(names)]
    layout = lay_out(sizes, chain)
    assert len(layout.boxes) == 300
