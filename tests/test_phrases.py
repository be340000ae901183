"""Messages, documents and docstrings are in plain English, and docstrings stand alone."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HISTORY = {"CHANGELOG.md"}
PHRASES = {
    r"would be right": "expected …",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bto be had\b|\b(can't|cannot|can|could) be had\b": "available",
    r"\blets? us in\b": "connection refused",
    r"\bnought\b": "zero",
    r"\bheed(s|ed)?\b": "apply, regard",
}
WORDED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.service", "Makefile", "systemd/install"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()
    if name not in HISTORY and (ROOT / name).is_file() and name != "tests/test_phrases.py"
]  # fmt: skip
SOURCES = [path for path in WORDED if path.suffix == ".py"]
LEANING = ("What", "Whether", "How")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("phrase", PHRASES)
def test_no_text_has_a_phrase_that_a_technical_writer_would_not_write(phrase: str) -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()}; write: {PHRASES[phrase]}"
        for path in WORDED
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if re.search(phrase, line, re.IGNORECASE)
    ]
    assert found == []


def leaning_docstrings(path: Path) -> list[str]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        text = ast.get_docstring(node) if isinstance(node, documented) else None
        if text and re.match(rf"({'|'.join(LEANING)})\b", text):
            found.append(f"{name_of(path)}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}")
    return found


def test_every_docstring_stands_alone_and_begins_with_what_it_documents() -> None:
    assert [line for path in SOURCES for line in leaning_docstrings(path)] == []
