"""What OK parts alone teach: how strange each place is, by a Gaussian a place, a memory of patches, or both.

The strangest place decides. Where both have a say, each is calibrated first and they are added up place by
place: what is strange to either counts, and more so where they agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.backbones.backbone import Backbone
from trainer.backbones.whole_numbers import in_whole_numbers
from trainer.methods.calibration import UNCHANGED, Calibration, calibrate
from trainer.methods.padim.gaussians import PatchGaussians, learn_gaussians
from trainer.methods.padim.graph import add_gaussians
from trainer.methods.patchcore.graph import add_memory
from trainer.methods.patchcore.memory import PatchMemory, learn_memory
from trainer.methods.place_map import PlaceMap
from trainer.models.heatmap import Evidence

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


class PlaceModel(Protocol):
    """What OK parts look like."""

    def by_place(self, maps: Maps) -> Numbers:
        """How far each place is from OK parts, (N, H, W), of maps (N, H, W, C)."""


_LEARN: dict[str, tuple[Callable[..., PlaceModel], ...]] = {
    GAUSSIANS: (learn_gaussians,),
    MEMORY: (learn_memory,),
    BOTH: (learn_gaussians, learn_memory),
}


@dataclass(frozen=True)
class OneClass:
    """``models``, whose logits by ``calibrations`` are cut off and added up, and ``last`` of the sum."""

    models: tuple[PlaceModel, ...]
    calibrations: tuple[Calibration, ...]
    last: Calibration = UNCHANGED

    def logits(self, maps: Maps) -> Numbers:
        """Of the strangest place of each photograph, (N, 1), of maps (N, H, W, C)."""
        parts = [maps[start : start + _AT_ONCE] for start in range(0, len(maps), _AT_ONCE)]
        found = [self._by_place(part).max(axis=(1, 2)) for part in parts]
        return np.concatenate([*found, np.zeros(0, np.float32)])[:, np.newaxis]

    def _by_place(self, maps: Maps) -> Numbers:
        pairs = zip(self.models, self.calibrations, strict=True)
        by_model = [calibration.logits(model.by_place(maps)) for model, calibration in pairs]
        if len(by_model) == 1:
            return self.last.logits(by_model[0])
        return self.last.logits(np.sum([_cut_off(logits) for logits in by_model], axis=0))


@dataclass(frozen=True)
class HeldOut:
    """What was learned, and the logits (N, 1) of the OK photographs and (M, 1) of others.

    Each by a model that did not see its part.
    """

    model: OneClass
    logits: Numbers
    others: Numbers


def learn_one_class(
    method: str,
    maps: Maps,
    fold_of: NDArray[np.int64],
    *,
    seed: int,
    others: Maps,
    other_folds: NDArray[np.int64],
) -> HeldOut:
    """Learn from the ``maps`` (N, H, W, C) of OK photographs, and again without each fold (N,) of them.

    ``others``: (M, H, W, C), photographs that are not learned from; ``other_folds`` (M,) say which part
    of theirs must not have been learned from.
    """
    turns = [_learn(method, maps[fold_of != fold], seed) for fold in range(int(fold_of.max()) + 1)]
    calibrations = []
    for number in range(len(_LEARN[method])):
        alone = [OneClass((models[number],), (UNCHANGED,)) for models in turns]
        calibrations.append(calibrate(_in_turn(alone, maps, fold_of)))
    together = [OneClass(models, tuple(calibrations)) for models in turns]
    found = _in_turn(together, maps, fold_of)
    last = calibrate(found) if len(calibrations) > 1 else UNCHANGED
    return HeldOut(
        OneClass(_learn(method, maps, seed), tuple(calibrations), last),
        last.logits(found)[:, np.newaxis],
        last.logits(_in_turn(together, others, other_folds))[:, np.newaxis],
    )


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

    from trainer.models.fake_quantize import around_zero, round_weights

    added = [
        _add(maps.output, one, calibration.distance(LARGEST_LOGIT))
        for one, calibration in zip(model.models, model.calibrations, strict=True)
    ]
    parts, setters = [], []
    for place_map, calibration in zip(added, model.calibrations, strict=True):
        values, set_weights = place_map.weighed(calibration.slope, calibration.offset)
        parts.append(around_zero(LARGEST_LOGIT)(values))
        setters.append(set_weights)
    evidence = Evidence([added[0].values], added[0].weights / np.abs(added[0].weights).sum())
    by_place = parts[0]
    if len(parts) > 1:
        summed = around_zero(len(parts) * LARGEST_LOGIT)(layers.Add()(parts))
        again = PlaceMap(summed, np.ones(1, np.float32), lambda: None)
        values, set_weights = again.weighed(model.last.slope, model.last.offset)
        setters.append(set_weights)
        by_place = around_zero(LARGEST_LOGIT)(values)
        evidence = Evidence([summed], np.ones(1, np.float32))
    logits = layers.Flatten()(layers.GlobalMaxPooling2D()(by_place))
    network = Model(maps.input, logits, name=name)
    for set_weights in setters:
        set_weights()
    round_weights(network)
    return network, evidence


def _add(values: Any, model: PlaceModel, most: float) -> PlaceMap:
    if isinstance(model, PatchGaussians):
        return add_gaussians(values, model)
    if isinstance(model, PatchMemory):
        return add_memory(values, model, most=most)
    raise ValueError(f"{type(model).__name__}: not a model of places that a network is known for")


def _learn(method: str, maps: Maps, seed: int) -> tuple[PlaceModel, ...]:
    return tuple(learn(maps, seed=seed) for learn in _LEARN[method])


def _cut_off(logits: Numbers) -> Numbers:
    return np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)


def _in_turn(turns: list[OneClass], maps: Maps, fold_of: NDArray[np.int64]) -> Numbers:
    """What the turn that held out its part says of each photograph, (N,)."""
    found = np.zeros(len(maps), np.float32)
    for fold, model in enumerate(turns):
        found[fold_of == fold] = model.logits(maps[fold_of == fold])[:, 0]
    return found
