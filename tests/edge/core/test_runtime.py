"""The runtime around a bundle."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.bundle.bundle import decode_bundle
from edge.core.decision import Verdict, decide
from edge.core.errors import BundleError
from edge.core.interpreter import runtime_version
from edge.core.model_spec import Output
from edge.core.runtime import BundleModel, Model, load_model
from testing.toy_model import toy_bundle, toy_bundle_bytes, toy_flatbuffer


def toy_model(spec_of: bytes, flatbuffer: bytes) -> Model:
    """The graph, with the specification of another bundle."""
    return Model(flatbuffer, decode_bundle(spec_of, "toy").manifest.model_spec, name="toy")


@pytest.mark.parametrize(("level", "predicted"), [(20, "defect"), (230, "ok")])
def test_dark_images_score_as_defects(bundle: Path, level: int, predicted: str) -> None:
    prediction = load_model(bundle).predict(np.full((32, 32, 1), level, np.uint8))
    assert prediction.predicted == predicted
    assert (prediction.score > 0.5) == (predicted == "defect")


def test_a_value_of_a_logit_means_the_same_whenever_it_comes(bundle: Path) -> None:
    model = load_model(bundle)
    values = np.arange(-128, 128).astype(np.int8)[:, np.newaxis]
    first = [model.interpret(raw) for raw in values]
    for raw, prediction in zip(values[::-1], first[::-1], strict=True):
        again, of_integers = model.interpret(raw), model.interpret(raw.astype(np.int64))
        assert (again.raw, again.score, again.predicted) == (
            of_integers.raw, of_integers.score, of_integers.predicted,
        )  # fmt: skip
        assert (again.score, again.predicted) == (prediction.score, prediction.predicted)
        np.testing.assert_array_equal(again.probabilities, of_integers.probabilities)
        with pytest.raises(ValueError, match="read-only"):
            again.probabilities[0] = 1


def test_the_score_of_several_classes_is_one_minus_the_ok_class(tmp_path: Path) -> None:
    model = load_model(toy_bundle(tmp_path / "toy.tflite", task="classes"))
    prediction = model.predict(np.full((32, 32, 1), 90, np.uint8))
    assert prediction.probabilities.sum() == pytest.approx(1)
    assert prediction.score == pytest.approx(1 - prediction.probabilities[0])


def test_a_graph_that_differs_from_its_manifest_is_refused() -> None:
    with pytest.raises(BundleError, match="its input is uint8"):
        toy_model(toy_bundle_bytes(), toy_flatbuffer(size=48))


@pytest.mark.parametrize("order", [("logits", "heatmap"), ("heatmap", "logits")])
def test_a_heatmap_is_found_in_any_order_and_given_in_real_numbers(
    order: tuple[Literal["logits", "heatmap"], ...],
) -> None:
    model = BundleModel(decode_bundle(toy_bundle_bytes(order=order), "toy"))
    pixels = np.full((32, 32, 1), 20, np.uint8)
    pixels[:8, 8:16] = 255
    prediction = model.predict(pixels)
    expected = np.full((4, 4), (20 - 128) / 127.5, np.float32)
    expected[0, 1] = 127 / 127.5
    assert prediction.predicted == "defect"
    assert prediction.heatmap is not None
    assert prediction.heatmap.dtype == np.float32
    np.testing.assert_allclose(prediction.heatmap, expected, atol=0.01)
    model.verify_golden()
    assert model.golden_identical


def test_without_a_heatmap_there_is_none(bundle: Path) -> None:
    assert load_model(bundle).predict(np.zeros((32, 32, 1), np.uint8)).heatmap is None


def test_an_output_that_the_manifest_does_not_name_is_refused() -> None:
    with pytest.raises(BundleError, match="has 2 outputs; the manifest asks for 1"):
        toy_model(toy_bundle_bytes(), toy_flatbuffer(order=("logits", "heatmap")))


def test_three_outputs_are_refused() -> None:
    both = toy_bundle_bytes(order=("logits", "heatmap"))
    with pytest.raises(BundleError, match="has 3 outputs; the manifest asks for 2"):
        toy_model(both, toy_flatbuffer(order=("logits", "heatmap", "logits")))


def test_a_heatmap_that_is_promised_and_missing_is_refused() -> None:
    with pytest.raises(BundleError, match="has 1 outputs; the manifest asks for 2"):
        toy_model(toy_bundle_bytes(order=("logits", "heatmap")), toy_flatbuffer())


def test_the_same_output_twice_is_no_heatmap() -> None:
    both = toy_bundle_bytes(order=("logits", "heatmap"))
    with pytest.raises(BundleError, match=r"asks for int8 \(1, 4, 4, 1\)"):
        toy_model(both, toy_flatbuffer(order=("logits", "logits")))


def test_a_graph_of_no_fixed_size_is_refused() -> None:
    with pytest.raises(BundleError, match=r"its input is uint8 \(1, -1, -1, 1\); the manifest asks for"):
        toy_model(toy_bundle_bytes(), toy_flatbuffer(dynamic=True))


@given(st.integers(0, len(toy_flatbuffer()) - 1))
def test_a_truncated_graph_is_refused(length: int) -> None:
    with pytest.raises(BundleError):
        toy_model(toy_bundle_bytes(), toy_flatbuffer()[:length])


def test_an_output_that_is_sure_of_ok_scores_the_other_way() -> None:
    whole = decode_bundle(toy_bundle_bytes(), "toy")
    spec = whole.manifest.model_spec
    dark = np.full((32, 32, 1), 20, np.uint8)
    one = Model(whole.flatbuffer, spec).predict(dark)
    other = Model(whole.flatbuffer, replace(spec, output=Output(one_means="ok"))).predict(dark)
    assert (one.predicted, other.predicted) == ("defect", "ok")
    assert other.score == pytest.approx(1 - one.score)


def test_an_answer_that_is_no_number_is_a_fault() -> None:
    model = BundleModel(decode_bundle(toy_bundle_bytes(task="classes"), "toy"))
    prediction = model.interpret(np.full(3, np.nan))
    assert decide(prediction.score, model.bundle.manifest.thresholds) == Verdict.FAULT


def test_the_runtime_says_its_name_and_version() -> None:
    assert runtime_version().split(" ")[0] in ("ai-edge-litert", "tflite-runtime")
