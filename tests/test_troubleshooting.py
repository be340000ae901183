"""The messages in docs/guides/troubleshooting.md are those of the code."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_LEAST = 10  # signs that are no chance
_ENDS = " ,:;\n"


def quoted() -> list[str]:
    """The messages in the first column of every table, without the shortened ends."""
    lines = (ROOT / "docs" / "guides" / "troubleshooting.md").read_text("utf-8").splitlines()
    firsts = (line.split("|")[1].strip() for line in lines if line.startswith("| `"))
    return [message for first in firsts for message in re.findall(r"`([^`]+(?:` [^`]+`[^`]*)?)`", first)]


def literals() -> set[str]:
    """All strings of the programs, in pieces between what is filled in."""
    found: set[str] = set()
    for program in ("edge", "trainer", "quantize"):
        for file in (ROOT / program).rglob("*.py"):
            tree = ast.parse(file.read_text("utf-8"))
            constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            found |= {value.strip(_ENDS) for value in constants if isinstance(value, str)}
    return found


LITERALS = literals()


def said(part: str) -> float:
    """The share of it that stands in the programs as it is; the rest is filled in."""
    covered = [any(part in literal for literal in LITERALS)] * len(part)
    for literal in LITERALS:
        at = part.find(literal) if len(literal) >= _LEAST else -1
        if at >= 0:
            covered[at : at + len(literal)] = [True] * len(literal)
    return sum(covered) / len(part)


@pytest.mark.parametrize("message", quoted())
def test_every_message_that_is_explained_is_said(message: str) -> None:
    parts = [part.strip(_ENDS) for part in message.split("…")]
    longest = max(parts, key=len)
    assert said(longest) >= 0.4, longest


def test_messages_are_found_and_others_are_not() -> None:
    assert len(quoted()) > 30
    assert said("the moon is made of green cheese and of nothing besides") < 0.4
