"""No bundle is written without a word that decides otherwise than the model that was evaluated."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.decision import Thresholds
from edge.core.metrics import compute_metrics
from quantize.acceptance import Allowed, refuse
from quantize.compare import Comparison, Strange
from quantize.decisions import Flip

NOTHING = compute_metrics([], task="binary", classes=["ok", "defect"], ok_class="ok")


def comparison(*flips: Flip) -> Comparison:
    return Comparison(
        float32=NOTHING,
        int8=NOTHING,
        flips=list(flips),
        largest_shift=0.1,
        mean_shift=0.01,
        raw=np.zeros((1, 1), np.int8),
        scores=np.zeros(1),
        thresholds=Thresholds(ok_below=0.5, defect_from=0.5),
    )


def flip(before: str, after: str, *, is_escape: bool = False) -> Flip:
    return Flip("part.png", "defect" if is_escape else "ok", before, after, 0.6, 0.4, is_escape)


OVERKILL, ESCAPE = flip("ok", "defect"), flip("defect", "ok", is_escape=True)


def test_the_same_decisions_pass() -> None:
    assert refuse(comparison(), Allowed()) is None


@pytest.mark.parametrize(("before", "after"), [("unsure", "defect"), ("ok", "unsure"), ("unsure", "ok")])
def test_at_the_edge_of_the_band_a_person_looks_anyway(before: str, after: str) -> None:
    assert refuse(comparison(flip(before, after)), Allowed()) is None


def test_one_flip_is_refused_and_what_would_accept_it_is_said() -> None:
    said = refuse(comparison(OVERKILL), Allowed())
    assert said is not None
    assert "--allow-flips 1" in said
    assert "escapes" not in said


def test_a_new_escape_is_refused_even_from_unsure() -> None:
    said = refuse(comparison(flip("unsure", "ok", is_escape=True)), Allowed(flips=9))
    assert said is not None
    assert "--allow-escapes 1" in said


def test_a_model_of_ok_parts_that_passes_what_is_strange_is_refused() -> None:
    said = refuse(replace(comparison(), strange=Strange(rejected=50, passed=50)), Allowed())
    assert said is not None
    assert "passes 50 of 50 strange pictures" in said
    assert refuse(replace(comparison(), strange=Strange(rejected=50, passed=50)), Allowed(escapes=50)) is None
    assert refuse(replace(comparison(), strange=Strange(rejected=50, passed=5)), Allowed()) is None


@given(st.lists(st.sampled_from([OVERKILL, ESCAPE]), max_size=6))
def test_what_it_says_would_accept_it_does(flips: list[Flip]) -> None:
    outside, escapes = len(flips), flips.count(ESCAPE)
    found = comparison(*flips)
    assert refuse(found, Allowed(outside, escapes)) is None
    assert (refuse(found, Allowed(max(outside - 1, 0), escapes)) is None) == (outside == 0)
    assert (refuse(found, Allowed(outside, max(escapes - 1, 0))) is None) == (escapes == 0)
