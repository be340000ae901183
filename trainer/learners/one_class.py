"""Learning what OK parts look like, place by place; defective photographs only count in figures."""

from collections.abc import Sequence

import numpy as np

from trainer.backbones.backbone import Backbone
from trainer.backbones.whole_numbers import PHOTOGRAPHS
from trainer.dataset import Dataset
from trainer.evaluate import predict_batches
from trainer.learners.anomaly import ok_among
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.methods.choose_one_class import PARTS, Candidate, choose_by_drawn_defects, folds_of_ok_parts
from trainer.methods.one_class import IN_WORDS, build_place_maps, learn_one_class, with_strangest_place
from trainer.methods.padim.gaussians import MOST
from trainer.split import spread_over_groups


def one_class_learner(dataset: Dataset, backbones: Sequence[Backbone], *, seed: int) -> "OneClassLearner":
    """With the backbone and the method that drawn defects choose; ``backbones``: the cheapest first.

    Raises InputError where all OK photographs are of one part.
    """
    groups = dataset.groups.numbers
    at = spread_over_groups(ok_among(dataset, np.arange(len(groups))), groups, most=PARTS, seed=seed)
    offered = [Candidate(one, dataset.spec.height, dataset.spec.width) for one in backbones]
    taken, tried = choose_by_drawn_defects(offered, dataset.pixels[at], groups[at], seed=seed)
    words = [str(trial) for trial in tried]
    return OneClassLearner(dataset, taken.candidate.backbone, taken.method, tried=words, seed=seed)


class OneClassLearner:
    """What OK parts show, place by place, in the maps of a pretrained network."""

    needs_validation = False

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
        found = learn_one_class(
            self._method, maps, fold_of, seed=seed, others=maps[:0], other_folds=fold_of[:0]
        )
        network, evidence = with_strangest_place(network, found.model, name=self._method)
        seen = found.model.logits(maps)
        history = history_by_fold(seen, found.logits, np.zeros_like(at), fold_of)
        turns = f"OK training parts held out in {int(fold_of.max()) + 1} turns"
        method = {
            "learned_by": f"{IN_WORDS[self._method]}, of OK parts alone",
            "backbone": self._backbone.name,
            "weights": self._backbone.source,
            "chosen_by_drawn_defects": self._tried,
            "learned_from": len(at),
            "seed": seed,
        }
        return Learned(network, found.logits, at, turns, history, "fold", method, evidence)
