"""The thresholds that int8 is to have: those of the run, or what its rule says of the int8 scores."""

import numpy as np
from numpy.typing import NDArray

from edge.core.bundle.bundle import AtThresholds, Rederived
from edge.core.decision import Thresholds
from edge.core.errors import InputError
from edge.core.thresholds import HeldOut
from quantize.decisions import Side, find_flips, metrics_of
from quantize.run import Run


def choose_thresholds(float_side: Side, int8_side: Side, run: Run) -> tuple[Thresholds, Rederived | None]:
    """Those that int8 is to have, and what was to choose from, if the run's rule has something to say.

    It has where those of the run, too, were chosen on validation images. Its own ones are taken if with them
    fewer flips lie outside the unsure band, or fewer defects escape anew, and more of neither, nor of all
    flips: a band that is wide enough would hide any.
    """
    if run.threshold_rule is None or not run.threshold_rule.by_validation:
        return run.thresholds, None
    float_rule, int8_rule = (_rule_says(side.scores, run) for side in (float_side, int8_side))
    if float_rule is None or int8_rule is None:
        return run.thresholds, None
    at_run, at_int8 = (_at(float_side, int8_side, run, cut) for cut in (run.thresholds, int8_rule))
    mine, before = (np.array([at.flips_outside, at.escapes_new]) for at in (at_int8, at_run))
    is_better = bool((mine <= before).all() and (mine < before).any()) and at_int8.flips <= at_run.flips
    rederived = Rederived(
        run=at_run,
        int8=at_int8,
        float32=(float_rule.ok_below, float_rule.defect_from),
        is_taken=is_better,
    )
    return (int8_rule if is_better else run.thresholds), rederived


def _rule_says(scores: NDArray[np.float64], run: Run) -> Thresholds | None:
    """The thresholds by the run's rule for scores (N,) of the validation images; None where it has none."""
    if run.threshold_rule is None:
        return None
    is_defect = np.array([item.label != run.ok_class for item in run.held_out])
    groups = np.array([item.group for item in run.held_out])
    if is_defect.all() or (run.threshold_rule.needs_defects and not is_defect.any()):
        return None
    held_out = "the validation images, as int8 scores them"
    try:
        scores = scores[: len(run.held_out)]  # they come first of all
        return run.threshold_rule.thresholds(HeldOut(scores, is_defect, groups, held_out))
    except InputError:  # too few of them to prove what it wants
        return None


def _at(float_side: Side, int8_side: Side, run: Run, cut: Thresholds) -> AtThresholds:
    flips = find_flips(float_side, int8_side, run, cut)
    metrics = metrics_of(float_side, int8_side, run, cut)
    return AtThresholds(
        ok_below=cut.ok_below,
        defect_from=cut.defect_from,
        flips=len(flips),
        flips_outside=sum(not flip.is_in_band for flip in flips),
        escapes_new=sum(flip.is_escape for flip in flips),
        escapes=metrics.escapes,
        overkill=metrics.overkill,
        unsure=metrics.unsure,
    )
