"""The truth of stored photographs, in the words of a bundle."""

import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.core.bundle.bundle import Manifest
from edge.core.photographs.layouts import read_photographs
from edge.core.photographs.truths import tell_truths
from tests.edge.core.photographs.test_layouts import archive, make

NFC, NFD = (unicodedata.normalize(form, "Größe") for form in ("NFC", "NFD"))


def manifest(task: str, *classes: str, ok_class: str | None = "ok") -> Manifest:
    return cast("Manifest", SimpleNamespace(task=task, classes=list(classes), ok_class=ok_class))


BINARY = manifest("binary", "ok", "scratch")
CLASSES = manifest("classes", "ok", NFC, "dent")


def truths(root: Path, bundle: Manifest) -> dict[str, Any]:
    return {str(one.path.relative_to(root)): one.label for one in tell_truths(read_photographs(root), bundle)}


@pytest.mark.parametrize("name", [NFC, NFD, NFC.upper(), f" {NFC.lower()}"])
def test_a_class_is_known_in_any_case_and_normal_form(tmp_path: Path, name: str) -> None:
    make(tmp_path, "Gut/1.png", f"{name}/1.png")
    assert set(truths(tmp_path, CLASSES).values()) == {"ok", NFC}


@pytest.mark.parametrize("ok", ["ok", "Good", "OK "])
def test_an_unknown_folder_beside_the_ok_one_is_a_defect_of_unknown_kind(tmp_path: Path, ok: str) -> None:
    make(tmp_path, f"{ok}/1.png", "Blowhole/1.png", "dent/2.png")
    assert set(truths(tmp_path, CLASSES).values()) == {"ok", "Blowhole", "dent"}
    assert set(truths(tmp_path, BINARY).values()) == {"ok", "scratch"}


def test_without_an_ok_folder_unknown_names_tell_nothing(tmp_path: Path) -> None:
    make(tmp_path, "monday/1.png", "tuesday/1.png")
    assert set(truths(tmp_path, CLASSES).values()) == {None}
    assert set(truths(tmp_path, manifest("classes", "a", "b", ok_class=None)).values()) == {None}


def test_a_usual_name_of_defects_tells_a_defect_of_unknown_kind(tmp_path: Path) -> None:
    make(tmp_path, "NG/1.png", "tuesday/1.png")
    assert truths(tmp_path, CLASSES) == {"NG/1.png": "NG", "tuesday/1.png": None}


def test_the_folder_itself_and_folders_between_may_tell(tmp_path: Path) -> None:
    make(tmp_path / "ok", "monday/1.png", "tuesday/2.png")
    assert set(truths(tmp_path / "ok", BINARY).values()) == {"ok"}


@pytest.mark.parametrize("folder", [".", "20261121", "20261121/ok"])
def test_a_station_s_archive_has_no_truth_wherever_it_is_entered(tmp_path: Path, folder: str) -> None:
    archive(tmp_path)
    assert set(truths(tmp_path / folder, BINARY).values()) == {None}


def test_a_stray_picture_beside_the_classes_has_none(tmp_path: Path) -> None:
    make(tmp_path, "ok/1.png", "scratch/1.png", "2.png")
    assert truths(tmp_path, BINARY)["2.png"] is None


def test_masks_are_no_photographs_of_any_truth(tmp_path: Path) -> None:
    make(
        tmp_path,
        "train/good/1.png",
        "test/good/2.png",
        "test/scratch/3.png",
        "ground_truth/scratch/3_mask.png",
    )
    assert len(truths(tmp_path, BINARY)) == 3
