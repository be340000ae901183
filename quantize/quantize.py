"""One run to one bundle, or a refusal."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from edge.core.bundle.bundle import (
    GoldenExample,
    Manifest,
    Operators,
    Results,
    decode_bundle,
    encode_bundle,
    write_bundle,
)
from edge.core.bundle.score_profile import ScoreProfile, profile_scores
from edge.core.errors import InputError
from edge.core.interpreter import runtime_version
from edge.core.model_spec import ModelSpec
from edge.core.photographs.census import Census
from edge.core.preprocess import PIXEL_STEP, PIXEL_ZERO
from edge.core.runtime import BundleModel, Model
from quantize.acceptance import Allowed, refuse
from quantize.against import Against, Decider, compare_with
from quantize.calibrate import balanced_sample, with_strange_parts
from quantize.compare import Comparison, compare, compare_strange
from quantize.convert import convert
from quantize.golden import FEWEST, choose_golden, size_limit, with_fewer_levels
from quantize.layers import LARGE_SHIFT, LayerError, worst_layers
from quantize.operators import count_operators
from quantize.run import Run, heatmap_of, load_network, load_pixels, logits_alone, read_run

_STRANGE = 100  # pictures made strange that an anomaly model is asked about


@dataclass(frozen=True)
class Quantized:
    """The outcome. ``refusal`` says why nothing was written, or is None.

    ``layers``: where int8 loses most, if it shifts scores by much.
    """

    comparison: Comparison
    operators: Operators
    layers: list[LayerError]
    size: int
    bundle_sha256: str
    refusal: str | None
    files: Census
    against: Against | None = None


@dataclass(frozen=True)
class Successor:
    """The bundle to be replaced, photographs to compare on, and by how much escapes may rise at most."""

    old: BundleModel
    photographs: Path
    margin: float


def quantize(
    folder: Path,
    out: Path,
    *,
    samples: int,
    seed: int,
    data: Path | None,
    allowed: Allowed,
    has_heatmap: bool = True,
    successor: Successor | None = None,
) -> Quantized:
    """Quantize a run, compare it with float, and write the bundle unless int8 decides otherwise.

    With ``has_heatmap`` the bundle has one if the run has. As ``successor`` of another bundle it must not let
    more defects pass either. Raises InputError or BundleError.
    """
    run = read_run(folder)
    network = load_network(folder)  # first: it brings TensorFlow in without its small talk
    from quantize.fake_quantize import rounds_as_int8

    if not has_heatmap:
        network = logits_alone(network)
    root = data if data is not None else Path(run.data)
    photographs = load_pixels(run, run.files, root)
    chosen = balanced_sample(run.train, count=samples, seed=seed)
    sample = load_pixels(run, chosen, root)
    if run.task == "anomaly":
        sample = with_strange_parts(sample, seed=seed)
    flatbuffer = convert(network, sample)
    operators = count_operators(flatbuffer, name="the int8 model")
    spec = ModelSpec(run.task, run.classes, run.ok_class, run.input, heatmap=heatmap_of(network))
    model = Model(flatbuffer, spec, name="the int8 model")
    strange = sample[1::2][:_STRANGE] if run.task == "anomaly" else None
    comparison = _compare(network, model, run, photographs, strange)
    refusal = refuse(comparison, allowed)
    against = None
    if successor is not None:
        against = compare_with(successor.old, Decider(model, comparison.thresholds), successor.photographs)
        refusal = refusal or against.refusal(successor.margin)
    sampled: dict[str, JsonValue] = {"calibration_images": len(chosen), "calibration_seed": seed}
    if against is not None:
        sampled["parent"] = against.document()
    made = _Made(run, flatbuffer, model, operators, comparison, allowed, sampled)
    content = _encode(made, photographs)
    bundle = decode_bundle(content, str(out))
    BundleModel(bundle, name=str(out)).verify_golden()
    if refusal is None:
        write_bundle(out, content)
    layers = []
    if comparison.largest_shift > LARGE_SHIFT and not rounds_as_int8(network):
        layers = worst_layers(network, flatbuffer, photographs)
    files = Census.of(len(run.files), [])
    return Quantized(comparison, operators, layers, len(content), bundle.sha256, refusal, files, against)


@dataclass(frozen=True)
class _Made:
    """All that a bundle is made of but its golden examples; ``sampled``: what calibrated it."""

    run: Run
    flatbuffer: bytes
    model: Model
    operators: Operators
    comparison: Comparison
    allowed: Allowed
    sampled: dict[str, JsonValue]

    def manifest(self, golden: list[GoldenExample]) -> Manifest:
        """The manifest of the bundle."""
        run, spec, comparison = self.run, self.model.spec, self.comparison
        return Manifest(
            format=1,
            model_name=run.model_name,
            model_sha256=hashlib.sha256(self.flatbuffer).hexdigest(),
            task=spec.task,
            classes=spec.classes,
            ok_class=spec.ok_class,
            input=spec.input,
            heatmap=spec.heatmap,
            operators=self.operators,
            thresholds=comparison.thresholds,
            results=_results(run, comparison, self.allowed),
            photographs=run.photographs,
            ok_scores=_ok_scores(run),
            training={**run.training, **self.sampled},
            versions={**run.versions, "runtime": runtime_version()},
            golden=golden,
        )


def _compare(
    network: Any, model: Model, run: Run, pixels: NDArray[np.uint8], strange: NDArray[np.uint8] | None
) -> Comparison:
    """Compare through the device's own code."""
    scale, zero_point = model.input_quantization
    if abs(scale / PIXEL_STEP - 1) > 1e-3 or zero_point != PIXEL_ZERO:
        raise InputError(f"the int8 input has scale {scale} and zero point {zero_point}, not raw pixels")
    comparison = compare(network, model, run, pixels)
    if strange is None:
        return comparison
    return replace(comparison, strange=compare_strange(network, model, run, strange, comparison.thresholds))


