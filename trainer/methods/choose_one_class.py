"""Which backbone, size and method know OK parts best, where no defects are at hand: chosen by drawn ones.

Each candidate says how strange OK parts are that it did not learn from, and the same parts with defects drawn
into them. No kind of drawing is like real defects, so all kinds count alike, and none for more than the area
under ROC can say. What is not worse than the best by more than the standard error of the difference counts as
good (Breiman et al. 1984, Classification and Regression Trees, section 3.4.3); the cheapest of these is
taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.core.words import counted
from trainer.backbones.backbone import Backbone
from trainer.methods.drawn_defects import KINDS, draw
from trainer.methods.one_class import build_float_places, hold_out
from trainer.predict import predict_batches
from trainer.split import folds_by_group, spread_over_groups

PARTS = 40  # photographs of OK parts that candidates are compared on
FEWEST_DRAWN = 30  # of each kind of drawing; where there are fewer parts, some are drawn into twice
FOLDS = 5
ENOUGH = 300  # parts: where none is rejected, at most 1 % are, 95 % certain
_DOUBT = 0.05
_RESAMPLED = 200


@dataclass(frozen=True)
class Candidate:
    """A backbone that looks at photographs of ``height`` and ``width``."""

    backbone: Backbone
    height: int
    width: int


@dataclass(frozen=True)
class CandidateScore:
    """A candidate and a method: ``aurocs`` of held-out OK parts and each kind of drawing.

    ``mean``: of these; ``behind``: by how many standard errors it is less than that of the best.
    """

    candidate: Candidate
    method: str
    aurocs: dict[str, float]
    mean: float
    behind: float

    def __str__(self) -> str:
        seen = self.candidate
        kinds = ", ".join(f"{kind} {area:.2f}" for kind, area in self.aurocs.items())
        where = f"{seen.backbone.name} at {seen.width}x{seen.height}"
        return f"{self.method} on {where}: drawn defects found with AUROC {self.mean:.3f} ({kinds})"


@dataclass(frozen=True)
class _Drawn:
    """Photographs with defects (M, H, W, C), the OK photographs they were drawn into (M,), the kinds (M,)."""

    pixels: NDArray[np.uint8]
    source: NDArray[np.int64]
    kind: NDArray[np.int64]


def choose_by_drawn_defects(
    candidates: Sequence[Candidate],
    pixels: NDArray[np.uint8],
    groups: NDArray[np.int64],
    *,
    seed: int,
    methods: Sequence[str],
) -> tuple[CandidateScore, list[CandidateScore]]:
    """The score of the one to take, and all of them.

    ``candidates``: the cheapest first. ``pixels``: uint8 (N, H, W, C) of OK photographs, at least as large as
    the largest candidate, ``groups`` (N,) their parts. Raises InputError where all are of one part.
    """
    at = spread_over_groups(np.arange(len(pixels)), groups, most=PARTS, seed=seed)
    pixels, groups = np.asarray(pixels[at]), groups[at]
    fold_of = folds_of_ok_parts(groups, seed=seed)
    drawn = _draw_into(pixels, groups, seed=seed)
    tried: list[tuple[Candidate, str]] = []
    ok, defective = [], []
    for candidate in tqdm(candidates, desc="choosing", unit="size", disable=None):
        maps = _maps(candidate, np.concatenate([pixels, drawn.pixels]))
        turns = hold_out(
            maps[: len(pixels)],
            fold_of,
            methods=methods,
            seed=seed,
            others=maps[len(pixels) :],
            other_folds=fold_of[drawn.source],
        )
        for method in methods:
            _, logits, others = turns.weigh(method)
            tried.append((candidate, method))
            ok.append(logits[:, 0])
            defective.append(others[:, 0])
    aurocs, behind = compare(np.array(ok), np.array(defective), drawn.source, drawn.kind, seed=seed)
    scores = [
        CandidateScore(
            candidate, method, dict(zip(KINDS, row.tolist(), strict=True)), float(row.mean()), float(far)
        )
        for (candidate, method), row, far in zip(tried, aurocs, behind, strict=True)
    ]
    return next(score for score in scores if score.behind <= 1), scores


def folds_of_ok_parts(groups: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The fold of each OK photograph (N,); of few parts each is one. Raises InputError for one part."""
    parts = len(np.unique(groups))
    folds = parts if parts <= 2 * FOLDS else FOLDS
    return folds_by_group(np.zeros_like(groups), groups, folds=folds, seed=seed)


