"""Which of several candidates is taken: the strongest, unless held-out parts speak for another."""

import numpy as np
from numpy.typing import NDArray

from trainer.methods.frozen.prefer import Comparison, Preferred, prefer
from trainer.methods.frozen.truth import Truth


def preferred(
    *quality: float, milliseconds: tuple[float, ...], parts: int = 400, noise: tuple[int, ...] = (1, 1, 1)
) -> Preferred:
    """Choose among candidates of the strongest backbone; ``noise``: seeds of the chance in their scores."""
    labels = np.arange(parts) % 2

    def said(by: float, seed: int) -> NDArray[np.float64]:
        chance = np.random.default_rng(seed).normal(size=parts)
        scores = 1 / (1 + np.exp(-(by * labels + chance)))
        return np.stack([1 - scores, scores], axis=1)

    return prefer(
        Comparison(
            said=[said(by, seed) for by, seed in zip(quality, noise, strict=False)],
            truth=Truth("binary", labels, np.arange(parts), 1, 0),
            milliseconds=milliseconds,
            is_strongest=[True] * len(quality),
        )
    )


def test_the_best_is_taken_where_it_is_clearly_better() -> None:
    taken = preferred(0.5, 2.0, 0.5, milliseconds=(1, 5, 9))
    assert taken == Preferred(1, "the best on held-out parts, beyond chance")


def test_the_cheapest_is_taken_where_parts_show_that_it_is_as_good() -> None:
    taken = preferred(2.0, 2.0, 2.0001, milliseconds=(3, 1, 9))
    assert taken.number == 1
    assert "the cheapest" in taken.why


def test_the_cheapest_is_not_taken_where_a_small_error_would_double() -> None:
    assert preferred(4.0, 6.0, milliseconds=(1, 9), parts=4000, noise=(1, 2, 3)).number == 1


def test_of_sizes_that_parts_do_not_tell_apart_the_largest_is_taken() -> None:
    taken = preferred(1.0, 1.7, 1.6, milliseconds=(1, 3, 9), parts=60, noise=(2, 1, 3))
    assert taken == Preferred(2, "the strongest and largest; on held-out parts none is better beyond chance")


def test_fewer_than_twenty_parts_of_a_class_do_not_choose() -> None:
    taken = preferred(6.0, 0.1, milliseconds=(1, 9), parts=38)
    assert taken == Preferred(1, "the strongest and largest; 19 parts of a class are too few to choose by")
