"""The runtime around a bundle."""

from pathlib import Path

import numpy as np
import pytest

from edge.bundle import Bundle, decode_bundle
from edge.errors import BundleError
from edge.model import Model, load_model, runtime_version
from tests.toy_model import toy_bundle, toy_bundle_bytes, toy_flatbuffer


@pytest.mark.parametrize(("level", "predicted"), [(20, "defect"), (230, "ok")])
def test_dark_images_score_as_defects(bundle: Path, level: int, predicted: str) -> None:
    prediction = load_model(bundle).predict(np.full((32, 32, 1), level, np.uint8))
    assert prediction.predicted == predicted
    assert (prediction.score > 0.5) == (predicted == "defect")


def test_the_score_of_several_classes_is_one_minus_the_ok_class(tmp_path: Path) -> None:
    model = load_model(toy_bundle(tmp_path / "toy.tflite", task="classes"))
    prediction = model.predict(np.full((32, 32, 1), 90, np.uint8))
    assert prediction.probabilities.sum() == pytest.approx(1)
    assert prediction.score == pytest.approx(1 - prediction.probabilities[0])


def test_a_graph_that_differs_from_its_manifest_is_refused() -> None:
    whole = decode_bundle(toy_bundle_bytes(), "toy")
    other = Bundle(whole.manifest, toy_flatbuffer(size=48), whole.golden_inputs, whole.model_id)
    with pytest.raises(BundleError, match="its input is uint8"):
        Model(other)


def test_the_runtime_says_its_name_and_version() -> None:
    assert runtime_version().split(" ")[0] in ("ai-edge-litert", "tflite-runtime")
