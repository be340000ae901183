"""Where the photographs of a run are now, and what they are called there."""

import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from edge.core.errors import InputError
from edge.core.images import read_image
from edge.core.preprocess import InputSpec
from quantize.run import FileLabel, Run, load_pixels
from tests.edge.core.photographs.drawings import SIDE, photographs

RUN = cast("Run", SimpleNamespace(input=InputSpec(width=SIDE, height=SIDE, channels=1)))
NFC, NFD = (unicodedata.normalize(form, "Größe") for form in ("NFC", "NFD"))
FILES = [FileLabel(file=f"{NFC}/1.png", label=NFC), FileLabel(file="ok/2.PNG", label="ok")]


def is_found(data: Path, written: Path) -> bool:
    pixels = load_pixels(RUN, FILES, data)
    wanted = [read_image(written / NFD / "1.png"), read_image(written / "ok" / "2.png")]
    return bool(np.array_equal(pixels[..., 0], np.stack(wanted)))


@pytest.mark.parametrize("place", [".", "moved", "moved/twice"])
def test_they_are_found_in_another_spelling_and_inside_a_folder_of_their_own(
    tmp_path: Path, place: str
) -> None:
    photographs(tmp_path / "data" / place / NFD, "1.png")
    photographs(tmp_path / "data" / place / "ok", "2.png")
    assert is_found(tmp_path / "data", tmp_path / "data" / place)


def test_the_csv_file_that_was_learned_from_says_where_they_are(tmp_path: Path) -> None:
    photographs(tmp_path / NFD, "1.png")
    photographs(tmp_path / "ok", "2.png")
    (tmp_path / "labels.csv").write_text("file,label\n")
    assert is_found(tmp_path / "labels.csv", tmp_path)


def test_one_that_is_gone_is_named(tmp_path: Path) -> None:
    photographs(tmp_path / NFD, "1.png")
    with pytest.raises(InputError, match=r"ok/2.PNG: cannot be read .*--data says where"):
        load_pixels(RUN, FILES, tmp_path)
