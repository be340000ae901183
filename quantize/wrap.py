"""A model of another tool to a bundle: its scaling goes into the graph, its golden examples come along."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from tqdm import tqdm

from edge.core.bundle.bundle import (
    Bundle,
    GoldenExample,
    Manifest,
    Wrapped,
    decode_bundle,
    encode_bundle,
    write_bundle,
)
from edge.core.complaints import listening
from edge.core.decision import Thresholds, decide, find_ok_class
from edge.core.errors import BundleError, InputError
from edge.core.images import read_image
from edge.core.interpreter import runtime_version
from edge.core.memory import memory_for
from edge.core.metrics import Labelled, Metrics, compute_metrics
from edge.core.model_spec import ModelSpec, Output
from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Layout, read_photographs
from edge.core.photographs.truths import tell_truths
from edge.core.preprocess import InputSpec, preprocess
from edge.core.runtime import BundleModel, Model, Prediction, try_bundle
from edge.core.set_depth import find_set_depth
from quantize.external_model import ExternalModel, Scaling, read_graph
from quantize.golden import spread_examples
from quantize.operators import count_operators

MAX_CLASSES = 200  # a golden example of each and their confusion table stand in the bundle
MAX_LABELS_BYTES = 1024 * 1024
THRESHOLDS = Thresholds(ok_below=0.5, defect_from=0.5, chosen="one half, not measured")


@dataclass(frozen=True)
class WrappedModel:
    """The bundle, and what became of the images that were given with it."""

    bundle: Bundle
    layout: str
    census: Census


@dataclass(frozen=True)
class _Origin:
    """The file that is wrapped, and how its input was made of pixels."""

    file: Path
    sha256: str
    scale: str


@dataclass(frozen=True)
class Names:
    """The classes in the bundle's order, and what an output that is alone is sure of."""

    task: Literal["binary", "classes"]
    classes: list[str]
    ok_class: str | None
    one_means: Literal["defect", "ok"] = "defect"


def wrap(
    file: Path,
    out: Path,
    *,
    labels: str,
    golden: Path,
    ok_class: str | None = None,
    scaling: Scaling | None = None,
    values: Literal["logits", "probabilities"] | None = None,
) -> WrappedModel:
    """Write ``file``, an image classifier in TFLite form, as a bundle, and give that.

    ``labels``: a file, one name a line, or names with commas. ``golden``: a folder of images. What is None
    is told by the graph or by the names. Raises InputError where it can't be, and BundleError.
    """
    if out.resolve() == file.resolve():
        raise InputError(f"--out {out}: is the model itself; expected another name")
    content = read_graph(file)
    with suppress(BundleError):
        decode_bundle(content, str(file))
        raise InputError(f"{file}: is a bundle already; `edge` runs it as it is")
    graph = ExternalModel(content, str(file))
    names = name_classes(read_labels(labels), graph.outputs, ok_class)
    scaling = graph.take_pixels(scaling)
    flatbuffer = graph.encode()
    layout = read_photographs(golden)
    origin = _Origin(file, hashlib.sha256(content).hexdigest(), scaling.name)
    output = Output(
        type=graph.output_type,
        values=values or ("probabilities" if graph.gives_probabilities else "logits"),
        one_means=names.one_means,
    )
    spec = ModelSpec(names.task, names.classes, names.ok_class, _input(file, graph), output)
    return _finish(origin, spec, flatbuffer, layout, out)


def read_labels(text: str) -> list[str]:
    """Names from a file, one a line, or from a list with commas; numbers before all names are left out."""
    shown = text if len(text) <= 80 else f"{text[:80]}…"
    try:
        content = _text_of(Path(text)) if Path(text).is_file() else text.replace(",", "\n")
    except (OSError, ValueError) as error:
        raise InputError(f"--labels {shown}: cannot be read as a file of UTF-8 text") from error
    names = [line.strip() for line in content.splitlines() if line.strip()]
    numbered = [name.split(maxsplit=1) for name in names]
    if all(len(words) == 2 and words[0] == str(number) for number, words in enumerate(numbered)):
        names = [words[1] for words in numbered]  # as Teachable Machine writes them
    if len(names) < 2:
        raise InputError(f"--labels {shown}: expected a file, one name a line, or names with commas")
    if len(set(names)) != len(names):
        raise InputError(f"--labels {shown}: names a class twice")
    return names


