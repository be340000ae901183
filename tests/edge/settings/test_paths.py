"""Where the paths of settings begin."""

from pathlib import Path

import pytest

from edge.settings.load_settings import load_settings
from edge.settings.section import is_path
from edge.settings.settings import setting_fields

EVERY_PATH = """
[model]
path = "part.tflite"
folder = "bundles"
[shadow]
bundle = "next.tflite"
[mqtt]
ca_file = "ca.pem"
cert_file = "../own.pem"
key_file = "own.key"
[archive]
path = "/mnt/archive"
[camera]
kind = "file"
path = "photographs"
[recipes.can]
bundle = "can.tflite"
[recipes.jar]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "line"
    folder.mkdir()
    path = folder / "config.toml"
    path.write_text(EVERY_PATH)
    return path


@pytest.mark.parametrize("named", ["line/config.toml", "../line/config.toml", "/"])
def test_paths_of_a_file_and_defaults_begin_where_the_file_lies(
    file: Path, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / ("else" if named.startswith("..") else "."))
    settings = load_settings(file if named == "/" else Path(named), {})
    folder = file.parent
    assert Path(settings.model.path) == folder / "part.tflite"
    assert Path(settings.model.folder) == folder / "bundles"
    assert Path(settings.shadow.bundle) == folder / "next.tflite"
    assert settings.camera.kind == "file"
    assert Path(settings.camera.path) == folder / "photographs"
    assert Path(settings.journal.path) == folder / "state/journal.sqlite"
    assert Path(settings.mqtt.cert_file).resolve() == tmp_path / "own.pem"
    assert settings.archive.path == "/mnt/archive"
    assert [settings.bundle_of(name) for name in settings.recipe_names] == [
        str(folder / name) for name in ("part.tflite", "can.tflite", "part.tflite")
    ]


def test_flags_and_variables_begin_where_the_command_runs(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ARCHIVE__PATH", "kept")
    settings = load_settings(file, {"model.path": "new.tflite", "camera.path": "other"})
    assert settings.archive.path == str(tmp_path / "kept")
    assert settings.model.path == str(tmp_path / "new.tflite")
    assert settings.camera.kind == "file"
    assert settings.camera.path == str(tmp_path / "other")
    assert settings.journal.path == str(file.parent / "state/journal.sqlite")


@pytest.mark.parametrize("file", [None, Path("/dev/null")])
def test_without_a_file_that_lies_anywhere_all_begin_where_the_command_runs(
    file: Path | None, tmp_path: Path
) -> None:
    settings = load_settings(file, {})
    assert settings.journal.path == str(tmp_path / "state/journal.sqlite")
    assert settings.archive.path == settings.mqtt.ca_file == ""


def test_every_setting_that_is_called_like_a_path_is_one() -> None:
    called = [key for key, _ in setting_fields() if key.endswith(("path", "folder", "bundle", "_file"))]
    assert [key for key, field in setting_fields() if is_path(field)] == called
