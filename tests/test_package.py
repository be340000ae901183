"""The wheel and the source distribution: whole, the same bytes twice, and enough for a first look."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("edge", "trainer", "quantize")
MOMENT = "1767225600"  # the start of 2026


def build(folder: Path) -> dict[str, bytes]:
    """Both distributions by name."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": MOMENT},
    )  # fmt: skip
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


def wheel_of(distributions: Path) -> Path:
    return next(distributions.glob("*.whl"))


def sources() -> set[str]:
    """All that lies in the packages."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_packages_and_what_a_shell_looks_for(distributions: Path) -> None:
    with zipfile.ZipFile(wheel_of(distributions)) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert sources() - names == set()
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {"edge/simulation/demo.tflite"} <= names
    for place in ("man/man1/edge.1", "bash-completion/completions/trainer", "zsh/site-functions/_quantize"):
        assert any(name.endswith(f".data/data/share/{place}") for name in names), place
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    for line in ("Author: The Linegate authors", "License-Expression: MIT", "Classifier: Typing :: Typed"):
        assert line in metadata


def test_the_wheel_is_made_from_the_source_distribution(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources() - names == set()
    assert {"LICENSE", "README.md", "CHANGELOG.md", "config.toml", "samples/demo.tflite"} <= names
    tops = {name.partition("/")[0] for name in names} - {"", "PKG-INFO", ".gitignore", "pyproject.toml"}
    assert tops == {*PACKAGES, "docs", "samples", "LICENSE", "README.md", "CHANGELOG.md", "config.toml"}


def test_the_same_sources_give_the_same_bytes(distributions: Path, tmp_path: Path) -> None:
    assert build(tmp_path) == {path.name: path.read_bytes() for path in sorted(distributions.iterdir())}


def test_an_index_takes_both_and_shows_the_readme(distributions: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *distributions.iterdir()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_installed_without_a_checkout_all_three_commands_and_the_demo_work(
    distributions: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(wheel_of(distributions))], check=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    others = tmp_path / "venv" / "lib" / version / "site-packages" / "dependencies.pth"
    others.write_text(sysconfig.get_path("purelib"))  # what it needs is there already
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(*words: str) -> str:
        done = subprocess.run(
            [python.with_name(words[0]), *words[1:]],
            capture_output=True, text=True, check=False, cwd=elsewhere, env={"PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("python", "-c", "import edge, trainer, quantize; print(edge.__file__)")
    assert where.startswith(str(tmp_path))
    for name in ("edge", "trainer", "quantize"):
        assert "examples:" in run(name, "--help")
    assert "20 verdicts received over MQTT" in run(
        "edge", "demo", "--parts", "20", "--rate", "20", "--no-page"
    )
    assert list(elsewhere.iterdir()) == []
