"""A network of the trainer is known as what it is, whatever else the process has loaded."""

from pathlib import Path

import keras

from quantize.fake_quantize import rounds_as_int8
from quantize.run import load_network
from trainer.whole_numbers.fake_quantize import FakeQuantize


def test_a_network_that_rounds_is_known_as_one_though_the_trainer_is_loaded_too(tmp_path: Path) -> None:
    keras.saving.register_keras_serializable("linegate")(FakeQuantize)  # the trainer's, the last to register
    entry = keras.Input((4,))
    keras.Model(entry, FakeQuantize(0.0, 1.0)(entry)).save(tmp_path / "model.keras")
    assert rounds_as_int8(load_network(tmp_path))
