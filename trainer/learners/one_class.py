"""Learning what OK parts look like, place by place; defective photographs only count in figures."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge.core.errors import InputError
from edge.core.preprocess import InputSpec
from trainer.backbones.backbone import Backbone
from trainer.dataset import Dataset, resized
from trainer.input_size import Size, sizes
from trainer.learners.anomaly import ok_among
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.methods.choose_one_class import PARTS, Candidate, choose_by_drawn_defects, folds_of_ok_parts
from trainer.methods.frozen.feature_maps import FeatureSpec
from trainer.methods.frozen.speed import measure_speed
from trainer.methods.one_class import (
    IN_WORDS,
    build_place_maps,
    learn_one_class,
    methods_for,
    with_strangest_place,
)
from trainer.methods.padim.gaussians import MOST
from trainer.predict import predict_batches
from trainer.split import spread_over_groups
from trainer.whole_numbers.network import PHOTOGRAPHS

LARGEST = 512 * 512  # pixels that are tried: what learning a larger size holds in memory grows with it


def choose_one_class(
    dataset: Dataset,
    backbones: Sequence[Backbone],
    size: Size | None,
    *,
    max_milliseconds: float | None,
    seed: int,
) -> tuple["OneClassLearner", Dataset, str]:
    """The learner that drawn defects choose, the data set at the size that it looks at, and why, in words.

    ``backbones``: the fastest first; the slowest that is fast enough is taken, as drawings tell methods and
    sizes apart, but not how well features serve for real defects. Raises InputError where all OK photographs
    are of one part, or nothing is fast enough.
    """
    groups = dataset.groups.numbers
    at = spread_over_groups(ok_among(dataset, np.arange(len(groups))), groups, most=PARTS, seed=seed)
    backbone, specs = _fast_enough(dataset, backbones, _specs(dataset, size), max_milliseconds)
    pixels = np.asarray(resized(dataset, specs[-1], at).pixels)
    offered = [Candidate(backbone, spec.height, spec.width) for spec in specs]
    methods = methods_for(int((dataset.labels == dataset.ok_index).sum()))
    taken, tried = choose_by_drawn_defects(offered, pixels, groups[at], methods=methods, seed=seed)
    chosen = taken.candidate
    spec = dataset.spec.model_copy(update={"width": chosen.width, "height": chosen.height})
    shown = dataset if spec == dataset.spec else replace(resized(dataset, spec), left_out=dataset.left_out)
    words = [str(score) for score in tried]
    learner = OneClassLearner(shown, chosen.backbone, taken.method, tried=words, seed=seed)
    return learner, shown, f"{taken}; the cheapest that drawn defects don't tell from the best"


def _specs(dataset: Dataset, size: Size | None) -> list[InputSpec]:
    """The sizes that are tried, the smallest first."""
    if size is not None or dataset.shape is None or dataset.spec.locate != "none":
        return [dataset.spec]
    found = [one for one in sizes(dataset.shape) if one.pixels <= LARGEST] or sizes(dataset.shape)[:1]
    return [dataset.spec.model_copy(update={"width": one.width, "height": one.height}) for one in found]


def _fast_enough(
    dataset: Dataset, backbones: Sequence[Backbone], specs: list[InputSpec], limit: float | None
) -> tuple[Backbone, list[InputSpec]]:
    """The slowest backbone that is fast enough at any size, and the sizes at which it is."""
    if limit is None:
        return backbones[-1], specs
    fastest = float("inf")
    for backbone in reversed(backbones):
        speed = measure_speed(backbone, FeatureSpec((), backbone.place_taps), dataset.spec.channels)
        took = [speed.of(spec.width * spec.height).milliseconds for spec in specs]
        fast = [spec for spec, milliseconds in zip(specs, took, strict=True) if milliseconds <= limit]
        if fast:
            return backbone, fast
        fastest = min(fastest, *took)
    raise InputError(
        f"--max-ms {limit:g}: nothing is as fast on this machine; the fastest of what was asked for takes "
        f"{fastest:.2g} ms"
    )


class OneClassLearner:
    """Learns the look of OK parts, place by place, in the maps of a pretrained network."""

    needs_validation = False
    augments_classes = False
    features = None

    def __init__(
        self, dataset: Dataset, backbone: Backbone, method: str, *, tried: Sequence[str] = (), seed: int
    ) -> None:
        self._dataset, self._backbone, self._method, self._seed = dataset, backbone, method, seed
        self._tried = list(tried)

    def learn(self, train: Positions, validation: Positions) -> Learned:  # noqa: ARG002  nothing to stop early
        """Learn from the OK photographs at ``train``, and again with parts held out in turn."""
        dataset, seed = self._dataset, self._seed
        at = spread_over_groups(ok_among(dataset, train), dataset.groups.numbers, most=MOST, seed=seed)
        some = spread_over_groups(at, dataset.groups.numbers, most=PHOTOGRAPHS, seed=seed)
        network = build_place_maps(self._backbone, dataset.pixels[some], seed=seed)
        maps = predict_batches(network, dataset.pixels, "features", at).astype(np.float16)
        fold_of = folds_of_ok_parts(dataset.groups.numbers[at], seed=seed)
        model, logits = learn_one_class(self._method, maps, fold_of, seed=seed)
        network, evidence = with_strangest_place(network, model, name=self._method)
        seen = model.logits(maps)
        history = history_by_fold(seen, logits, np.zeros_like(at), fold_of)
        turns = f"OK training parts held out in {int(fold_of.max()) + 1} turns"
        method = {
            "learned_by": f"{IN_WORDS[self._method]}, of OK parts alone",
            "backbone": self._backbone.name,
            "weights": self._backbone.source,
            "chosen_by_drawn_defects": self._tried,
            "learned_from": len(at),
            "seed": seed,
        }
        return Learned(network, logits, at, turns, history, "fold", method, evidence, fold_of)
