"""Images likely mislabelled: confident learning (Northcutt et al. 2021, arXiv:1911.00068).

A model that never saw a photograph says each class's probability. Its mean over the photographs that
bear the class's label is how sure the model is of this class when it may be; a photograph for which it
is as sure of another class, the most probable one, is suspected.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class Suspect(BaseModel):
    """A photograph whose label is doubted; ``file`` is relative to the run's ``data``.

    ``label_probability`` and ``rather_probability``: of its label, and of the class that it looks like.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    label: str
    rather: str
    label_probability: float
    rather_probability: float

    def in_words(self) -> str:
        """One line for people."""
        return (
            f"{self.file}: labelled {self.label} ({self.label_probability:.2f}), "
            f"rather {self.rather} ({self.rather_probability:.2f})"
        )


def find_suspects(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions of the suspects, the clearest first.

    ``labels``: (N,); ``probabilities``: (N, classes), by models that saw none of the photograph's part.
    """
    rows = np.arange(len(labels))
    usual = np.array(
        [
            probabilities[labels == number, number].mean() if (labels == number).any() else np.inf
            for number in range(probabilities.shape[1])
        ]
    )
    sure = np.where(probabilities >= usual, probabilities, -1.0)
    rather, own = sure.argmax(axis=1), probabilities[rows, labels]
    margin = probabilities[rows, rather] - own
    is_suspect = (sure.max(axis=1) > 0) & (rather != labels)
    is_suspect &= probabilities.argmax(axis=1) == rather
    found = np.flatnonzero(is_suspect)
    return found[np.argsort(-margin[found], kind="stable")]
