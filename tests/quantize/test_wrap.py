"""Models of other tools: wrapped, they say on the device what they said before."""

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.__main__ import main as edge
from edge.core.bundle.bundle import Wrapped, read_bundle
from edge.core.errors import InputError, LinegateError
from edge.core.photographs.listing import list_images
from edge.core.runtime import load_model
from quantize.__main__ import main
from quantize.card import model_card
from quantize.external_model import ExternalModel
from quantize.metadata import normalization
from quantize.wrap import name_classes, read_labels
from testing.toy_model import toy_flatbuffer
from tests.edge.core.photographs.drawings import masks

SIDE = 24
Kind = Literal["float32", "int8", "uint8"]
ToValues = Callable[[NDArray[Any]], NDArray[Any]]

# What users of such a model do to pixels, and what `--scale` calls it.
SCALES: dict[str, ToValues] = {
    "0..1": lambda pixels: pixels / 255,
    "-1..1": lambda pixels: pixels / 127.5 - 1,
    "0..255": lambda pixels: pixels * 1.0,
    "120,60": lambda pixels: (pixels - 120) / 60,
    "103.5,57.4": lambda pixels: (pixels - 103.5) / 57.4,
}


def external_model(
    kind: Kind, scale: str, *, outputs: int = 2, last: str = "softmax", channels: int = 3
) -> bytes:
    """A Keras network, converted as tutorials do: bright pictures are of class 0, dark ones of the last."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(5)
    to_values = SCALES[scale]
    low, high = to_values(np.array([0.0, 255.0]))
    entry = keras.Input((SIDE, SIDE, 3))
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(entry)
    features = keras.layers.GlobalAveragePooling2D()(features)
    brightness = keras.layers.GlobalAveragePooling2D()(entry)
    head = keras.layers.Dense(outputs, activation=None if last == "logits" else last)
    network = keras.Model(entry, head(keras.layers.Concatenate()([brightness, features])))
    gains = np.linspace(6, -6, outputs) if outputs > 1 else np.full(1, -6)
    weights = np.zeros((3 + 4, outputs))
    weights[:3] = gains / (high - low) / 3 * 2
    head.set_weights([weights, -gains * (low + high) / (high - low)])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if kind != "float32":
        levels = np.random.default_rng(1).uniform(0, 255, (40, 1, 1, 1, 1))
        noise = np.random.default_rng(2).normal(0, 30, (40, 1, SIDE, SIDE, 3))
        pixels = (levels + noise).clip(0, 255).round()
        pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([to_values(p).astype(np.float32)] for p in pixels)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, kind)
    with warnings.catch_warnings(action="ignore"):
        return bytes(converter.convert())


def answer(flatbuffer: bytes, pixels: NDArray[np.uint8], scale: str) -> NDArray[Any]:
    """The model's answer as its own users would run it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=flatbuffer)
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    values = SCALES[scale](pixels[np.newaxis].astype(np.float64))
    step, zero_point = entry["quantization"]
    if step:
        limits = np.iinfo(entry["dtype"])
        half_up = np.floor(values / step + zero_point + 0.5 + 1e-4)
        values = half_up.clip(limits.min, limits.max)
    interpreter.set_tensor(entry["index"], values.astype(entry["dtype"]))
    interpreter.invoke()
    given: NDArray[Any] = interpreter.get_tensor(exit_["index"])[0]
    return given


def normalization_metadata(mean: float | Sequence[float], deviation: float | Sequence[float]) -> bytes:
    """TFLite metadata that hold the normalization of one input, and nothing else."""
    builder = flatbuffers.Builder(256)

    def table(fields: int, place: int, value: int) -> int:
        builder.StartObject(fields)
        builder.PrependUOffsetTRelativeSlot(place, value, 0)
        return int(builder.EndObject())

    def list_of(value: int) -> int:
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(value)
        return int(builder.EndVector())

    figures = [
        builder.CreateNumpyVector(np.atleast_1d(np.asarray(value, np.float32))) for value in (mean, deviation)
    ]
    builder.StartObject(2)
    for place, value in enumerate(figures):
        builder.PrependUOffsetTRelativeSlot(place, value, 0)
    options = builder.EndObject()
    builder.StartObject(2)
    builder.PrependUint8Slot(0, 1, 0)
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    unit = builder.EndObject()
    tensor = table(7, 4, list_of(unit))
    graph = table(7, 2, list_of(tensor))
    builder.Finish(table(8, 3, list_of(graph)), b"M001")
    return bytes(builder.Output())


