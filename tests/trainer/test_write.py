"""A run is written whole or not at all."""

from pathlib import Path
from typing import Any

import pytest

import trainer.train
from trainer.kept import CHECKPOINTS, is_kept
from trainer.run import RUN_FILE


def write(out: Path) -> None:
    nothing: Any = None
    trainer.train.write_run_folder(out, nothing, nothing, nothing, nothing, None)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files in the folder of a run; an empty one is not taken by the disk."""
    wanted = {"model.keras": "new", RUN_FILE: "new"}

    def write_files(folder: Path, *_: object) -> None:
        for name, text in wanted.items():
            (folder / name).write_text(text)
            if not text:
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer.train, "write_files", write_files)
    return wanted


def test_where_the_disk_is_full_nothing_half_written_stays(tmp_path: Path, files: dict[str, str]) -> None:
    files[RUN_FILE] = ""
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "runs" / "one")
    assert [*tmp_path.iterdir()] == []


def test_a_run_of_before_and_what_training_goes_on_from_stay_as_they_were(
    tmp_path: Path, files: dict[str, str]
) -> None:
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*files}
    (tmp_path / CHECKPOINTS).mkdir()
    (tmp_path / CHECKPOINTS / "one.npz").touch()
    files["model.keras"] = ""
    with pytest.raises(OSError, match="No space"):
        write(tmp_path)
    assert (tmp_path / "model.keras").read_text() == "new"
    assert is_kept(tmp_path)
    files["model.keras"] = "newer"
    write(tmp_path)
    assert (tmp_path / "model.keras").read_text() == "newer"
    assert {path.name for path in tmp_path.iterdir()} == {*files}
