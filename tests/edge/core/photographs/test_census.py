"""Counts of files seen, used and left out."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core.photographs.census import Census
from edge.core.photographs.listing import HEATMAPS, MASKS, LeftOut

LEFT_OUT = st.lists(st.builds(LeftOut, st.text(), st.sampled_from("abcdefghi"), st.integers(1, 5)))


@given(st.integers(0, 9), LEFT_OUT, LEFT_OUT)
def test_what_was_seen_was_used_or_left_out_for_a_reason(
    used: int, here: list[LeftOut], there: list[LeftOut]
) -> None:
    both = Census.of(used, here) + Census.of(used, there)
    assert both.seen == both.used + both.left_out == 2 * used + sum(both.reasons.values())
    assert both.reasons == Census.of(2 * used, here + there).reasons


def test_people_read_the_most_frequent_reasons_first() -> None:
    census = Census.of(12, [LeftOut("a", "x"), LeftOut("b.tif", "further pages", 3)], without_truth=4)
    assert str(census) == (
        "16 files seen, 12 used (4 of them without a known truth), 4 left out: further pages (3); x (1)"
    )
    assert str(Census.of(1, [])) == "1 file seen, 1 used, 0 left out"


def test_masks_are_no_loss() -> None:
    assert not Census.of(1, [LeftOut("a", MASKS), LeftOut("h", HEATMAPS)]).is_short_of_pictures
    assert Census.of(1, [LeftOut("a", MASKS), LeftOut("b", "x")]).is_short_of_pictures
