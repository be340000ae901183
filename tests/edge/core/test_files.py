"""Files that are whole or not there."""

from pathlib import Path

import pytest

from edge.core.files import folder_to_fill, free_bytes, write_whole


def test_a_file_is_replaced_as_a_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content in (b"one", b"two"):
        write_whole(file, content)
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", content)]


def test_where_writing_fails_the_old_file_stays_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_whole(file, b"one")

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.core.files.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"one")]


def test_of_a_folder_that_is_to_come_the_disk_below_counts(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "there") > 0


def test_a_folder_that_could_not_be_filled_goes_with_those_above_that_came_with_it(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with pytest.raises(OSError, match="full"), folder_to_fill(tmp_path / "before" / "new" / "newer"):
        raise OSError("full")
    assert [*tmp_path.rglob("*")] == [tmp_path / "before"]


def test_a_folder_in_which_something_lies_stays(tmp_path: Path) -> None:
    filled = tmp_path / "new" / "filled"
    filled.mkdir(parents=True)
    with pytest.raises(FileExistsError), folder_to_fill(tmp_path / "new"):
        filled.mkdir()
    assert filled.exists()
