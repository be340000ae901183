"""Masks told from photographs."""

from pathlib import Path

import pytest

from edge.core.photographs.listing import MASKS, Listing, list_photographs
from tests.edge.core.photographs.drawings import masks, numbered, photographs


def read(root: Path) -> tuple[list[str], dict[str, str | None]]:
    """The photographs, and each mask with the photograph that it belongs to."""
    listing = list_photographs(root)
    assert_counted(listing)
    found = {listing.name(m): None if p is None else listing.name(p) for m, p in listing.masks.items()}
    return [listing.name(path) for path in listing.photographs], found


def assert_counted(listing: Listing) -> None:
    assert sum(one.reason == MASKS for one in listing.left_out) == len(listing.masks)


@pytest.mark.parametrize("folder", ["ground_truth", "masks", "Masks", "Ground Truth", "GT", "labels"])
@pytest.mark.parametrize("place", ["{}/dent", "dent/{}", "deep/dent/{}"])
def test_a_folder_of_masks_by_its_name(tmp_path: Path, folder: str, place: str) -> None:
    photographs(tmp_path / "dent", "000.png")
    masks(tmp_path / place.format(folder), "000.png")
    found, told = read(tmp_path)
    assert found == ["dent/000.png"]
    assert list(told.values()) == ["dent/000.png"]


@pytest.mark.parametrize("suffix", ["_GT.png", "_mask.png", "-Mask.bmp", "_gt.jpg", "_ground_truth.tif"])
def test_a_word_behind_the_name_of_a_photograph_beside_it(tmp_path: Path, suffix: str) -> None:
    for label in ("ok", "dent"):
        photographs(tmp_path / label, *numbered(".jpg"))
        masks(tmp_path / label, *numbered(suffix), white=0 if label == "ok" else 255)
    found, told = read(tmp_path)
    assert len(found) == 8
    assert set(found) == set(told.values())


def test_a_word_that_may_stand_behind_any_name_needs_two_values_too(tmp_path: Path) -> None:
    photographs(tmp_path / "bottle", "000.png", "000_label.png", "001.png", "001_mask_off.png")
    masks(tmp_path / "bottle", "001_label.bmp")
    found, told = read(tmp_path)
    assert told == {"bottle/001_label.bmp": "bottle/001.png"}
    assert len(found) == 4


@pytest.mark.parametrize(("photograph", "mask"), [(".jpg", ".png"), (".png", ".bmp"), (".bmp", ".jpg")])
def test_the_same_name_with_another_ending(tmp_path: Path, photograph: str, mask: str) -> None:
    photographs(tmp_path / "dent", *numbered(photograph))
    masks(tmp_path / "dent", *numbered(mask))
    found, told = read(tmp_path)
    assert found == [f"dent/{name}" for name in numbered(photograph)]
    assert told == {
        f"dent/{m}": f"dent/{p}" for m, p in zip(numbered(mask), numbered(photograph), strict=True)
    }


def test_a_photograph_kept_in_two_formats_is_no_mask(tmp_path: Path) -> None:
    photographs(tmp_path / "ok", *numbered(".jpg"), *numbered(".png"))
    assert len(read(tmp_path)[0]) == 8


@pytest.mark.parametrize("suffix", [".png", ".jpg", "_seg.png"])
@pytest.mark.parametrize("folder", ["annotated", "dent/truth", "Dent_bw"])
def test_two_valued_pictures_in_a_folder_of_any_name(tmp_path: Path, folder: str, suffix: str) -> None:
    photographs(tmp_path / "ok" / "images", *numbered(".png"))
    photographs(tmp_path / "dent" / "images", *numbered(".png"))
    masks(tmp_path / folder, *numbered(suffix))
    found, told = read(tmp_path)
    assert len(found) == 8
    assert len(told) == 4


def test_class_folders_with_the_same_numbers_are_all_photographs(tmp_path: Path) -> None:
    photographs(tmp_path / "ok", *numbered(".png"))
    photographs(tmp_path / "dark", *numbered(".png"), level=10)
    photographs(tmp_path / "glare", *numbered(".png"), level=250)
    assert len(read(tmp_path)[0]) == 12


def test_two_valued_pictures_without_photographs_of_their_names_are_what_there_is(tmp_path: Path) -> None:
    masks(tmp_path / "ok", *numbered(".png"), white=0)
    masks(tmp_path / "dent", *numbered(".png"))
    assert len(read(tmp_path)[0]) == 8


def test_masks_of_a_root_that_is_named_like_them_are_looked_at_as_pictures(tmp_path: Path) -> None:
    masks(tmp_path / "masks", "000.png")
    assert read(tmp_path / "masks")[0] == ["000.png"]


def test_a_mask_goes_with_the_photograph_of_its_own_class(tmp_path: Path) -> None:
    for place in ("train/good", "test/good", "test/dent"):
        photographs(tmp_path / place, "000.png")
    masks(tmp_path / "ground_truth" / "dent", "000_mask.png")
    masks(tmp_path / "ground_truth" / "lost", "007_mask.png")
    assert read(tmp_path)[1] == {
        "ground_truth/dent/000_mask.png": "test/dent/000.png",
        "ground_truth/lost/007_mask.png": None,
    }
