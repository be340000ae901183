"""Folders of photographs as people have them."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.errors import InputError
from edge.core.photographs.layouts import read_layout
from trainer.dataset import Dataset, choose_task, load_test_set, load_training_set
from trainer.input_size import Size

CHANCE = np.random.default_rng(1)


def write(folder: Path, *, count: int = 5, channels: int | None = None, depth: type = np.uint8) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shape = (32, 40) if channels is None else (32, 40, channels)
    for number in range(count):
        image = CHANCE.integers(0, np.iinfo(depth).max, shape, dtype=depth)
        cv2.imwrite(str(folder / f"{number}.png"), image)


def load(folder: Path) -> Dataset:
    layout = read_layout(folder)
    return load_training_set(layout, task="auto", ok_class=None, size=Size(32, 32), groups="none", threads=2)


@pytest.mark.parametrize("name", ["ok", "Good", "ok_front", "no_defect", "Free", "OK"])
def test_the_ok_class_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    write(tmp_path / "aaa")
    dataset = load(tmp_path)
    assert (dataset.task, dataset.classes, dataset.ok_class) == ("binary", [name, "aaa"], name)
    assert list(np.bincount(dataset.labels)) == [5, 5]


def test_the_ok_class_can_be_given() -> None:
    assert choose_task(["a", "b"], task="auto", ok_class="b") == ("binary", ["b", "a"], "b")


def test_several_defects_can_be_taken_as_one() -> None:
    names = ["good", "hole", "crack"]
    assert choose_task(names, task="binary", ok_class=None) == ("binary", ["good", "defect"], "good")
    assert choose_task(names, task="auto", ok_class=None) == ("classes", names, "good")


def test_ok_parts_alone_are_learned_from_as_such() -> None:
    assert choose_task(["good"], task="auto", ok_class=None) == ("anomaly", ["good", "defect"], "good")
    names = ["hole", "good", "crack"]
    assert choose_task(names, task="anomaly", ok_class=None) == ("anomaly", ["good", "defect"], "good")
    assert choose_task(["good", "bad"], task="anomaly", ok_class=None)[1] == ["good", "bad"]
    with pytest.raises(InputError, match="name it with --ok"):
        choose_task(["a", "b"], task="anomaly", ok_class=None)


def test_one_folder_that_is_not_known_to_be_ok_is_not_enough(tmp_path: Path) -> None:
    write(tmp_path / "scratches")
    with pytest.raises(InputError, match="named with --ok and --task anomaly"):
        load(tmp_path)


def test_sixteen_bits_transparency_and_grey_saved_as_colour_are_read(tmp_path: Path) -> None:
    write(tmp_path / "ok", depth=np.uint16)
    write(tmp_path / "defect")
    assert load(tmp_path).pixels.shape == (10, 32, 32, 1)
    write(tmp_path / "defect", channels=4)
    dataset = load(tmp_path)
    assert dataset.pixels.shape == (10, 32, 32, 3)
    assert dataset.pixels.dtype == np.uint8
    assert not dataset.left_out


def test_a_damaged_and_a_tiny_image_are_named_and_left_out(tmp_path: Path) -> None:
    write(tmp_path / "ok", count=7)
    write(tmp_path / "defect")
    whole = (tmp_path / "ok" / "0.png").read_bytes()
    (tmp_path / "ok" / "0.png").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(tmp_path / "ok" / "1.png"), np.zeros((1, 1), np.uint8))
    dataset = load(tmp_path)
    assert sorted(dataset.left_out) == ["ok/0.png", "ok/1.png"]
    assert "1x1" in dataset.left_out["ok/1.png"]
    assert len(dataset.photographs) == 10


def test_the_fingerprint_changes_with_a_label_a_name_and_a_byte(tmp_path: Path) -> None:
    write(tmp_path / "ok", count=6)
    write(tmp_path / "defect", count=6)
    fingerprints = [load(tmp_path).fingerprint()]
    assert load(tmp_path).fingerprint() == fingerprints[0]
    (tmp_path / "ok" / "0.png").rename(tmp_path / "ok" / "10.png")
    fingerprints.append(load(tmp_path).fingerprint())
    (tmp_path / "ok" / "10.png").rename(tmp_path / "defect" / "10.png")
    fingerprints.append(load(tmp_path).fingerprint())
    cv2.imwrite(str(tmp_path / "defect" / "10.png"), np.zeros((32, 40), np.uint8))
    fingerprints.append(load(tmp_path).fingerprint())
    assert len(set(fingerprints)) == 4


def test_a_folder_that_the_run_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("crazing", "patches", "inclusion"):
        write(tmp_path / "data" / name)
    write(tmp_path / "test" / "rolled")
    known = load(tmp_path / "data")
    with pytest.raises(InputError, match="rolled: no such class in the run; it knows crazing"):
        load_test_set(read_layout(tmp_path / "test"), known, spec=known.spec)


def test_a_folder_beside_ok_parts_that_the_run_does_not_know_is_a_defect_of_unknown_kind(
    tmp_path: Path,
) -> None:
    for name in ("data/ok", "data/dent", "data/scratch", "test/Good", "test/DENT", "test/Blowhole"):
        write(tmp_path / name)
    known = load(tmp_path / "data")
    test = load_test_set(read_layout(tmp_path / "test"), known, spec=known.spec)
    assert test.unknown_kinds == ["Blowhole"]
    names = [*test.classes, "Blowhole"]
    counts = dict(zip(names, np.bincount(test.labels), strict=True))
    assert counts == {"dent": 5, "ok": 5, "scratch": 0, "Blowhole": 5}
    (warning,) = test.warnings
    assert "Blowhole: defects of kinds that the run does not know" in warning


def test_the_name_of_the_whole_folder_says_nothing_of_an_unknown_class_in_it(tmp_path: Path) -> None:
    for name in ("data/ok", "data/dent", "data/scratch", "ok/ok", "ok/Blowhole"):
        write(tmp_path / name)
    known = load(tmp_path / "data")
    assert load_test_set(read_layout(tmp_path / "ok"), known, spec=known.spec).unknown_kinds == ["Blowhole"]


def test_classes_that_differ_by_case_alone_are_one(tmp_path: Path) -> None:
    for name, count in (("ok", 3), ("OK", 5), ("bad", 5)):
        write(tmp_path / name, count=count)
    dataset = load(tmp_path)
    assert dataset.classes == ["OK", "bad"]
    assert list(np.bincount(dataset.labels)) == [8, 5]


def test_where_no_image_can_be_read_the_first_reason_is_given(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\nnope.png,ok\nnope2.png,bad\n")
    with pytest.raises(InputError, match=r"no image that can be read \(.*nope.png: cannot be read"):
        load(tmp_path / "labels.csv")


def test_a_file_whose_name_is_no_text_is_left_out_under_a_name_that_can_be_printed(tmp_path: Path) -> None:
    write(tmp_path / "ok")
    write(tmp_path / "bad")
    odd = tmp_path / "ok" / os.fsdecode(b"\xfc.png")
    odd.write_bytes((tmp_path / "ok" / "0.png").read_bytes())
    assert list(load(tmp_path).left_out) == ["ok/\\udcfc.png"]


def test_two_classes_of_which_none_is_known_to_be_ok_are_said_to_be_defects(tmp_path: Path) -> None:
    write(tmp_path / "Prima")
    write(tmp_path / "Schlecht")
    (warning,) = load(tmp_path).warnings
    assert warning.startswith("neither Prima nor Schlecht is a usual name of OK parts")


@pytest.mark.parametrize(("name", "warnings"), [("prima", 1), ("good", 0), ("OK", 0)])
def test_test_folders_that_are_all_taken_for_defects_are_named(
    tmp_path: Path, name: str, warnings: int
) -> None:
    for folder in ("data/ok", "data/bad", "test/dent", f"test/{name}"):
        write(tmp_path / folder)
    known = load(tmp_path / "data")
    test = load_test_set(read_layout(tmp_path / "test"), known, spec=known.spec)
    assert len(test.warnings) == warnings
    assert all("dent, prima: taken for bad" in warning for warning in test.warnings)