def name_classes(labels: Sequence[str], outputs: int, ok_class: str | None) -> Names:
    """The classes of a graph with so many outputs; raises InputError where the names don't fit."""
    wanted = 2 if outputs == 1 else outputs
    if len(labels) != wanted:
        raise InputError(
            f"--labels: {len(labels)} names for a model with {outputs} outputs; {wanted} are right"
        )
    if wanted > MAX_CLASSES:
        raise InputError(f"--labels: {wanted} classes; expected at most {MAX_CLASSES}")
    if ok_class is not None and ok_class not in labels:
        raise InputError(f"--ok {ok_class}: none of the labels, which are {', '.join(labels)}")
    ok_class = ok_class or find_ok_class(list(labels))
    if outputs > 1:
        return Names("classes", list(labels), ok_class)
    if ok_class is None:
        raise InputError(f"--ok: which of {' and '.join(labels)} means OK?")
    if ok_class == labels[0]:
        return Names("binary", list(labels), ok_class)
    return Names("binary", [labels[1], labels[0]], ok_class, one_means="ok")


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_LABELS_BYTES).decode("utf-8-sig")


def _input(file: Path, graph: ExternalModel) -> InputSpec:
    try:
        return InputSpec.model_validate(
            {"width": graph.width, "height": graph.height, "channels": graph.channels}
        )
    except ValidationError as error:
        raise InputError(
            f"{file}: its input is {graph.width}x{graph.height}; expected 16 to 1024 pixels a side"
        ) from error


def _finish(origin: _Origin, spec: ModelSpec, flatbuffer: bytes, layout: Layout, out: Path) -> WrappedModel:
    """Run the model on the images, as the device will, and write the bundle with what it said."""
    model = Model(flatbuffer, spec, name=str(out))
    known = tell_truths(layout, spec)
    depth = find_set_depth(one.path for one in known)
    spec = replace(spec, input=spec.input.model_copy(update={"bits": depth.bits}))
    labels = [one.label for one in known]
    census = Census.of(len(known), layout.left_out, without_truth=labels.count(None))
    if not known:
        raise InputError(f"--golden {layout.root}: no images in this folder; {census}")
    predictions: list[Prediction] = []
    with listening():
        for one in tqdm(known, desc="running", unit="image", disable=None):
            with memory_for(str(one.path)):
                predictions.append(model.predict(preprocess(read_image(one.path, depth.bits), spec.input)))
            if not np.isfinite(predictions[-1].score):
                raise InputError(f"{one.path}: the model gives no number for it")
    in_bundle = [label if label in spec.classes else "" for label in labels]
    chosen = spread_examples(
        np.array([prediction.score for prediction in predictions]),
        in_bundle,
        spec.classes,
        threshold=THRESHOLDS.defect_from,
    )
    examples = [
        GoldenExample(
            file=f"golden/{number:03}.png",
            label=in_bundle[position],
            output=list(predictions[position].raw),
        )
        for number, position in enumerate(chosen)
    ]
    wrapped = Wrapped(
        file=origin.file.name,
        sha256=origin.sha256,
        scale=origin.scale,
        images=len(known),
        metrics=_metrics(predictions, labels, spec),
    )
    manifest = Manifest(
        format=1,
        model_name=origin.file.stem,
        model_sha256=hashlib.sha256(flatbuffer).hexdigest(),
        task=spec.task,
        classes=spec.classes,
        ok_class=spec.ok_class,
        input=spec.input,
        output=spec.output,
        operators=count_operators(flatbuffer, name=str(origin.file)),
        thresholds=THRESHOLDS,
        wrapped=wrapped,
        training={},
        versions={"runtime": runtime_version()},
        golden=examples,
    )
    inputs = [preprocess(read_image(known[position].path, depth.bits), spec.input) for position in chosen]
    return WrappedModel(_write(manifest, flatbuffer, inputs, out), layout.recognised, census)


def _write(manifest: Manifest, flatbuffer: bytes, inputs: list[NDArray[np.uint8]], out: Path) -> Bundle:
    """Write the bundle once it was loaded as a device will load it."""
    content = encode_bundle(manifest, flatbuffer, inputs)
    bundle = decode_bundle(content, str(out))
    try_bundle(bundle, name=str(out))
    BundleModel(bundle, name=str(out)).verify_golden()
    write_bundle(out, content)
    return bundle


def _metrics(
    predictions: Sequence[Prediction], labels: Sequence[str | None], spec: ModelSpec
) -> Metrics | None:
    """Figures of the images whose truth is known; None where none is."""
    inspections = [
        Labelled(label, decide(found.score, THRESHOLDS), found.predicted, found.score)
        for found, label in zip(predictions, labels, strict=True)
        if label is not None
    ]
    if not inspections:
        return None
    return compute_metrics(inspections, task=spec.task, classes=spec.classes, ok_class=spec.ok_class)
