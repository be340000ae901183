from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantize.calibrate import balanced_sample, with_strange_parts
from quantize.run import FileLabel


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 40), min_size=1),
    st.integers(1, 90),
    st.integers(0, 99),
)
def test_classes_are_as_even_as_they_can_be(counts: dict[str, int], wanted: int, seed: int) -> None:
    files = [
        FileLabel(file=f"{label}/{n}", label=label) for label, count in counts.items() for n in range(count)
    ]
    chosen = balanced_sample(files, count=wanted, seed=seed)
    assert len(chosen) == len({item.file for item in chosen}) == min(wanted, len(files))
    taken = Counter(item.label for item in chosen)
    fullest = max(taken.values())
    assert all(taken[label] >= min(counts[label], fullest - 1) for label in counts)
    assert chosen == balanced_sample(files, count=wanted, seed=seed)


def test_ok_parts_get_strange_pieces_so_that_the_range_has_room() -> None:
    pixels = np.full((40, 48, 64, 1), 120, np.uint8)
    pixels[20:] = 200
    changed = with_strange_parts(pixels, seed=1)
    differs = (changed != pixels).any(axis=(1, 2, 3))
    assert not differs[::2].any()
    assert differs[3::8].all()
    assert differs[5::8].all()
    assert differs[7::8].all()
    assert np.array_equal(changed, with_strange_parts(pixels, seed=1))
    assert (pixels[:20] == 120).all()
