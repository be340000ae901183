"""The output of `trainer train`, as far as quantization needs it."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from tqdm import tqdm

from edge.core.bundle.bundle import Photographs
from edge.core.decision import Task, Thresholds, Verdict
from edge.core.disk_array import disk_array
from edge.core.errors import ImageError, InputError
from edge.core.images import read_image
from edge.core.memory import memory_for
from edge.core.metrics import Metrics
from edge.core.model_spec import Heatmap
from edge.core.native_stderr import native_stderr_filtered
from edge.core.photographs.names import find_file
from edge.core.preprocess import InputSpec, preprocess
from edge.core.thresholds import ThresholdRule


class FileLabel(BaseModel):
    """One photograph; ``file`` is relative to the data folder, ``group`` says which of them show one part."""

    file: str
    label: str
    group: int = 0


class HeldOutFile(FileLabel):
    """One photograph, and what a model that never saw its part says of it."""

    score: float
    verdict: Verdict
    predicted: str


class RunResults(BaseModel):
    """The figures of what was held out."""

    held_out: Metrics


class Run(BaseModel):
    """run.json, without what only people read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1]
    task: Task
    classes: list[str]
    ok_class: str | None
    input: InputSpec
    thresholds: Thresholds
    threshold_rule: ThresholdRule | None = None
    model_name: str
    data: str
    photographs: Photographs
    train: list[FileLabel]
    held_out: list[HeldOutFile]
    split: str
    training: dict[str, JsonValue]
    versions: dict[str, str]
    results: RunResults

    @cached_property
    def files(self) -> list[FileLabel]:
        """All photographs, each once: those that were held out first."""
        found: dict[str, FileLabel] = {one.file: one for one in self.held_out}
        for one in self.train:
            found.setdefault(one.file, one)
        return list(found.values())

    @property
    def split_in_words(self) -> str:
        """On what the figures are."""
        return self.split if self.photographs.held_out_in_turn else f"validation, {self.split}"


def read_run(folder: Path) -> Run:
    """Read run.json; raises InputError where it is missing, broken, or without what was held out."""
    path = folder / "run.json"
    if not path.is_file():
        raise InputError(f"{folder}: no finished run (run.json is missing); `trainer train` makes one")
    try:
        run = Run.model_validate(json.loads(path.read_text("utf-8")))
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(f"{path}: {key}: {error.errors()[0]['msg']}; train again") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not valid JSON; train again") from error
    if not run.held_out:
        raise InputError(f"{path}: has no photographs that were held out; train again")
    return run


def load_network(folder: Path) -> Any:
    """The Keras model of the run, to logits and maybe a heatmap; raises InputError."""
    with native_stderr_filtered():
        import keras

        from quantize.fake_quantize import FakeQuantize, HalvesFromZero
    keras.config.disable_interactive_logging()  # it would print between our lines

    path = folder / "model.keras"
    try:
        return keras.saving.load_model(
            path, {"FakeQuantize": FakeQuantize, "HalvesFromZero": HalvesFromZero}, compile=False
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a model that Keras can load; train again") from error


def heatmap_of(network: Any) -> Heatmap | None:
    """The heatmap's shape by the network's second output, where it has one."""
    if len(network.outputs) == 1:
        return None
    _, height, width, _ = network.outputs[1].shape
    return Heatmap(height=height, width=width)


def logits_alone(network: Any) -> Any:
    """The same network without its heatmap, if it has one."""
    import keras

    return keras.Model(network.input, network.outputs[0], name=network.name)


def load_pixels(run: Run, files: Sequence[FileLabel], data: Path) -> NDArray[np.uint8]:
    """The photographs as the device will see them, uint8 (N, H, W, C), on the disk.

    Raises InputError, which names one that is gone.

    ``data`` is the folder that was learned from, the CSV file, or a folder that holds nothing else; names may
    be spelled otherwise there, as on another system.
    """
    root = data.parent if data.is_file() else data
    if not root.is_dir():
        raise InputError(f"{data}: the photographs of this run are gone; --data says where they are now")
    root = _below_wrappers(root, files)
    pixels = disk_array((len(files), run.input.height, run.input.width, run.input.channels), np.uint8)
    for place, item in enumerate(tqdm(files, desc="reading", unit="image", disable=None)):
        try:
            with memory_for(item.file):
                pixels[place] = preprocess(read_image(find_file(root, item.file), run.input.bits), run.input)
        except ImageError as error:
            raise InputError(f"{error}; --data says where this run's photographs are now") from error
    return pixels


def _below_wrappers(root: Path, files: Sequence[FileLabel]) -> Path:
    """The folder itself, or the one that lies in it alone and has the files."""
    at = root
    while files and not find_file(at, files[0].file).is_file():
        inside = [path for path in at.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if len(inside) != 1:
            return root
        (at,) = inside
    return at