def what_few_parts_leave_open(parts: int) -> list[str]:
    """A sentence on what so many OK parts can't show; none where they are enough for the threshold."""
    if parts >= ENOUGH:
        return []
    share = round(100 * (1 - _DOUBT ** (1 / parts)))
    return [
        f"{counted(parts, 'OK part')}: even where none of them is rejected, up to {share} % of all may be "
        f"(95 % certain); {ENOUGH} or more show whether one in a hundred is"
    ]


def compare(
    ok: NDArray[np.float32],
    defective: NDArray[np.float32],
    source: NDArray[np.int64],
    kind: NDArray[np.int64],
    *,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUROCs (T, kinds) of T trials, and by how many standard errors their means are behind the best's, (T,).

    ``ok``: (T, N), how strange OK photographs are, ``defective`` (T, M) those with drawings of a ``kind``
    (M,) in the photograph ``source`` (M,). For the standard error of the difference, photographs are drawn
    again with replacement (Efron 1979, Ann. Statist. 7(1)).
    """
    aurocs = _aurocs(ok, defective, kind, np.ones(ok.shape[1]), source)
    generator = np.random.default_rng(seed)
    again = []
    for _ in range(_RESAMPLED):
        weights = np.bincount(generator.integers(ok.shape[1], size=ok.shape[1]), minlength=ok.shape[1])
        again.append(_aurocs(ok, defective, kind, weights.astype(np.float64), source).mean(axis=1))
    means = aurocs.mean(axis=1)
    best = int(means.argmax())
    differences = np.array(again)[:, [best]] - np.array(again)
    return aurocs, (means[best] - means) / np.maximum(differences.std(axis=0), 1e-9)


def _aurocs(
    ok: NDArray[np.float32],
    defective: NDArray[np.float32],
    kind: NDArray[np.int64],
    weights: NDArray[np.float64],
    source: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(T, kinds), each photograph as often as its part's weight says."""
    columns = []
    for number in range(int(kind.max()) + 1):
        mine = kind == number
        less = ok[:, :, np.newaxis] < defective[:, np.newaxis, mine]
        same = ok[:, :, np.newaxis] == defective[:, np.newaxis, mine]
        pairs = weights[:, np.newaxis] * weights[source[mine]]
        columns.append(((less + 0.5 * same) * pairs).sum(axis=(1, 2)) / max(pairs.sum(), 1e-9))
    return np.stack(columns, axis=1)


def _draw_into(pixels: NDArray[np.uint8], groups: NDArray[np.int64], *, seed: int) -> _Drawn:
    """Each kind into each photograph, more than once where there are few."""
    generator = np.random.default_rng(seed)
    times = -(-FEWEST_DRAWN // len(pixels))
    drawn, source, kind = [], [], []
    for number, name in enumerate(KINDS):
        for position in np.repeat(np.arange(len(pixels)), times):
            other = int(generator.choice(np.flatnonzero(groups != groups[position])))
            one = draw(name, pixels[position], pixels[other], seed=int(generator.integers(2**31)))
            drawn.append(one)
            source.append(int(position))
            kind.append(number)
    return _Drawn(np.stack(drawn), np.array(source), np.array(kind))


def _maps(candidate: Candidate, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    """(N, H, W, C) of its places, in float: rounding them takes longer and hardly changes who is best."""
    shape = candidate.height, candidate.width
    network = build_float_places(candidate.backbone, (*shape, pixels.shape[-1]))
    small = np.stack([_resized(one, *shape) for one in pixels])
    return predict_batches(network, small, "features").astype(np.float16)


def _resized(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if pixels.shape[:2] == (height, width):
        return pixels
    smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8).reshape(height, width, -1)