def _results(run: Run, comparison: Comparison, allowed: Allowed) -> Results:
    return Results(
        split=run.split_in_words,
        float32=comparison.float32,
        int8=comparison.int8,
        flips=len(comparison.flips),
        escapes_new=sum(flip.is_escape for flip in comparison.flips),
        flips_allowed=allowed.flips,
        escapes_allowed=allowed.escapes,
        largest_score_shift=comparison.largest_shift,
        mean_score_shift=comparison.mean_shift,
        rederived=comparison.rederived,
    )


def _encode(made: _Made, photographs: NDArray[np.uint8]) -> bytes:
    """The bundle, with as many golden examples as are wanted, or as its size has room for.

    Where even the fewest are too large, their pictures have fewer levels.
    """
    run, comparison = made.run, made.comparison
    limit = size_limit(run.model_name)
    positions = choose_golden(run, comparison.scores, comparison.thresholds)
    content = _with_golden(made, positions, photographs[positions], comparison.raw)
    while limit is not None and len(content) > limit and len(positions) > FEWEST:
        fewer = len(positions) - 1
        positions = choose_golden(run, comparison.scores, comparison.thresholds, most=fewer)
        content = _with_golden(made, positions, photographs[positions], comparison.raw)
    if limit is None or len(content) <= limit:
        return content
    coarse = np.array(photographs)
    coarse[positions] = with_fewer_levels(photographs[positions])
    raw = comparison.raw.copy()
    raw[positions] = [made.model.predict(image).raw for image in coarse[positions]]
    return _with_golden(made, positions, coarse[positions], raw)


def _with_golden(
    made: _Made, positions: list[int], pixels: NDArray[np.uint8], raw: NDArray[np.int8]
) -> bytes:
    """The bundle with the photographs at these positions as golden examples; ``raw``: of all images."""
    golden = [
        GoldenExample(
            file=f"golden/{number:03}.png",
            label=made.run.files[position].label,
            output=[int(value) for value in raw[position]],
        )
        for number, position in enumerate(positions)
    ]
    return encode_bundle(made.manifest(golden), made.flatbuffer, list(pixels))


def _ok_scores(run: Run) -> ScoreProfile | None:
    """Of OK parts that were held out: those that were learned from would look better than the line's."""
    ok = [item for item in run.held_out if item.label == run.ok_class]
    parts = len({item.group for item in ok})
    return profile_scores(np.array([item.score for item in ok]), parts=parts)
