"""Alarm rules based on the parts themselves. Pure; parts come in one by one."""

import logging

from edge.alarms.drift import LEAST_REFERENCE, ScoreDrift
from edge.alarms.rejects import RejectRate, RejectsInRow
from edge.core.bundle.score_profile import ScoreProfile
from edge.inspection.inspector import Inspector
from edge.settings.alarms import Alarm, AlarmSettings

logger = logging.getLogger(__name__)


class PartRules:
    """Rejects in a row, their rate, and the scores of ok parts, for one bundle; 0 switches each off.

    ``profile`` holds the bundle's scores of OK photographs.
    """

    def __init__(self, settings: AlarmSettings, profile: ScoreProfile | None, *, ok_below: float) -> None:
        self._in_row = RejectsInRow(settings.rejects_in_row) if settings.rejects_in_row else None
        self._rate = _rate(settings) if settings.rate_window else None
        self._drift = _drift(settings, profile, ok_below) if settings.drift_window else None

    def add(self, score: float | None, *, rejected: bool) -> None:
        """Add the next part; ``score`` is None if there is no valid one."""
        if self._in_row is not None:
            self._in_row.add(rejected=rejected)
        if self._rate is not None:
            self._rate.add(rejected=rejected)
        if self._drift is not None and score is not None:
            self._drift.add(score)

    def troubles(self) -> dict[Alarm, str | None]:
        """Return the present trouble of each alarm, or None."""
        rules = {
            Alarm.REJECTS_IN_ROW: self._in_row,
            Alarm.REJECT_RATE: self._rate,
            Alarm.SCORE_DRIFT: self._drift,
        }
        return {name: None if rule is None else rule.trouble for name, rule in rules.items()}


def part_rules(settings: AlarmSettings, inspector: Inspector) -> PartRules:
    """Return the rules for the bundle of this inspector."""
    return PartRules(settings, inspector.manifest.ok_scores, ok_below=inspector.thresholds.ok_below)


def _rate(settings: AlarmSettings) -> RejectRate:
    return RejectRate(
        window=settings.rate_window,
        false_alarms=settings.false_alarms,
        expected=settings.rate_expected,
        learn=settings.rate_learn,
    )


def _drift(settings: AlarmSettings, profile: ScoreProfile | None, ok_below: float) -> ScoreDrift | None:
    """Return the drift rule, or None if the bundle has too little to compare with, which is logged."""
    if profile is None:
        logger.info("alarms: no score-drift: the bundle has no scores of OK photographs; quantize it again")
        return None
    drift = ScoreDrift(
        profile,
        ok_below=ok_below,
        window=settings.drift_window,
        distance=settings.drift_distance,
        false_alarms=settings.false_alarms,
    )
    if not drift.is_possible:
        logger.info(
            "alarms: no score-drift: the bundle has scores of only %d OK parts that it passes; %d are needed",
            drift.reference_count,
            LEAST_REFERENCE,
        )
        return None
    return drift
