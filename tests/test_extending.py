"""The examples of docs/extending.md work: made in a copy of the sources, where its tests run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_BROKER

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs" / "extending.md"
COPIED = ("edge", "quantize", "samples", "testing", "tests", "trainer")
PATH = r"`(?P<{}>[\w./]+)`"
STEP = re.compile(
    rf"^(?:{PATH.format('new')}, a new file:|In {PATH.format('old')}, (?P<how>above|below|in place of)"
    r" `(?P<anchor>[^`\n]+)`:)\n\n```python\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ALSO_ASKED = ("tests/trainer/methods/test_one_class.py",)


def carry_out(page: str, root: Path) -> list[str]:
    """Make the files and the changes of the page; returns the new files."""
    made = []
    for step in STEP.finditer(page):
        if step["new"]:
            file = root / step["new"]
            assert not file.exists(), f"{step['new']} exists already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step["text"], "utf-8")
            made.append(step["new"])
            continue
        file = root / step["old"]
        lines = file.read_text("utf-8").splitlines(keepends=True)
        at = [number for number, line in enumerate(lines) if line.rstrip("\n") == step["anchor"]]
        assert len(at) == 1, f"{step['old']} has {len(at)} lines {step['anchor']!r}"
        begin, end = {"above": (at[0],) * 2, "below": (at[0] + 1,) * 2, "in place of": (at[0], at[0] + 1)}[
            step["how"]
        ]
        lines[begin:end] = [step["text"]]
        file.write_text("".join(lines), "utf-8")
    return made


def pages() -> str:
    """All examples, in the order of the index."""
    names = re.findall(r"\((extending/[\w-]+\.md)\)", INDEX.read_text("utf-8"))
    return "\n".join((INDEX.parent / name).read_text("utf-8") for name in names)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The sources with all that the page says, and the files that it adds."""
    root = tmp_path_factory.mktemp("extended")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root, carry_out(pages(), root)


def run(extended: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=extended,
        env={**os.environ, REQUIRE_BROKER: "0"},  # none of these tests has one
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_block_of_python_on_the_pages_is_a_step() -> None:
    text = pages()
    assert len(STEP.findall(text)) == text.count("```python") > 20


def test_the_examples_keep_the_rooms_and_the_rules(extended: tuple[Path, list[str]]) -> None:
    root, made = extended
    run(root, "ruff", "check", *made)
    run(root, "ruff", "format", "--check", *made)
    run(root, "importlinter.cli", "lint", "--no-cache")


@pytest.mark.slow
def test_the_examples_have_the_types_that_they_say(extended: tuple[Path, list[str]]) -> None:
    root, made = extended
    run(root, "mypy", *made)


def files_of_tests(made: list[str]) -> dict[str, str]:
    return {Path(file).stem: file for file in made if Path(file).name.startswith("test_")}


def test_the_examples_of_outputs_a_camera_and_a_trigger_pass_their_tests(
    extended: tuple[Path, list[str]],
) -> None:
    root, made = extended
    tests = files_of_tests(made)
    own = [tests[name] for name in ("test_tower", "test_webhook", "test_picture_file", "test_burst")]
    run(root, "pytest", "-q", "-p", "no:cacheprovider", *own)


@pytest.mark.slow
def test_the_examples_of_a_backbone_and_a_method_pass_their_tests_and_those_of_all(
    extended: tuple[Path, list[str]],
) -> None:
    root, made = extended
    tests = files_of_tests(made)
    own = [tests[name] for name in ("test_edges", "test_deviations")]
    run(root, "pytest", "-q", "-p", "no:cacheprovider", *own, *ALSO_ASKED)
