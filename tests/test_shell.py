"""Man pages and completions: those of the parsers, whole, and understood by man and bash."""

import argparse
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.shell import COMPLETION, MAN, papers, programs

PAPERS = papers()


def flags_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Every flag that help shows, those of the parts as well."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from flags_of(part)
        elif action.help != argparse.SUPPRESS:
            yield from action.option_strings


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_every_file_is_that_of_the_parsers(path: Path) -> None:
    assert path.read_text("utf-8") == PAPERS[path], "`make commands` writes it again"


@pytest.mark.parametrize(("name", "parser"), programs().items())
def test_every_flag_is_in_the_man_page_and_in_each_completion(
    name: str, parser: argparse.ArgumentParser
) -> None:
    flags = set(flags_of(parser))
    assert len(flags) > 5
    page = PAPERS[MAN / f"{name}.1"].replace("\\-", "-")
    assert [flag for flag in flags if flag not in page and flag not in ("-h", "--help")] == []
    for file in (f"{name}.bash", f"_{name}"):
        text = PAPERS[COMPLETION / file]
        assert [flag for flag in flags if flag not in text] == [], file


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("name", programs())
def test_man_shows_the_page_without_a_warning(name: str) -> None:
    shown = subprocess.run(
        ["man", "--warnings", "--locale", "C.UTF-8", "-l", MAN / f"{name}.1"],
        capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert shown.stderr == ""
    assert f"{name} - " in shown.stdout.replace("  ", " ")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("edge --max-e", "--max-escapes"),
        ("edge --camera.dev", "--camera.device"),
        ("trainer ev", "evaluate"),
        ("trainer train --back", ""),
        ("quantize --allow-f", "--allow-flips"),
    ],
)
def test_bash_completes_what_was_begun(words: str, expected: str) -> None:
    name = words.split(maxsplit=1)[0]
    script = (
        f"source {COMPLETION / name}.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        f"_shtab_{name}; echo ${{COMPREPLY[@]}}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
