"""Learning from OK parts alone: a Gaussian a place, a memory of patches, or both, say how strange a place is.

The strangest place decides. Where both have a say, each is calibrated first and they are added up place by
place: what is strange to either counts, and more so where they agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.backbones.backbone import Backbone
from trainer.methods.calibration import UNCHANGED, Calibration, calibrate
from trainer.methods.padim.gaussians import DIMENSIONS, learn_gaussians
from trainer.methods.patchcore.memory import learn_memory
from trainer.methods.place_map import PlaceMap
from trainer.models.heatmap import Evidence
from trainer.whole_numbers.network import in_whole_numbers

Maps = NDArray[np.floating]
Numbers = NDArray[np.float32]

GAUSSIANS, MEMORY, BOTH = "padim", "patchcore", "padim+patchcore"
METHODS = (GAUSSIANS, MEMORY, BOTH)
IN_WORDS = {
    GAUSSIANS: "a Gaussian of features at each place",
    MEMORY: "a memory of patches",
    BOTH: "a Gaussian of features at each place and a memory of patches",
}
LARGEST_LOGIT = 8.0  # a score of 0.9997
_AT_ONCE = 256  # photographs


def methods_for(photographs: int) -> tuple[str, ...]:
    """Those that so many OK photographs are enough for, the cheapest first."""
    return METHODS if photographs >= 2 * DIMENSIONS else (MEMORY, BOTH)


class PlaceModel(Protocol):
    """Knowledge of OK parts."""

    def by_place(self, maps: Maps) -> Numbers:
        """The distance of each place from OK parts, (N, H, W), of maps (N, H, W, C)."""

    def place_map(self, values: Any, *, most: float) -> PlaceMap:
        """The layers that say the same of a Keras tensor (N, H, W, C), at least up to ``most``."""


_LEARN: dict[str, Callable[..., PlaceModel]] = {GAUSSIANS: learn_gaussians, MEMORY: learn_memory}
_MODELS = {GAUSSIANS: (GAUSSIANS,), MEMORY: (MEMORY,), BOTH: (GAUSSIANS, MEMORY)}


@dataclass(frozen=True)
class Weighing:
    """From distances to logits, one of ``calibrations`` a model; of several the sum, cut off, by ``last``."""

    calibrations: tuple[Calibration, ...]
    last: Calibration = UNCHANGED

    def logits(self, distances: Sequence[Numbers]) -> Numbers:
        """Of each place, (N, H, W), of what each model says, (N, H, W)."""
        pairs = zip(self.calibrations, distances, strict=True)
        by_model = [calibration.logits(by_place) for calibration, by_place in pairs]
        return by_model[0] if len(by_model) == 1 else self.last.logits(_added_up(by_model))


@dataclass(frozen=True)
class OneClass:
    """``models``, and how what they say is weighed."""

    models: tuple[PlaceModel, ...]
    weighing: Weighing

    def logits(self, maps: Maps) -> Numbers:
        """Of the strangest place of each photograph, (N, 1), of maps (N, H, W, C)."""
        parts = [maps[start : start + _AT_ONCE] for start in range(0, len(maps), _AT_ONCE)]
        by_place = [self.weighing.logits([model.by_place(part) for model in self.models]) for part in parts]
        return np.concatenate([_strangest(part) for part in by_place])


@dataclass(frozen=True)
class Turns:
    """Answers for places of photographs by models that did not see their part, by the name of the model.

    ``ok``: (N, H, W) of OK photographs, ``others``: (M, H, W) of those that are not learned from.
    """

    ok: dict[str, Numbers]
    others: dict[str, Numbers]

    def weigh(self, method: str) -> tuple[Weighing, Numbers, Numbers]:
        """A method's weighing of its models, and logits: (N, 1) of the OK photographs, (M, 1) of others."""
        ok, others = ([of[name] for name in _MODELS[method]] for of in (self.ok, self.others))
        weighing = Weighing(tuple(calibrate(_strangest(by_place)[:, 0]) for by_place in ok))
        if len(ok) > 1:
            weighing = replace(weighing, last=calibrate(_strangest(weighing.logits(ok))[:, 0]))
        return weighing, _strangest(weighing.logits(ok)), _strangest(weighing.logits(others))


