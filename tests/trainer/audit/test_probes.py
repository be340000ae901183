"""A shortcut is one where it does well on many parts, not on many photographs."""

import numpy as np
from numpy.typing import NDArray

from trainer.audit.probes import NEIGHBOUR, Probe, run_probes, sketch


def neighbour(groups: NDArray[np.int64]) -> Probe:
    """Of 200 photographs, dark or bright by their label; 100 to learn from, 100 of these parts to test."""
    chance = np.random.default_rng(1)
    labels = np.arange(200) % 2
    sketches = []
    for label in labels:
        image = chance.normal(90, 10, (40, 40))
        image[:20] += 60 * int(label)
        sketches.append(sketch(image.clip(0, 255).astype(np.uint8), 1000))
    train, test = np.arange(100), np.arange(100, 200)
    probes = run_probes(sketches, labels, train, test, groups=groups, split="a split")
    return next(probe for probe in probes if probe.name == NEIGHBOUR)


def test_what_holds_for_many_parts_is_suspicious() -> None:
    probe = neighbour(np.arange(200))
    assert probe.balanced_accuracy > 0.9
    assert probe.is_suspicious


def test_what_holds_for_one_part_of_each_class_is_chance() -> None:
    probe = neighbour(np.arange(200) % 2)
    assert probe.balanced_accuracy > 0.9
    assert not probe.is_suspicious
