"""constraints.txt holds one version of everything, from whichever index the reader uses."""

import re
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==[A-Za-z0-9.+!]+( ; [^;]+)?")


def lines() -> list[str]:
    text = (ROOT / "constraints.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> list[str]:
    return [canonical(match["name"]) for line in lines() if (match := PIN.fullmatch(line))]


def required() -> set[str]:
    """Everything that pyproject.toml names, but for the old runtime, which pins its own."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = settings["project"]
    extras = project["optional-dependencies"]
    groups = [settings["build-system"]["requires"], project["dependencies"]]
    groups += [names for extra, names in extras.items() if extra != "tflite-runtime"]
    return {
        canonical(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in chain.from_iterable(groups)
    }


def test_every_line_is_one_exact_version() -> None:
    assert [line for line in lines() if not PIN.fullmatch(line)] == []


def test_no_index_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert re.findall(r"://|--[a-z-]*index|--find-links|--trusted-host| @ ", text) == []


def test_everything_has_one_version() -> None:
    names = pinned()
    assert len(names) == len(set(names))


def test_every_direct_dependency_is_pinned() -> None:
    assert required() - set(pinned()) == set()