def with_metadata(model: bytes, metadata: bytes) -> bytes:
    """The same graph as a tool writes it that describes its input."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer, buffer.data = b"TFLITE_METADATA", len(parsed.buffers), list(metadata)
    parsed.buffers.append(buffer)
    parsed.metadata = [*(parsed.metadata or []), entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(parsed.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def wrap(model: bytes, folder: Path, golden: Path, *words: str, labels: str = "ok,defect") -> Path:
    """The bundle, made by the command."""
    (folder / "theirs.tflite").write_bytes(model)
    fixed = ["--labels", labels, "--golden", str(golden), "--out", str(folder / "bundle.tflite")]
    assert main(["wrap", str(folder / "theirs.tflite"), *fixed, *words]) == 0
    return folder / "bundle.tflite"


def pictures() -> list[NDArray[np.uint8]]:
    """Of every brightness, so that no answer is lost at the ends of a softmax."""
    generator = np.random.default_rng(3)
    levels = np.linspace(40, 215, 16)
    return [generator.normal(x, 20, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8) for x in levels]


@pytest.mark.parametrize("scale", list(SCALES))
@pytest.mark.parametrize("kind", ["float32", "int8", "uint8"])
def test_a_wrapped_model_says_what_it_said_before(
    tmp_path: Path, parts: Path, kind: Kind, scale: str
) -> None:
    theirs = external_model(kind, scale)
    ours = load_model(wrap(theirs, tmp_path, parts, "--scale", scale))
    output = ours.bundle.manifest.output
    assert (output.type, output.values) == (kind, "probabilities")
    said = np.array([ours.invoke(picture) for picture in pictures()], float)
    before = np.array([answer(theirs, picture, scale) for picture in pictures()], float)
    assert len(np.unique(said)) > 8
    np.testing.assert_allclose(said, before, atol=1e-5 if kind == "float32" else 0)


@pytest.mark.parametrize("scale", ["0..1", "-1..1", "0..255"])
def test_a_usual_scaling_is_told_by_an_int8_input(tmp_path: Path, parts: Path, scale: str) -> None:
    wrapped = read_bundle(wrap(external_model("int8", scale), tmp_path, parts)).manifest.wrapped
    assert wrapped is not None
    assert wrapped.scale == scale


def test_operators_in_float_are_counted(tmp_path: Path, parts: Path) -> None:
    operators = read_bundle(
        wrap(external_model("float32", "0..1"), tmp_path, parts, "--scale", "0..1")
    ).manifest.operators
    assert operators is not None
    assert operators.not_int8


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_the_scaling_of_tflite_metadata_is_taken(tmp_path: Path, parts: Path, kind: Kind) -> None:
    theirs = external_model(kind, "-1..1")
    ours = load_model(wrap(with_metadata(theirs, normalization_metadata(127.5, 127.5)), tmp_path, parts))
    assert ours.bundle.manifest.wrapped is not None
    assert ours.bundle.manifest.wrapped.scale == "-1..1"
    for picture in pictures():
        np.testing.assert_allclose(ours.invoke(picture), answer(theirs, picture, "-1..1"), atol=1e-5)


def test_metadata_that_say_nothing_of_scaling_or_are_damaged_are_passed_over() -> None:
    whole = normalization_metadata(127.5, 127.5)
    assert normalization(whole) == (127.5, 127.5)
    assert normalization(normalization_metadata(*[(1.0, 2.0, 3.0)] * 2)) is None
    for length in range(len(whole)):
        assert normalization(whole[:length]) in (None, (127.5, 127.5))


@pytest.mark.parametrize(
    ("kind", "last", "outputs", "labels"),
    [
        ("float32", "softmax", 2, "ok,defect"),
        ("float32", "logits", 2, "ok,defect"),
        ("float32", "sigmoid", 1, "ok,defect"),
        ("int8", "sigmoid", 1, "ok,defect"),
        ("uint8", "logits", 1, "good,scratched"),
        ("int8", "softmax", 3, "ok,stain,defect"),
    ],
)
def test_replay_decides_with_a_wrapped_model(
    tmp_path: Path,
    parts: Path,
    kind: Kind,
    last: str,
    outputs: int,
    labels: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    theirs = external_model(kind, "0..1", outputs=outputs, last=last)
    bundle = wrap(theirs, tmp_path, parts, "--scale", "0..1", labels=labels)
    capsys.readouterr()
    assert edge(["--replay", str(parts), "--model", str(bundle), "--json"]) == 0
    labelled = json.loads(capsys.readouterr().out)["labelled"]
    assert (labelled["images"], labelled["correct"]) == (7, 7)
    manifest = read_bundle(bundle).manifest
    assert manifest.output.values == ("logits" if last == "logits" else "probabilities")
    assert manifest.wrapped is not None
    assert manifest.wrapped.metrics is not None
    assert manifest.wrapped.metrics.correct == 7


def test_one_output_stands_for_the_second_label_also_where_that_is_ok(tmp_path: Path, parts: Path) -> None:
    """As Keras does with folders named def_front and ok_front."""
    theirs = external_model("float32", "0..1", outputs=1, last="sigmoid")
    dark = np.full((SIDE, SIDE, 3), 20, np.uint8)
    one = load_model(wrap(theirs, tmp_path, parts, "--scale", "0..1", labels="ok_front,def_front"))
    other = load_model(wrap(theirs, tmp_path, parts, "--scale", "0..1", labels="def_front,ok_front"))
    assert other.bundle.manifest.classes == ["ok_front", "def_front"]
    assert (one.predict(dark).predicted, other.predict(dark).predicted) == ("def_front", "ok_front")
    assert other.predict(dark).score == pytest.approx(1 - one.predict(dark).score)


def test_what_a_graph_does_to_bytes_by_itself_stays(tmp_path: Path, parts: Path) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.uint8)])  # type: ignore[untyped-decorator]
    def classify(pixels: Any) -> Any:
        brightness = tf.reduce_mean(tf.cast(pixels, tf.float32), axis=(1, 2)) / 255 - 0.5
        return tf.nn.softmax(tf.matmul(brightness, tf.constant([[4.0, -4.0]] * 3)))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([classify.get_concrete_function()])
    theirs = bytes(converter.convert())
    ours = load_model(wrap(theirs, tmp_path, parts))
    for picture in pictures():
        np.testing.assert_allclose(ours.invoke(picture), answer(theirs, picture, "0..255"), atol=1e-6)


def test_images_without_labels_give_no_figures_and_the_card_says_so(tmp_path: Path, parts: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, path in enumerate(list_images(parts)):
        path.rename(flat / f"{number}.png")
    bundle = read_bundle(wrap(external_model("float32", "0..1"), tmp_path, flat, "--scale", "0..1"))
    assert bundle.manifest.wrapped is not None
    assert bundle.manifest.wrapped.metrics is None
    assert {example.label for example in bundle.manifest.golden} == {""}
    assert "Nothing was measured" in model_card(bundle)


def test_a_manifest_that_calls_its_metrics_figures_is_read(tmp_path: Path, parts: Path) -> None:
    wrapped = read_bundle(wrap(external_model("int8", "0..1"), tmp_path, parts)).manifest.wrapped
    assert wrapped is not None
    before = wrapped.model_dump(mode="json")
    before["figures"] = before.pop("metrics")
    assert Wrapped.model_validate(before) == wrapped


def test_golden_photographs_are_read_as_replay_reads_them(
    tmp_path: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Masks beside them, a data set in parts and a kind that nobody named: 7 photographs, 3 masks."""
    data = tmp_path / "data"
    (data / "test").mkdir(parents=True)
    (parts / "ok").rename(data / "test" / "good")
    (parts / "defect").rename(data / "test" / "blowhole")
    masks(data / "ground_truth" / "blowhole", "0_mask.png", "1_mask.png", "2_mask.png")
    bundle = wrap(external_model("float32", "0..1"), tmp_path, data, "--scale", "0..1")
    assert "10 files seen, 7 used, 3 left out: masks, not photographs (3)" in capsys.readouterr().out
    made = read_bundle(bundle).manifest.wrapped
    assert made is not None
    assert made.metrics is not None
    assert (made.images, made.metrics.images) == (7, 7)
    assert edge(["--replay", str(data), "--model", str(bundle), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["labelled"]["escapes"] == made.metrics.escapes
    assert document["files"]["reasons"] == {"masks, not photographs": 3}


def test_the_card_of_a_wrapped_model_says_that_nothing_is_known_of_it(tmp_path: Path, parts: Path) -> None:
    card = model_card(read_bundle(wrap(external_model("int8", "0..1"), tmp_path, parts)))
    assert "Another tool made it; nothing is known of its photographs." in card
    assert "It may have learned from them: then these figures say little." in card
    assert "| right | 7 of 7, 100.00%" in card
    assert "before it was measured on photographs that it has not learned from" in card


def test_wrapping_twice_gives_the_same_bytes(tmp_path: Path, parts: Path) -> None:
    theirs = external_model("float32", "-1..1")
    first = wrap(theirs, tmp_path, parts, "--scale", "-1..1").read_bytes()
    assert wrap(theirs, tmp_path, parts, "--scale", "-1..1").read_bytes() == first


def test_labels_come_from_a_file_and_lose_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("0 ok\n1 bent pin\n\n")
    assert read_labels(str(tmp_path / "labels.txt")) == ["ok", "bent pin"]
    assert read_labels("ok, bent pin") == ["ok", "bent pin"]
    assert read_labels("1 euro,2 euro") == ["1 euro", "2 euro"]


def test_without_a_class_that_means_ok_it_warns(
    tmp_path: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrap(external_model("int8", "0..1"), tmp_path, parts, labels="cat,dog")
    assert "no label means OK" in capsys.readouterr().err


@pytest.fixture(scope="module")
def plain() -> bytes:
    return external_model("float32", "0..1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "a,b"], "--scale 0..1, -1..1, 0..255 or MEAN,STD"),
        (["--scale", "0..2"], "--scale 0..2: expected 0..1, -1..1, 0..255 or MEAN,STD"),
        (["--scale", "1,0"], "a standard deviation above 0"),
        (["--scale", "nan,1"], "a mean, and a standard deviation"),
        (["--labels", "a,b,c"], "3 names for a model with 2 outputs; 2 are right"),
        (["--labels", "ok"], "or names with commas"),
        (["--labels", "ok,ok"], "names a class twice"),
        (["--labels", "x" * 5000], "--labels"),
        (["--ok", "fine", "--scale", "0..1"], "--ok fine: none of the labels, which are ok, defect"),
        (["--golden", "absent", "--scale", "0..1"], "absent: no such folder"),
        (["--golden", ".", "--scale", "0..1"], "no images in this folder"),
        (["--out", "theirs.tflite"], "is the model itself"),
        (["--output", "scores"], "invalid choice"),
    ],
)
def test_wrong_use_is_refused_in_one_line_and_writes_nothing(
    tmp_path: Path, parts: Path, plain: bytes, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs.tflite").write_bytes(plain)
    (tmp_path / "empty").mkdir()
    usual = ["--labels", "ok,defect", "--golden", str(parts)]
    words = [str(tmp_path / "empty") if word == "." else word for word in words]
    assert main(["wrap", "theirs.tflite", *usual, *words]) == 2
    complaint = capsys.readouterr().err.strip()
    assert said in complaint
    assert "\n" not in complaint
    assert [path.name for path in tmp_path.glob("*.tflite")] == ["theirs.tflite"]


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (b"GIF89a", "not a TensorFlow Lite file"),
        (toy_flatbuffer(order=("logits", "heatmap")), "has 2 outputs; an image classifier has one"),
        (toy_flatbuffer(order=("logits", "heatmap", "logits")), "has 3 outputs; an image classifier has one"),
        (toy_flatbuffer(order=("heatmap",)), r"its output is \[1, 4, 4, 1\]; expected \[1, classes\]"),
        (toy_flatbuffer(dynamic=True), "its input has no fixed size; convert it with one"),
        (toy_flatbuffer(channels=2), "1 or 3"),
    ],
)
def test_a_graph_that_is_no_image_classifier_is_refused(graph: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ExternalModel(graph, "theirs.tflite")


@given(st.integers(0, len(toy_flatbuffer()) - 1))
def test_a_truncated_file_is_refused(length: int) -> None:
    with pytest.raises(LinegateError, match=r"theirs.tflite: "):
        ExternalModel(toy_flatbuffer()[:length], "theirs.tflite")


def test_an_input_of_unusual_steps_asks_for_the_scale() -> None:
    graph = ExternalModel(external_model("int8", "120,60"), "theirs.tflite")
    with pytest.raises(InputError, match=r"int8 input has scale 0.0166\d+ .* --scale 0..1"):
        graph.take_pixels(None)


def test_a_bundle_needs_no_wrapping(bundle: Path, parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wrap", str(bundle), "--labels", "ok,defect", "--golden", str(parts)]) == 2
    assert "toy.tflite: is a bundle already" in capsys.readouterr().err


def test_a_torn_golden_image_is_named(
    tmp_path: Path, parts: Path, plain: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs.tflite").write_bytes(plain)
    (parts / "ok" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    words = ["--labels", "ok,defect", "--golden", str(parts), "--scale", "0..1"]
    assert main(["wrap", "theirs.tflite", *words]) == 2
    assert "torn.png: the image is truncated" in capsys.readouterr().err
    assert not (tmp_path / "theirs-bundle.tflite").exists()


@pytest.mark.parametrize(
    ("outputs", "ok", "classes", "one_means"),
    [
        (2, None, ["scrap", "good"], "defect"),
        (1, None, ["good", "scrap"], "ok"),
        (1, "scrap", ["scrap", "good"], "defect"),
    ],
)
def test_one_output_puts_ok_first(outputs: int, ok: str | None, classes: list[str], one_means: str) -> None:
    names = name_classes(["scrap", "good"], outputs, ok)
    assert (names.classes, names.one_means) == (classes, one_means)


def test_one_output_and_no_name_for_ok_asks_which() -> None:
    with pytest.raises(InputError, match="which of cat and dog means OK"):
        name_classes(["cat", "dog"], 1, None)


def test_more_classes_than_a_bundle_can_hold_are_refused() -> None:
    with pytest.raises(InputError, match="1001 classes; expected at most 200"):
        name_classes([str(number) for number in range(1001)], 1001, None)
