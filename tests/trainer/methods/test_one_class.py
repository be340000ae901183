"""OK parts alone: the strangest place, calibrated, as a formula and as a network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from edge.core.errors import InputError
from edge.core.interpreter import open_interpreter
from edge.core.preprocess import to_network_input
from quantize.convert import convert
from quantize.operators import count_operators
from tests.trainer.methods.test_drawn_defects import photograph
from tests.trainer.methods.test_patchcore import ok_maps
from trainer.methods.calibration import MEDIAN_LOGIT, calibrate
from trainer.methods.choose_one_class import compare, folds_of_ok_parts, what_few_parts_leave_open
from trainer.methods.drawn_defects import KINDS, draw
from trainer.methods.one_class import (
    LARGEST_LOGIT,
    METHODS,
    OneClass,
    build_place_maps,
    hold_out,
    learn_one_class,
    with_strangest_place,
)
from trainer.models.heatmap import with_heatmap
from trainer.predict import predict_batches

OK = ok_maps(60, seed=2)


def strange_maps(seed: int) -> np.ndarray:
    """Of 30 photographs, in which one place, (2, 3), is between two patterns."""
    maps = ok_maps(30, seed=seed)
    maps[:, 2, 3] = maps[:, 2, 3] + 1.5
    return maps


@dataclass(frozen=True)
class Learned:
    """A model, and the logits of OK photographs and of strange ones by models that did not see the part."""

    model: OneClass
    logits: np.ndarray
    others: np.ndarray


def learn(method: str, maps: np.ndarray = OK) -> Learned:
    folds = np.arange(len(maps)) % 5
    model, logits = learn_one_class(method, maps, folds, seed=1)
    others = strange_maps(3) if maps.shape == OK.shape else maps[:0]
    turns = hold_out(maps, folds, methods=(method,), seed=1, others=others, other_folds=folds[: len(others)])
    _, again, strange = turns.weigh(method)
    assert (again == logits).all()
    return Learned(model, logits, strange)


@pytest.mark.parametrize("method", METHODS)
def test_held_out_parts_are_calibrated_and_strange_ones_stand_out(method: str) -> None:
    found = learn(method)
    assert np.median(found.logits) == pytest.approx(MEDIAN_LOGIT, abs=0.5)
    assert (found.logits > 0).mean() <= 0.02
    assert np.median(found.others) > np.quantile(found.logits, 0.9)


@pytest.mark.parametrize("method", METHODS)
def test_a_held_out_part_was_not_learned_from(method: str) -> None:
    maps = OK.copy()
    maps[7, 1, 1] = 12.0  # in one photograph alone
    found = learn(method, maps)
    assert found.logits.argmax() == 7
    assert found.model.logits(maps)[7] < found.logits[7]


@pytest.mark.parametrize("method", METHODS)
def test_the_network_says_what_the_formula_says_but_for_its_steps(method: str) -> None:
    import keras

    from trainer.whole_numbers.fake_quantize import FakeQuantize

    model = learn(method).model
    entry = keras.Input(OK.shape[1:])
    maps = keras.Model(entry, FakeQuantize(-16, 16)(entry))
    network, _ = with_strangest_place(maps, model, name="places")
    unseen = np.concatenate([ok_maps(20, seed=7), strange_maps(8)])
    wanted = np.clip(model.logits(maps(unseen).numpy()), -LARGEST_LOGIT, LARGEST_LOGIT)
    found = network(unseen).numpy()
    assert np.corrcoef(found[:, 0], wanted[:, 0])[0, 1] > 0.98
    assert np.abs(found - wanted).mean() < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_the_heatmap_is_hottest_where_it_is_strange(method: str) -> None:
    import keras

    from trainer.whole_numbers.fake_quantize import FakeQuantize

    entry = keras.Input((*OK.shape[1:3], 3))
    maps = keras.Model(entry, FakeQuantize(-2, 2)(entry))
    pixels = np.random.default_rng(1).integers(100, 130, (40, *OK.shape[1:3], 3)).astype(np.uint8)
    some = maps((pixels.astype(np.float32) - 128) / 128).numpy()
    model = learn(method, some).model
    network, evidence = with_strangest_place(maps, model, name="places")
    complete = with_heatmap(network, evidence, pixels, np.ones(40, bool))
    strange = pixels[:5].copy()
    strange[:, 2, 3] = 250
    _, heat = complete((strange.astype(np.float32) - 128) / 128)
    assert (heat.numpy().reshape(5, -1).argmax(axis=1) == 2 * OK.shape[2] + 3).all()


@pytest.mark.parametrize(("parts", "share"), [(3, "63"), (10, "26"), (50, "6")])
def test_of_few_parts_it_is_said_what_they_leave_open(parts: int, share: str) -> None:
    (said,) = what_few_parts_leave_open(parts)
    assert f"up to {share} %" in said
    assert str(parts) in said


def test_many_parts_leave_nothing_to_say() -> None:
    assert what_few_parts_leave_open(300) == []


def test_few_parts_are_each_held_out_and_one_alone_is_refused() -> None:
    assert sorted(folds_of_ok_parts(np.array([3, 5, 9]), seed=1)) == [0, 1, 2]
    assert folds_of_ok_parts(np.arange(40), seed=1).max() == 4
    with pytest.raises(InputError, match="at least 2 groups"):
        folds_of_ok_parts(np.array([3, 3]), seed=1)


def test_a_score_of_one_half_means_one_ok_part_in_a_hundred() -> None:
    distances = np.random.default_rng(1).gamma(5, 1, 1001).astype(np.float32)
    calibration = calibrate(distances)
    assert (calibration.logits(distances) > 0).mean() == pytest.approx(0.01, abs=0.002)
    assert np.median(calibration.logits(distances)) == pytest.approx(MEDIAN_LOGIT, abs=0.01)


def test_distances_that_are_all_the_same_are_calibrated_too() -> None:
    logits = calibrate(np.full(20, 0.7, np.float32)).logits(np.array([0.7, 1.4], np.float32))
    assert np.isfinite(logits).all()
    assert logits[1] > 0


def scores(*shifts: tuple[float, float], noise: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Of 40 OK photographs and two drawings in each; one shift a kind, for each trial."""
    chance = np.random.default_rng(seed)
    common = chance.normal(size=120)
    own = noise * chance.normal(size=(len(shifts), 120))
    values = common + own
    for trial, kinds in enumerate(shifts):
        values[trial, 40:80] += kinds[0]
        values[trial, 80:] += kinds[1]
    return values[:, :40], values[:, 40:]


