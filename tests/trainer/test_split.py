from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.dataset import Photograph
from trainer.split import random_split


@st.composite
def photographs(draw: st.DrawFn) -> list[Photograph]:
    """Two classes of 5 to 60 images, some of them copies."""
    found = []
    for label in ("ok", "defect"):
        for number in range(draw(st.integers(5, 60))):
            copy_of = draw(st.integers(0, number)) if draw(st.booleans()) else number
            found.append(Photograph(f"{label}/{number}.png", label, f"{label} {copy_of}"))
    return found


@given(photographs(), st.integers(0, 2**31 - 1))
def test_every_image_is_on_one_side_and_copies_are_together(images: list[Photograph], seed: int) -> None:
    train, validation = random_split(images, share=0.2, seed=seed)
    assert sorted([*train, *validation]) == list(range(len(images)))
    assert not {images[p].digest for p in train} & {images[p].digest for p in validation}


@given(photographs(), st.integers(0, 2**31 - 1))
def test_the_same_seed_gives_the_same_split(images: list[Photograph], seed: int) -> None:
    first, again = (random_split(images, share=0.2, seed=seed) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


def test_each_class_gives_its_share() -> None:
    images = [
        Photograph(f"{label}/{number}", label, f"{label}{number}")
        for label, count in (("ok", 100), ("defect", 40))
        for number in range(count)
    ]
    _, validation = random_split(images, share=0.2, seed=3)
    assert Counter(images[position].label for position in validation) == {"ok": 20, "defect": 8}
