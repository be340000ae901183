"""Features that stay when a photograph is rotated, flipped, shifted, zoomed, brightened or compressed."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.images import Image

SIDE = 256  # pixels of the longer side at which photographs are compared
KEYPOINTS = 200
WORDS, DIMENSIONS = 64, 256
_FEW = 1024  # photographs that are compared as they are; whitening few of them makes all alike
_CONTRAST = 0.02  # half of what SIFT leaves out by default: parts are often smooth


@dataclass(frozen=True)
class Features:
    """SIFT of one photograph (Lowe 2004, IJCV 60(2)), as RootSIFT (Arandjelovic and Zisserman 2012).

    ``grey``: uint8 (H, W), at most SIDE a side; ``points``: (N, 2) in its pixels; ``raw``: SIFT
    as it comes, uint8 (N, 128), which takes a quarter of the memory of ``descriptors``.
    """

    grey: NDArray[np.uint8]
    points: NDArray[np.float32]
    raw: NDArray[np.uint8]

    @property
    def descriptors(self) -> NDArray[np.float32]:
        """RootSIFT, (N, 128), each of length 1."""
        found = self.raw.astype(np.float32)
        shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9)
        return np.asarray(np.sqrt(shares), np.float32)


def describe(image: Image) -> Features:
    """Features of an image, uint8 (H, W) or (H, W, 3)."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = SIDE / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(nfeatures=KEYPOINTS, contrastThreshold=_CONTRAST)
    keypoints, found = sift.detectAndCompute(np.asarray(grey, np.uint8), None)
    points = np.array([keypoint.pt for keypoint in keypoints], np.float32).reshape(-1, 2)
    # SIFT's values are whole numbers up to 255.
    raw = np.asarray(found[:KEYPOINTS], np.uint8) if keypoints else np.zeros((0, 128), np.uint8)
    return Features(np.asarray(grey, np.uint8), points[:KEYPOINTS], raw)


def mirrored(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The descriptors that the flipped photograph would have: rows and directions of each in reverse."""
    cells = descriptors.reshape(-1, 4, 4, 8)
    return np.ascontiguousarray(cells[:, ::-1, :, -np.arange(8) % 8].reshape(-1, 128))


def summarize(
    features: Sequence[Features], *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One vector a photograph, and one of its mirror image, (N, D); alike where photographs are.

    VLAD (Jégou et al. 2010, CVPR), for many photographs with PCA and whitening.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import PCA

    chance = np.random.default_rng(seed)
    pool = np.concatenate([f.descriptors[chance.permutation(len(f.descriptors))[:20]] for f in features])
    words = min(WORDS, len(pool))
    if words < 2:
        nothing = np.zeros((len(features), 1), np.float32)
        return nothing, nothing
    pool = pool[chance.permutation(len(pool))[:100_000]]
    clusters = MiniBatchKMeans(words, random_state=seed, n_init=1, batch_size=4096).fit(pool)
    centres = clusters.cluster_centers_.astype(np.float32)
    if len(features) <= _FEW:
        return _vlads(features, centres, flipped=False), _vlads(features, centres, flipped=True)
    sample = [features[position] for position in chance.permutation(len(features))[:3000]]
    looks = _vlads(sample, centres, flipped=False)
    dimensions = min(DIMENSIONS, *looks.shape)
    reduce = PCA(dimensions, svd_solver="randomized", random_state=seed, whiten=True).fit(looks)

    def reduced(*, flipped: bool) -> NDArray[np.float32]:
        """A few photographs at a time: the long vectors of all would outweigh the photographs."""
        chunks = [features[start : start + _FEW] for start in range(0, len(features), _FEW)]
        return _unit(
            np.concatenate([reduce.transform(_vlads(chunk, centres, flipped=flipped)) for chunk in chunks])
        )

    return reduced(flipped=False), reduced(flipped=True)


def _vlads(
    features: Sequence[Features], centres: NDArray[np.float32], *, flipped: bool
) -> NDArray[np.float32]:
    return np.stack(
        [_vlad(mirrored(one.descriptors) if flipped else one.descriptors, centres) for one in features]
    )


def _vlad(descriptors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    sums = np.zeros_like(centres)
    if len(descriptors):
        nearest = np.argmax(2 * descriptors @ centres.T - (centres**2).sum(axis=1), axis=1)
        np.add.at(sums, nearest, descriptors - centres[nearest])
    return np.asarray(_unit(_unit(sums).reshape(1, -1))[0], np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)