def hold_out(
    maps: Maps,
    fold_of: NDArray[np.int64],
    *,
    methods: Sequence[str],
    seed: int,
    others: Maps,
    other_folds: NDArray[np.int64],
) -> Turns:
    """Learn from the ``maps`` (N, H, W, C) of OK photographs without each fold (N,) of them in turn.

    ``others``: (M, H, W, C), photographs that are not learned from; ``other_folds`` (M,) say which part
    of theirs must not have been learned from.
    """
    names = sorted({name for method in methods for name in _MODELS[method]})
    ok = {name: np.zeros(maps.shape[:3], np.float32) for name in names}
    strange = {name: np.zeros(others.shape[:3], np.float32) for name in names}
    for fold in range(int(fold_of.max()) + 1):
        for name in names:
            model = _LEARN[name](maps[fold_of != fold], seed=seed)
            for found, of, folds in ((ok, maps, fold_of), (strange, others, other_folds)):
                found[name][folds == fold] = model.by_place(of[folds == fold])
    return Turns(ok, strange)


def learn_one_class(
    method: str, maps: Maps, fold_of: NDArray[np.int64], *, seed: int
) -> tuple[OneClass, Numbers]:
    """The model of the ``maps`` (N, H, W, C) of OK photographs, and their logits (N, 1), held out in turn."""
    turns = hold_out(maps, fold_of, methods=(method,), seed=seed, others=maps[:0], other_folds=fold_of[:0])
    weighing, logits, _ = turns.weigh(method)
    models = tuple(_LEARN[name](maps, seed=seed) for name in _MODELS[method])
    return OneClass(models, weighing), logits


def build_place_maps(backbone: Backbone, pixels: NDArray[np.uint8], *, seed: int) -> Any:
    """A Keras model in whole numbers: float32 (N, H, W, C) in -1…1 to one map of all its place taps.

    ``pixels``: uint8 (N, H, W, C), what is to be expected. Raises InputError where the weights are not of
    this network.
    """
    return joined(in_whole_numbers(_places(backbone, pixels.shape[1:]), pixels, seed=seed))


def build_float_places(backbone: Backbone, shape: Sequence[int]) -> Any:
    """The same without rounding, for photographs of ``shape`` (H, W, C)."""
    return joined(_places(backbone, shape))


def joined(maps: Any) -> Any:
    """Maps of one size, side by side: (N, H, W, C)."""
    from keras import Model, layers

    if len(maps.outputs) == 1:
        return maps
    return Model(maps.input, layers.Concatenate()(maps.outputs), name="places")


def _places(backbone: Backbone, shape: Sequence[int]) -> Any:
    height, width, channels = shape
    return backbone.build(height, width, channels, backbone.place_taps)


def with_strangest_place(maps: Any, model: OneClass, *, name: str) -> tuple[Any, Evidence]:
    """``maps`` (a Keras model that ends in one map) to logits (N, 1), and how strange each place is.

    Logits are cut off at LARGEST_LOGIT. In int8 it says the same. The evidence of one model is from before
    that; its weights are not those that make logits: of equal layers the converter makes one.
    """
    from keras import Model, layers

    from trainer.whole_numbers.fake_quantize import around_zero, round_weights

    added = [
        one.place_map(maps.output, most=calibration.distance(LARGEST_LOGIT))
        for one, calibration in zip(model.models, model.weighing.calibrations, strict=True)
    ]
    parts, setters = [], []
    for place_map, calibration in zip(added, model.weighing.calibrations, strict=True):
        values, set_weights = place_map.weighed(calibration.slope, calibration.offset)
        parts.append(around_zero(LARGEST_LOGIT)(values))
        setters.append(set_weights)
    evidence = Evidence([added[0].values], added[0].weights / np.abs(added[0].weights).sum())
    by_place = parts[0]
    if len(parts) > 1:
        summed = around_zero(len(parts) * LARGEST_LOGIT)(layers.Add()(parts))
        again = PlaceMap(summed, np.ones(1, np.float32), lambda: None)
        values, set_weights = again.weighed(model.weighing.last.slope, model.weighing.last.offset)
        setters.append(set_weights)
        by_place = around_zero(LARGEST_LOGIT)(values)
        evidence = Evidence([summed], np.ones(1, np.float32))
    logits = layers.Flatten()(layers.GlobalMaxPooling2D()(by_place))
    network = Model(maps.input, logits, name=name)
    for set_weights in setters:
        set_weights()
    round_weights(network)
    return network, evidence


def _added_up(by_model: Sequence[Numbers]) -> Numbers:
    cut_off = [np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT) for logits in by_model]
    return np.asarray(np.sum(cut_off, axis=0), np.float32)


def _strangest(by_place: Numbers) -> Numbers:
    """The largest of each photograph, (N, 1), of (N, H, W)."""
    return np.asarray(by_place.max(axis=(1, 2), initial=-np.inf)[:, np.newaxis], np.float32)
