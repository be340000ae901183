"""OK parts alone within --max-ms: the slowest backbone that is fast enough, at the sizes at which it is."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.core.errors import InputError
from edge.core.preprocess import InputSpec
from trainer.input_size import Shape
from trainer.learners import one_class
from trainer.learners.one_class import choose_one_class
from trainer.methods.choose_one_class import CandidateScore
from trainer.methods.frozen.speed import Speed

MILLISECONDS = {"quick": 1.0, "good": 10.0}  # at 160x160


def backbone(name: str) -> Any:
    return SimpleNamespace(name=name, place_taps=("block9",))


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The candidates that drawn defects choose from; they take the last."""
    seen: list[Any] = []

    def choose(candidates: Any, *_: Any, **__: Any) -> tuple[CandidateScore, list[CandidateScore]]:
        seen[:] = candidates
        return CandidateScore(candidates[-1], "patchcore", {}, 1.0, 0.0), []

    monkeypatch.setattr(one_class, "choose_by_drawn_defects", choose)
    monkeypatch.setattr(one_class, "measure_speed", lambda one, *_: Speed(MILLISECONDS[one.name], 100))
    monkeypatch.setattr(one_class, "resized", lambda dataset, *_: dataset)
    return seen


def choose(limit: float | None) -> Any:
    dataset = SimpleNamespace(
        groups=SimpleNamespace(numbers=np.arange(8)),
        labels=np.zeros(8, int),
        ok_index=0,
        shape=Shape(320, 320, 1, 1, 1),
        spec=InputSpec(width=160, height=160, channels=1),
        pixels=np.zeros((8, 160, 160, 1), np.uint8),
        left_out={},
    )
    both = [backbone("quick"), backbone("good")]
    one_class_dataset: Any = dataset
    return choose_one_class(one_class_dataset, both, None, max_milliseconds=limit, seed=1)


def seen(offered: list[Any]) -> list[tuple[str, int]]:
    return [(one.backbone.name, one.width) for one in offered]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, [("good", 160), ("good", 224), ("good", 320)]),
        (25.0, [("good", 160), ("good", 224)]),
        (5.0, [("quick", 160), ("quick", 224), ("quick", 320)]),
        (1.5, [("quick", 160)]),
    ],
)
def test_the_slowest_backbone_that_is_fast_enough_is_taken(
    limit: float | None, expected: list[tuple[str, int]], offered: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_class, "replace", lambda dataset, **_: dataset)
    choose(limit)
    assert seen(offered) == expected


def test_where_nothing_is_fast_enough_the_fastest_is_named(offered: list[Any]) -> None:
    with pytest.raises(InputError, match=r"--max-ms 0.5: .* takes 1 ms"):
        choose(0.5)
    assert not offered
