"""From how strange a part is to a logit that means the same for every model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CALIBRATED_AT, MEDIAN_LOGIT = 0.01, -4.0


@dataclass(frozen=True)
class Calibration:
    """From a distance to a logit: 0 where one OK part in a hundred would be rejected.

    At the median of OK parts it is MEDIAN_LOGIT. So a score of 0.5 means the same for every model.
    """

    slope: float
    offset: float

    def logits(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of distances, in their shape."""
        return np.asarray(self.slope * distances + self.offset, np.float32)

    def distance(self, logit: float) -> float:
        """The distance that has this logit."""
        return (logit - self.offset) / self.slope


UNCHANGED = Calibration(1.0, 0.0)


def calibrate(distances: NDArray[np.float32]) -> Calibration:
    """By the distances (N,) of OK photographs that were not learned from."""
    middle, limit = np.quantile(distances, (0.5, 1 - CALIBRATED_AT), method="higher")
    spread = max(float(limit - middle), 1e-3 * abs(float(limit)), 1e-6)
    slope = -MEDIAN_LOGIT / spread
    return Calibration(slope, -slope * float(limit))
