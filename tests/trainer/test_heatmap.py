"""The second output shows where the defect is, and changes nothing of the first."""

from typing import Any

import numpy as np
import pytest

from tests.trainer.test_explain import bright, spots
from trainer.models.anomaly import build_autoencoder, with_error, with_logit
from trainer.models.baseline import build_baseline
from trainer.models.heatmap import (
    Evidence,
    class_activation,
    defect_direction,
    distance_by_place,
    with_heatmap,
)
from trainer.models.scratch import build_scratch
from trainer.predict import predict_batches

AGAINST_FIRST = np.array([-1.0, 1.0], np.float32)


def outputs(network: Any, pixels: np.ndarray) -> list[np.ndarray]:
    import keras

    models = [keras.Model(network.input, output) for output in network.outputs]
    return [predict_batches(model, pixels, "test") for model in models]


def centre_of_hottest(heat: np.ndarray) -> np.ndarray:
    """(x, y) in shares of the picture's side."""
    y, x = np.unravel_index(heat[..., 0].argmax(), heat.shape[:2])
    return (np.array([x, y]) + 0.5) / heat.shape[:2]


def grey(count: int) -> np.ndarray:
    return np.random.default_rng(2).normal(100, 5, (count, 64, 64, 1)).clip(0, 255).astype(np.uint8)


def test_the_hottest_place_is_the_bright_square() -> None:
    pixels, centres = spots()
    network = bright(1)
    evidence = class_activation(network, AGAINST_FIRST)
    assert evidence is not None
    both = with_heatmap(network, evidence, np.concatenate([grey(4), pixels]), np.arange(10) < 4)
    logits, heat = outputs(both, pixels)
    assert heat.shape == (6, 16, 16, 1)
    assert np.array_equal(logits, outputs(network, pixels)[0])
    for picture, centre in zip(heat, centres, strict=True):
        assert np.abs(centre_of_hottest(picture) - centre / 64).max() < 0.13


def test_what_all_ok_parts_have_stays_cold() -> None:
    pixels, centres = spots()
    ok = grey(8)
    for pictures in (ok, pixels):
        pictures[:, :8, :8] = 255  # a lamp's reflection, say: brighter than any defect
    evidence = class_activation(network := bright(1), AGAINST_FIRST)
    assert evidence is not None
    both = with_heatmap(network, evidence, np.concatenate([ok, pixels]), np.arange(14) < 8)
    for picture, centre in zip(outputs(both, pixels)[1], centres, strict=True):
        assert np.abs(centre_of_hottest(picture) - centre / 64).max() < 0.13


def test_a_model_of_ok_parts_alone_shows_how_strange_each_place_is() -> None:
    pixels, centres = spots()
    distance = with_error(build_autoencoder(64, 64, 1))  # it was never trained, and draws grey
    network = with_logit(distance, slope=2.0, offset=-1.0, name="autoencoder")
    both = with_heatmap(
        network, distance_by_place(network), np.concatenate([grey(4), pixels]), np.arange(10) < 4
    )
    logits, heat = outputs(both, pixels)
    assert heat.shape == (6, 8, 8, 1)
    assert np.array_equal(logits, outputs(network, pixels)[0])
    for picture, centre in zip(heat, centres, strict=True):
        assert np.abs(centre_of_hottest(picture) - centre / 64).max() < 0.13


def test_pictures_that_hardly_differ_give_no_map_that_int8_could_not_hold() -> None:
    network = bright(1)
    evidence = class_activation(network, AGAINST_FIRST)
    assert evidence is not None
    alike = np.full((6, 64, 64, 1), 100, np.uint8)
    assert with_heatmap(network, evidence, alike, np.arange(6) < 4) is network


def test_a_network_without_global_pooling_and_classes_without_ok_have_no_map() -> None:
    assert class_activation(build_baseline(64, 64, 1, 2), AGAINST_FIRST) is None
    assert class_activation(build_scratch(64, 64, 1, 2), None) is None
    assert isinstance(class_activation(build_scratch(64, 64, 1, 2), AGAINST_FIRST), Evidence)
    assert defect_direction("classes", 3, None) is None


def test_a_defect_is_what_speaks_against_ok() -> None:
    assert defect_direction("binary", 1, 0) == pytest.approx([1])
    assert defect_direction("classes", 3, 1) == pytest.approx([0.5, -1, 0.5])
