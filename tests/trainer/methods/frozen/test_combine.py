"""Weighing kinds of evidence by parts that none of them saw."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.curves import roc
from trainer.methods.frozen.combine import Evidence, combine, combine_unseen


def labelled(count: int, seed: int) -> tuple[NDArray[np.int64], np.random.Generator]:
    return np.arange(count) % 2, np.random.default_rng(seed)


def seen(name: str, labels: NDArray[np.int64], by: float, chance: np.random.Generator) -> Evidence:
    return Evidence(name, (by * labels + chance.normal(size=len(labels))).astype(np.float32)[:, np.newaxis])


def test_evidence_that_says_nothing_loses_its_say_where_many_parts_speak() -> None:
    labels, chance = labelled(2000, 1)
    evidence = [seen("good", labels, 2.0, chance), seen("noise", labels, 0.0, chance)]
    weights = combine(evidence, labels, np.arange(2000), task="binary").weights
    assert weights[1] < 0.1 * weights[0]


def test_kinds_that_say_the_same_are_not_counted_twice() -> None:
    labels, chance = labelled(400, 2)
    one = seen("one", labels, 1.0, chance)
    alone = combine([one], labels, np.arange(400), task="binary").logits([one])
    twice = combine([one, one], labels, np.arange(400), task="binary").logits([one, one])
    np.testing.assert_allclose(twice, alone, atol=0.05)


def test_what_points_the_wrong_way_gets_nothing() -> None:
    labels, chance = labelled(100, 8)
    evidence = [seen("good", labels, 2.0, chance), seen("wrong", labels, -2.0, chance)]
    assert combine(evidence, labels, np.arange(100), task="binary").weights[1] == 0


def test_two_kinds_together_tell_more_than_each_alone() -> None:
    labels, chance = labelled(400, 3)
    evidence = [seen("one", labels, 1.5, chance), seen("other", labels, 1.5, chance)]
    fold_of = np.arange(400) // 2 % 5
    both = combine_unseen(evidence, labels, np.arange(400), fold_of, task="binary")[:, 0]
    alone = [roc(one.said[:, 0].astype(float), labels == 1).area for one in evidence]
    assert roc(both.astype(float), labels == 1).area > max(alone)


def test_copies_of_one_part_prove_no_more_than_one_photograph_of_it() -> None:
    labels, chance = labelled(10, 4)
    evidence = [seen("one", labels, 1.0, chance), seen("other", labels, 0.3, chance)]
    once = combine(evidence, labels, np.arange(10), task="binary")
    copies = [Evidence(one.name, np.repeat(one.said, 50, axis=0)) for one in evidence]
    often = combine(copies, np.repeat(labels, 50), np.repeat(np.arange(10), 50), task="binary")
    np.testing.assert_allclose(often.weights, once.weights, rtol=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_scale_and_the_zero_of_a_kind_do_not_matter(seed: int, scale: float, shift: float) -> None:
    labels, chance = labelled(30, seed)
    one, other = seen("one", labels, 1.0, chance), seen("other", labels, 0.5, chance)
    moved = Evidence("other", (other.said * scale + shift).astype(np.float32))
    groups = np.arange(30)
    plain = combine([one, other], labels, groups, task="binary").logits([one, other])
    after = combine([one, moved], labels, groups, task="binary").logits([one, moved])
    np.testing.assert_allclose(after, plain, atol=0.05)


def test_strangeness_moves_the_logit_of_the_ok_class_among_several() -> None:
    chance = np.random.default_rng(5)
    labels = np.arange(300) % 3
    logits = chance.normal(size=(300, 3)).astype(np.float32)
    strange = (2.0 * (labels > 0) + chance.normal(size=300)).astype(np.float32)[:, np.newaxis]
    evidence = [
        Evidence("head", logits),
        Evidence("places", strange, direction=np.array([-1, 0, 0], np.float32)),
    ]
    found = combine(evidence, labels, np.arange(300), task="classes")
    assert found.weights[1] > found.weights[0]
    assert found.logits(evidence).shape == (300, 3)
