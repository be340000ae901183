"""Photographs that show the same picture, and the groups that they form.

Candidates come from summaries of local features; each is then laid over the other by an affine
map (rotation by any angle, flip, shift, zoom) and its fine detail compared, place by place. Two
parts of one design agree in their outlines; two copies agree in their grain as well.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from hashlib import sha256

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trainer.audit.features import Features, mirrored, summarize

NEIGHBOURS = 20
MIN_INLIERS = 8
MIN_LIKENESS = 0.92  # docs/research/experiments.md: how it was chosen
_GIVE_UP = 6  # comparisons that found no copy
_RATIO = 0.8
_STRAY = 0.2  # how much less the worst places may agree
_CHUNK = 2048
_BLOCK, _MIN_BLOCKS, _MIN_CONTRAST = 16, 8, 0.7
_FINE, _COARSE = 1.5, 3.0  # the band of detail that is compared, standard deviations in pixels


def group_copies(features: Sequence[Features], pool: Executor) -> NDArray[np.int64]:
    """Group numbers (N,) from 0: each photograph is compared with those that look most like it."""
    neighbours = _nearest(features)
    parents = _same_pixels(features)
    failures = np.zeros(len(features), np.int64)
    for rank in tqdm(range(neighbours.shape[1]), desc="comparing", unit="round", disable=None):
        pairs = _open_pairs(neighbours[:, rank], parents, failures)
        found = pool.map(lambda pair: likeness(features[pair[0]], features[pair[1]]), pairs)
        for (first, second), value in zip(pairs, found, strict=True):
            if value >= MIN_LIKENESS:
                parents[_root(parents, first)] = _root(parents, second)
            else:
                failures[[first, second]] += 1
    roots = [_root(parents, position) for position in range(len(features))]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def _same_pixels(features: Sequence[Features]) -> list[int]:
    """The first photograph of the same pixels, for each: a bland picture has nothing else to tell it by."""
    first: dict[bytes, int] = {}
    return [
        first.setdefault(sha256(one.grey.tobytes()).digest(), position)
        for position, one in enumerate(features)
    ]


def likeness(first: Features, second: Features) -> float:
    """The share of the fine detail of two photographs that agrees, once they are laid over each other.

    The correlation that three quarters of the places reach, -1 to 1, where all but one in twenty
    come near it: two parts of one design agree well in most places and badly in some. 0 where the
    photographs cannot be laid over each other.
    """
    if min(len(first.raw), len(second.raw)) < MIN_INLIERS:
        return 0.0
    best, known, asked = 0.0, first.descriptors, second.descriptors
    for descriptors in (asked, mirrored(asked)):
        from_first, from_second = _matches(known, descriptors)
        here, there = first.points[from_first], second.points[from_second]
        if len(here) < MIN_INLIERS:
            continue
        matrix, inliers = cv2.estimateAffine2D(
            here, there, method=cv2.RANSAC, ransacReprojThreshold=2.5, maxIters=500
        )
        if matrix is None or int(inliers.sum()) < MIN_INLIERS:
            continue
        affine = np.asarray(matrix, np.float64)
        if _is_plausible(affine):
            best = max(best, _agreement(first.grey, second.grey, affine))
    return best


def _nearest(features: Sequence[Features]) -> NDArray[np.int64]:
    """The photographs that look most alike, nearest first: (N, NEIGHBOURS)."""
    plain, flipped = summarize(features)
    count = min(NEIGHBOURS, len(features) - 1)
    nearest = np.zeros((len(features), count), np.int64)
    for start in range(0, len(features), _CHUNK):
        rows = plain[start : start + _CHUNK]
        alike = np.maximum(rows @ plain.T, rows @ flipped.T)
        alike[np.arange(len(rows)), start + np.arange(len(rows))] = -np.inf
        best = np.argpartition(-alike, min(count, alike.shape[1] - 1), axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(alike, best, 1), axis=1, kind="stable")
        nearest[start : start + _CHUNK] = np.take_along_axis(best, order, 1)
    return nearest


def _open_pairs(
    neighbours: NDArray[np.int64], parents: list[int], failures: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Photograph and neighbour, where they may still join two groups; a mutual pair stands once."""
    pairs: dict[frozenset[int], tuple[int, int]] = {}
    for first, second in enumerate(int(neighbour) for neighbour in neighbours):
        if failures[first] < _GIVE_UP and _root(parents, first) != _root(parents, second):
            pairs.setdefault(frozenset((first, second)), (first, second))
    return list(pairs.values())


def _root(parents: list[int], position: int) -> int:
    while parents[position] != position:
        parents[position] = parents[parents[position]]
        position = parents[position]
    return position


def _matches(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that describe each other best, and much better than the next (Lowe's ratio test)."""
    alike = first @ second.T
    rows = np.arange(len(alike))
    best = alike.argmax(axis=1)
    mutual = alike.argmax(axis=0)[best] == rows
    top = alike[rows, best]
    alike[rows, best] = -1
    chosen = mutual & (1 - top < _RATIO**2 * (1 - alike.max(axis=1)))
    return rows[chosen], best[chosen]


def _is_plausible(matrix: NDArray[np.float64]) -> bool:
    """True if the map is a photograph's: neither squeezed to a line nor blown up."""
    sizes = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(sizes[1] > 0.5 and sizes[0] < 2)


def _agreement(first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: NDArray[np.float64]) -> float:
    laid = _warp(second.astype(np.float32), matrix, first.shape)
    inside = _warp(np.ones(second.shape, np.float32), matrix, first.shape)
    a, b = _blocks(_detail(first.astype(np.float32))), _blocks(_detail(laid))
    usable = _blocks(inside).min(axis=1) > 0.99
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    contrast_a, contrast_b = a.std(axis=1), b.std(axis=1)
    usable &= contrast_a > _MIN_CONTRAST
    if usable.sum() < _MIN_BLOCKS:
        return 0.0
    correlation = (a * b).mean(axis=1) / np.maximum(contrast_a * contrast_b, 1e-6)
    most, nearly_all = np.percentile(correlation[usable], (25, 5))
    return float(min(most, nearly_all + _STRAY))


def _warp(
    plane: NDArray[np.float32], matrix: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, matrix, shape[::-1], flags=flags), np.float32)


def _detail(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (_FINE, _COARSE))
    return np.asarray(fine - coarse, np.float32)


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """The plane in squares, (squares, pixels of each)."""
    rows, columns = plane.shape[0] // _BLOCK, plane.shape[1] // _BLOCK
    cut = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(rows * columns, _BLOCK * _BLOCK)
