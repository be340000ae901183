"""A new model beside the bundle that it is to replace: by part, refused where more defects may pass."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import Thresholds
from edge.core.errors import InputError
from edge.core.runtime import BundleModel, load_model
from quantize.against import Against, Decider, compare_with
from tests.edge.cli.test_replay_counts import BRIGHT, DARK, draw

NOTHING_PASSES = Thresholds(ok_below=0, defect_from=0, chosen="test")
ALL_PASS = Thresholds(ok_below=1, defect_from=1, chosen="test")


@pytest.fixture
def old(bundle: Path) -> BundleModel:
    return load_model(bundle)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Three good parts, and two defective ones, of which one was photographed twice."""
    folder = tmp_path / "test"
    draw(folder / "ok", BRIGHT, "1.png", "2.png", "3.png")
    draw(folder / "defect", DARK, "4.png", "5.png", "5-again.png")
    (tmp_path / "test.csv").write_text(
        "file,group\ndefect/5.png,five\ndefect/5-again.png,five\ndefect/4.png,four\n"
        "ok/1.png,one\nok/2.png,two\nok/3.png,three\n"
    )
    return folder


def test_the_same_model_decides_nothing_otherwise(old: BundleModel, photographs: Path) -> None:
    found = compare_with(old, Decider(old, old.bundle.manifest.thresholds), photographs)
    assert (found.parts, found.defects, found.old_right, found.new_right) == (5, 2, 5, 5)
    assert (found.differing, found.only_old_right, found.only_new_right, found.p_value) == ([], 0, 0, 1)
    assert found.old_sha256 == old.bundle.sha256


def test_parts_are_counted_and_not_photographs(old: BundleModel, photographs: Path) -> None:
    found = compare_with(old, Decider(old, ALL_PASS), photographs)
    assert (found.parts, found.new_right, found.only_old_right, found.only_new_escapes) == (5, 3, 2, 2)
    assert len(found.differing) == 3, "photographs are listed"
    photographs.with_name("test.csv").unlink()
    alone = compare_with(old, Decider(old, ALL_PASS), photographs)
    assert (alone.parts, alone.only_new_escapes) == (6, 3), "each is a part of its own"


def test_one_that_rejects_more_is_no_danger_and_one_that_passes_more_is_refused(
    old: BundleModel, photographs: Path
) -> None:
    strict = compare_with(old, Decider(old, NOTHING_PASSES), photographs)
    assert (strict.only_new_right, strict.only_old_right, strict.only_new_escapes) == (0, 3, 0)
    lax = compare_with(old, Decider(old, ALL_PASS), photographs)
    said = lax.refusal(0.5)
    assert said is not None
    assert "of 2 defective parts it lets 2 pass that the old bundle rejects, and 0 the other way" in said
    assert "--max-escape-rise 0.5" in said
    assert lax.refusal(1.0) is None


def test_photographs_without_a_truth_are_refused(old: BundleModel, tmp_path: Path) -> None:
    folder = draw(tmp_path / "loose", BRIGHT, "1.png")
    with pytest.raises(InputError, match="tells no truth of any photograph; expected one folder a class"):
        compare_with(old, Decider(old, ALL_PASS), folder)


def counts(defects: int, old: int, new: int) -> Against:
    """So many defective parts; ``old`` and ``new`` escape with one of the two alone."""
    return Against("0" * 64, defects, defects, defects - new, defects - old, new, old, old, new, [])


def test_few_parts_prove_little_and_many_prove_more() -> None:
    assert counts(0, 0, 0).refusal(0.05) is not None, "nothing is known"
    assert counts(10, 0, 0).refusal(0.05) is not None, "none of ten: up to a quarter"
    assert counts(59, 0, 0).refusal(0.05) is None
    assert counts(59, 0, 1).refusal(0.05) is not None
    assert counts(1000, 20, 0).refusal(0.0) is None, "clearly better"
    assert counts(1000, 0, 20).refusal(0.02) is not None


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 200))
def test_the_bound_lies_above_what_was_seen_and_grows_with_what_the_new_one_lets_pass(
    old: int, new: int, more: int
) -> None:
    defects = old + new + more + 1
    rise = counts(defects, old, new).escapes_may_rise
    assert (new - old) / defects <= rise <= 1
    assert counts(defects + 1, old, new + 1).escapes_may_rise >= rise - 0.02
