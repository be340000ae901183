"""Layers that round in a float network; 0 and both ends are whole steps."""

import numpy as np
import pytest

from trainer.whole_numbers.fake_quantize import FakeQuantize, HalvesFromZero, around_zero


@pytest.mark.parametrize("most", [0.1, 6.0, 8.0])
def test_a_range_around_zero_ends_a_step_later_below_as_int8_does(most: float) -> None:
    values = np.array([-2 * most, 0.0, 2 * most], np.float32)
    steps = np.asarray(around_zero(most)(values)) / (most / 127)
    assert steps == pytest.approx([-128, 0, 127], abs=1e-3)


def test_what_is_saved_makes_the_same_layer_in_both_programs() -> None:
    from quantize.fake_quantize import FakeQuantize as Read

    values = np.linspace(-1, 9, 1001, dtype=np.float32)
    made = FakeQuantize(0.0, 7.5)
    read = Read.from_config(made.get_config())
    assert np.array_equal(read(values), made(values))


def test_halves_go_away_from_zero_and_the_gradient_passes() -> None:
    import tensorflow as tf

    values = tf.constant([-2.5, -2.4, -0.5, 0.0, 0.5, 2.4, 2.5]) / 32
    with tf.GradientTape() as tape:
        tape.watch(values)
        rounded = HalvesFromZero(1 / 32)(values)
    assert (rounded.numpy() * 32).tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert tape.gradient(rounded, values).numpy().tolist() == [1] * 7


def test_both_programs_round_halves_alike() -> None:
    from quantize.fake_quantize import HalvesFromZero as Read

    values = np.linspace(-4, 4, 1025, dtype=np.float32)
    made = HalvesFromZero(1 / 16)
    assert np.array_equal(Read.from_config(made.get_config())(values), made(values))