SOURCE, KIND = np.tile(np.arange(40), 2), np.repeat([0, 1], 40)


def test_what_finds_one_kind_of_drawing_best_does_not_win_by_that_alone() -> None:
    ok, drawn = scores((9.0, 0.1), (2.0, 2.0), (1.0, 1.5), (0.8, 1.2))
    aurocs, behind = compare(ok, drawn, SOURCE, KIND, seed=1)
    assert aurocs[0, 0] == 1
    assert behind[1] == 0
    assert behind[0] > 1


def test_equal_trials_are_not_told_apart() -> None:
    told_apart = 0
    for seed in range(12):
        ok, drawn = scores((1.0, 1.0), (1.0, 1.0), noise=0.5, seed=seed)
        told_apart += int((compare(ok, drawn, SOURCE, KIND, seed=1)[1] > 1).any())
    assert told_apart <= 6


class Filters:
    """A backbone of one convolution, of filters drawn by chance."""

    name, source, taps, texture_taps, place_taps = "filters", "made up", (), (), ("all",)

    def build(self, height: int, width: int, channels: int, taps: Any) -> Any:
        import keras

        keras.utils.set_random_seed(1)
        entry = keras.Input((height, width, channels))
        values = keras.layers.Conv2D(24, 8, 8, activation="relu")(entry)
        return keras.Model(entry, keras.layers.Conv2D(16, 1)(values))


@pytest.mark.parametrize("method", METHODS)
def test_int8_says_the_same_and_all_of_it_is_int8(method: str) -> None:
    pixels = np.stack([photograph(seed, channels=1) for seed in range(30)])
    maps = build_place_maps(Filters(), pixels, seed=1)
    features = predict_batches(maps, pixels, "features")
    found = learn(method, features)
    network, _ = with_strangest_place(maps, found.model, name="places")
    drawn = [draw(kind, pixels[0], pixels[1], seed=seed) for seed in range(3) for kind in KINDS]
    shown = np.stack([*(photograph(seed, channels=1) for seed in range(40, 50)), *drawn])
    wanted = network(to_network_input(shown), training=False).numpy().ravel()
    assert len(np.unique(wanted)) > 5
    flatbuffer = convert(network, pixels)
    assert says(flatbuffer, shown) == pytest.approx(wanted, abs=1e-4)
    assert count_operators(flatbuffer, name="places").not_int8 == {}


def says(flatbuffer: bytes, pixels: np.ndarray) -> list[float]:
    """The logit of each photograph, in int8."""
    interpreter = open_interpreter(flatbuffer, threads=1, name="places")
    (entry,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = end["quantization"]
    logits = []
    for image in pixels:
        interpreter.set_tensor(entry["index"], image[np.newaxis])
        interpreter.invoke()
        logits.append(float(scale * (int(interpreter.get_tensor(end["index"]).item()) - zero_point)))
    return logits
