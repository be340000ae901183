"""Learning on a backbone that stays as it is: every part is held out in turn, and every part teaches."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_chain import pretrained_weights
from tests.trainer.makers import make_dataset, spots
from trainer.backbones.mobilenet_v1 import MobileNetV1
from trainer.dataset import Dataset
from trainer.learners.learner import Learned
from trainer.methods.frozen.feature_maps import FeatureSpec, full_spec
from trainer.methods.frozen.learner import FrozenLearner
from trainer.models.heatmap import logits_alone, with_heatmap
from trainer.predict import predict_logits
from trainer.weights import read_weights

CHANCE = np.random.default_rng(6)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> MobileNetV1:
    folder: Path = tmp_path_factory.mktemp("weights")
    return MobileNetV1(read_weights(pretrained_weights(folder / "mobilenet.h5")))


def learn(dataset: Dataset, backbone: MobileNetV1, feature_spec: FeatureSpec | None = None) -> Learned:
    learner = FrozenLearner(
        dataset, backbone, feature_spec or full_spec(backbone), name="auto", seed=1, threads=2
    )
    everything = np.arange(len(dataset.photographs))
    return learner.learn(everything, everything[:0])


@pytest.fixture(scope="module")
def spotted() -> Dataset:
    return make_dataset(*spots(60, side=64))


@pytest.fixture(scope="module")
def learned(spotted: Dataset, backbone: MobileNetV1) -> Learned:
    return learn(spotted, backbone)


def test_every_photograph_is_held_out_once_and_all_are_learned_from(
    spotted: Dataset, learned: Learned
) -> None:
    assert learned.held_out_at.tolist() == list(range(60))
    assert learned.held_out.shape == (60, 1)
    assert learned.fold_of is not None
    assert np.bincount(learned.fold_of).tolist() == [12] * 5
    assert "all parts" in learned.held_out_are


def test_spots_on_parts_never_seen_are_found(spotted: Dataset, learned: Learned) -> None:
    assert ((learned.held_out[:, 0] > 0) == (spotted.labels == 1)).mean() > 0.9
    unseen, labels = spots(40, side=64, seed=9)
    assert ((predict_logits(learned.network, unseen)[:, 0] > 0) == (labels == 1)).mean() > 0.85


def test_the_hottest_place_is_the_spot(spotted: Dataset, learned: Learned) -> None:
    import keras

    assert learned.evidence is not None
    both = with_heatmap(learned.network, learned.evidence, spotted.pixels, spotted.labels == 0)
    unseen, labels = spots(40, side=64, seed=9)
    heat = keras.Model(both.inputs[0], both.outputs[1])((unseen.astype(np.float32) - 128) / 128).numpy()
    logits = predict_logits(logits_alone(both), unseen)
    np.testing.assert_array_equal(logits, predict_logits(learned.network, unseen))
    hits = 0
    for number in np.flatnonzero(labels):
        row, column = np.unravel_index(heat[number, ..., 0].argmax(), heat.shape[1:3])
        middle = np.array([row, column]) * 16 + 16  # of two places, 16 pixels each
        bright = np.argwhere(unseen[number, ..., 0] > 170).mean(axis=0)
        hits += np.abs(middle - bright).max() < 16
    assert hits / labels.sum() > 0.7


def test_what_the_network_says_takes_256_values_up_to_the_largest(learned: Learned) -> None:
    from trainer.whole_numbers.fake_quantize import range_of

    low, high = range_of(learned.network.outputs[0])
    said = predict_logits(learned.network, spots(40, side=64, seed=3)[0])
    steps = said * 255 / (high - low)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-2)
    assert np.abs(said).max() <= max(-low, high) + 1e-3


def test_a_part_in_another_fold_teaches_nothing_of_a_label_by_chance(backbone: MobileNetV1) -> None:
    """Copies of one part give its label away, unless they are held out with it."""
    pictures, _ = spots(20, side=64, seed=4)
    pixels = np.repeat(pictures, 3, axis=0)
    labels = np.repeat(CHANCE.permutation(np.arange(20) % 2), 3)
    honest = learn(make_dataset(pixels, labels, groups=np.repeat(np.arange(20), 3)), backbone)
    assert abs(((honest.held_out[:, 0] > 0) == (labels == 1)).mean() - 0.5) < 0.35


@pytest.mark.parametrize("classes", [("ok", "spot", "dark"), ("one", "two", "three")])
def test_several_classes_have_a_logit_each_with_and_without_an_ok_class(
    backbone: MobileNetV1, classes: tuple[str, ...]
) -> None:
    pixels, _ = spots(45, side=64)
    labels = np.arange(45) % 3
    pixels[labels == 2] //= 2
    pixels[labels == 0] = np.clip(pixels[labels == 0], 0, 140)
    found = learn(make_dataset(pixels, labels, classes=classes), backbone)
    assert found.held_out.shape == (45, 3)
    assert (found.held_out[labels == 2].argmax(axis=1) == 2).mean() > 0.8
    assert (found.evidence is None) == ("ok" not in classes)


@pytest.mark.parametrize("shape", [(32, 160), (48, 48), (80, 64)])
def test_any_shape_of_picture_can_be_learned(backbone: MobileNetV1, shape: tuple[int, int]) -> None:
    pixels = CHANCE.integers(0, 256, (20, *shape, 3), dtype=np.uint8)
    found = learn(make_dataset(pixels, np.arange(20) % 2), backbone)
    assert np.isfinite(predict_logits(found.network, pixels)).all()


def test_the_same_seed_learns_the_same(spotted: Dataset, learned: Learned, backbone: MobileNetV1) -> None:
    again = learn(spotted, backbone)
    np.testing.assert_array_equal(again.held_out, learned.held_out)
    np.testing.assert_array_equal(
        predict_logits(again.network, spotted.pixels), predict_logits(learned.network, spotted.pixels)
    )


def test_a_look_without_places_judges_by_averages_alone(spotted: Dataset, backbone: MobileNetV1) -> None:
    feature_spec: Any = replace(full_spec(backbone), places=())
    found = learn(spotted, backbone, feature_spec)
    assert list(found.method["evidence_weights"]) == ["texture"]
