import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.core.errors import InputError
from trainer.split import folds_by_group, split_by_group, spread_over_groups

Grouped = tuple[NDArray[np.int64], NDArray[np.int64]]


@st.composite
def grouped(draw: st.DrawFn) -> Grouped:
    """Labels and groups: each class has 2 to 12 groups of 1 to 30 images."""
    labels: list[int] = []
    groups: list[int] = []
    for label in range(draw(st.integers(2, 4))):
        for size in draw(st.lists(st.integers(1, 30), min_size=2, max_size=12)):
            labels += [label] * size
            groups += [len(set(groups))] * size
    order = np.array(draw(st.permutations(range(len(labels)))))
    return np.array(labels)[order], np.array(groups)[order]


@given(grouped(), st.integers(0, 2**31 - 1))
def test_a_split_keeps_groups_whole_and_has_each_class_on_both_sides(data: Grouped, seed: int) -> None:
    labels, groups = data
    train, validation = split_by_group(labels, groups, share=0.2, seed=seed)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert not set(groups[train]) & set(groups[validation])
    assert set(labels[train]) == set(labels[validation]) == set(labels)
    again = split_by_group(labels, groups, share=0.2, seed=seed)
    assert np.array_equal(again[0], train)


@given(grouped(), st.integers(2, 5), st.integers(0, 2**31 - 1))
def test_folds_keep_groups_whole_and_have_each_class_in_each_fold(
    data: Grouped, folds: int, seed: int
) -> None:
    labels, groups = data
    fold_of = folds_by_group(labels, groups, folds=folds, seed=seed)
    assert 2 <= fold_of.max() + 1 <= folds
    for fold in range(fold_of.max() + 1):
        assert set(labels[fold_of == fold]) == set(labels)
        assert not set(groups[fold_of == fold]) & set(groups[fold_of != fold])


def test_single_images_are_split_as_asked() -> None:
    labels = np.repeat([0, 1], [100, 40])
    train, validation = split_by_group(labels, np.arange(140), share=0.2, seed=3)
    assert np.bincount(labels[validation]).tolist() == [20, 8]
    assert len(train) == 112


def test_a_class_that_is_one_part_is_refused_by_name() -> None:
    labels, groups = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 2, 2, 2])
    with pytest.raises(InputError, match="class hole: all its images are of one part"):
        split_by_group(labels, groups, share=0.2, seed=1, classes=["ok", "hole"])


@given(grouped(), st.integers(0, 2**31 - 1))
def test_where_one_class_is_learned_from_alone_all_others_validate(data: Grouped, seed: int) -> None:
    labels, groups = data
    train, validation = split_by_group(labels, groups, share=0.2, seed=seed, alone=0)
    assert set(labels[train]) == {0}
    assert 0 in labels[validation]
    assert not set(groups[train]) & set(groups[validation])
    assert set(np.flatnonzero(labels != 0)) <= set(validation)


@given(grouped(), st.integers(2, 5), st.integers(0, 2**31 - 1))
def test_folds_for_one_class_alone_spread_the_others_by_group(data: Grouped, folds: int, seed: int) -> None:
    labels, groups = data
    fold_of = folds_by_group(labels, groups, folds=folds, seed=seed, alone=0)
    assert all(len(set(fold_of[groups == group])) == 1 for group in groups)
    assert set(fold_of[labels == 0]) == set(range(int(fold_of.max()) + 1))


def test_a_sample_holds_photographs_of_all_parts() -> None:
    groups = np.repeat(np.arange(30), np.r_[np.full(29, 20), 3000])
    train = np.flatnonzero(groups != 4)
    sample = spread_over_groups(train, groups, most=1000, seed=1)
    assert len(sample) == 1000
    assert len(np.unique(sample)) == 1000
    counts = np.bincount(groups[sample], minlength=30)
    assert counts[4] == 0
    assert set(counts[:4]) == {20}
