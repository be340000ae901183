"""Names that are spelled in more than one way."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.photographs.names import composed, find_file, key

NFC, NFD = (unicodedata.normalize(form, "Größe é") for form in ("NFC", "NFD"))


@given(st.text())
def test_the_normal_form_and_case_make_no_difference_to_a_key(name: str) -> None:
    assert key(unicodedata.normalize("NFD", name)) == key(name)
    assert key(key(name)) == key(name)


def test_names_are_kept_as_they_are_but_composed() -> None:
    assert composed(NFD) == NFC
    assert composed("Ok ") == "Ok "


@pytest.mark.parametrize("written", [f"{NFC}/Bild 1.JPG", f"{NFD}\\bild 1.jpg", f"{NFC}/BILD 1.jpg"])
def test_a_file_is_found_however_its_name_is_spelled(tmp_path: Path, written: str) -> None:
    (tmp_path / NFD).mkdir()
    (tmp_path / NFD / "Bild 1.jpg").write_bytes(b"x")
    assert find_file(tmp_path, written) == tmp_path / NFD / "Bild 1.jpg"


def test_where_two_would_fit_or_none_the_name_stays_as_it_is(tmp_path: Path) -> None:
    for name in ("a.png", "A.png"):
        (tmp_path / name).write_bytes(b"x")
    if len(list(tmp_path.iterdir())) == 2:
        assert find_file(tmp_path, "A.PNG") == tmp_path / "A.PNG"
    assert find_file(tmp_path, "A.png").name == "A.png"
    assert find_file(tmp_path, "sub/gone.png") == tmp_path / "sub" / "gone.png"
    assert find_file(tmp_path, "../gone.png") == tmp_path / ".." / "gone.png"
