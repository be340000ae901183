import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.head import HeldOutHeads, balanced_weights, fit_temperature, hold_out, learn_head
from trainer.split import folds_by_group

CHANCE = np.random.default_rng(4)


def parts(count: int, *, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features whose first columns tell the class, four photographs a part."""
    labels = np.repeat(np.arange(count) % classes, 4)
    features = CHANCE.normal(size=(len(labels), 20)).astype(np.float32)
    features[np.arange(len(labels)), labels] += 4
    return features, labels, np.repeat(np.arange(count), 4)


def test_two_classes_have_one_logit_and_several_have_one_each() -> None:
    for classes, task, outputs in ((2, "binary", 1), (2, "classes", 2), (3, "classes", 3)):
        features, labels, groups = parts(60, classes=classes)
        logits = learn_head(features, labels, groups, task=task, strength=0.3).logits(features)  # type: ignore[arg-type]
        assert logits.shape == (240, outputs)
        predicted = (logits[:, 0] > 0).astype(int) if outputs == 1 else logits.argmax(axis=1)
        assert (predicted == labels).mean() > 0.95


def test_the_same_photographs_give_the_same_head() -> None:
    features, labels, groups = parts(40, classes=2)
    first, again = (learn_head(features, labels, groups, task="binary", strength=0.3) for _ in range(2))
    assert np.array_equal(first.kernel, again.kernel)


def held_out_by(features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> HeldOutHeads:
    fold_of = folds_by_group(labels, groups, folds=5, seed=1)
    (heads,) = hold_out(features, labels, groups, fold_of, task="binary", strengths=[0.3], threads=2)
    return heads


def test_hold_out_know_nothing_of_their_own_part() -> None:
    """With labels by chance a part's copies give it away, unless they are held out with it."""
    parts_of = np.repeat(np.arange(40), 5)
    labels = CHANCE.integers(0, 2, 40)[parts_of]
    features = (CHANCE.normal(size=(40, 60))[parts_of] + CHANCE.normal(size=(200, 60)) * 0.01).astype(
        np.float32
    )
    honest = held_out_by(features, labels, parts_of)
    leaking = held_out_by(features, labels, np.arange(200))
    assert ((leaking.logits[:, 0] > 0) == labels).mean() > 0.95
    assert abs(((honest.logits[:, 0] > 0) == labels).mean() - 0.5) < 0.25


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=3, max_size=60))
def test_classes_weigh_the_same_and_so_do_groups_in_a_class(pairs: list[tuple[int, int]]) -> None:
    labels, groups = (np.array(column) for column in zip(*pairs, strict=True))
    groups = groups + 10 * labels
    weights = balanced_weights(labels, groups)
    by_class = [weights[labels == label].sum() for label in np.unique(labels)]
    assert np.allclose(by_class, by_class[0])
    for label in np.unique(labels):
        mine = [weights[groups == group].sum() for group in np.unique(groups[labels == label])]
        assert np.allclose(mine, mine[0])


def test_one_copy_with_a_wrong_label_weighs_no_more_than_any_other_copy() -> None:
    labels = np.array([0] * 9 + [1] + [1] * 10)
    groups = np.array([0] * 10 + [1] * 10)
    weights = balanced_weights(labels, groups)
    assert weights[9] == pytest.approx(weights[10])
    assert weights[:9].sum() == pytest.approx(weights[9:].sum())


def test_logits_that_are_never_wrong_are_not_made_more_certain() -> None:
    labels = np.arange(100) % 2
    logits = np.where(labels == 1, 2.0, -2.0).astype(np.float32)[:, None]
    assert fit_temperature(logits, labels, np.arange(100), task="binary")[0] < 1.01


def test_overconfident_logits_are_cooled_until_they_are_honest() -> None:
    truth = CHANCE.normal(size=4000)
    labels = (CHANCE.random(4000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    logits = (5 * truth[:, None]).astype(np.float32)
    assert abs(fit_temperature(logits, labels, np.arange(4000), task="binary")[0] - 5) < 1
