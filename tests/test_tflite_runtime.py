"""The device part with tflite-runtime, for devices that have no wheel of ai-edge-litert."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "samples" / "demo.tflite"
PARTS = ROOT / "samples" / "parts"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


def run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Run it in the repository, with nothing of this test's own environment on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def python_3_11() -> str:
    """The last Python that tflite-runtime has wheels for, and the first that Linegate runs on."""
    probe = "import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))"
    for candidate in (sys.executable, shutil.which("python3.11")):
        if candidate is not None and run([candidate, "-c", probe]).returncode == 0:
            return candidate
    pytest.skip("tflite-runtime needs Python 3.11, which is not here")


def extra() -> list[str]:
    """The packages of the extra ``tflite-runtime``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements: list[str] = project["optional-dependencies"]["tflite-runtime"]
    return requirements


def constraints_beside_the_extra() -> str:
    """constraints.txt without what the extra itself pins."""

    def name(requirement: str) -> str:
        return re.sub(r"[-_.]+", "-", re.split(r"[=<>~! ;]", requirement)[0]).lower()

    own = {name(requirement) for requirement in extra()}
    lines = (ROOT / "constraints.txt").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if name(line) not in own)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with Linegate and tflite-runtime, and without ai-edge-litert."""
    folder = tmp_path_factory.mktemp("tflite-runtime")
    made = run([python_3_11(), "-m", "venv", folder / "venv"])
    assert made.returncode == 0, made.stderr
    python = folder / "venv" / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check"]

    (runtime,) = (requirement for requirement in extra() if requirement.startswith("tflite-runtime"))
    reached = run([*pip, "download", "--quiet", "--no-deps", "--dest", folder / "wheels", runtime])
    if reached.returncode:
        pytest.skip(f"the package index cannot be reached, or lacks {runtime}: {reached.stderr.strip()}")

    constraints = folder / "constraints.txt"
    constraints.write_text(constraints_beside_the_extra())
    installed = run([*pip, "install", "--quiet", "--constraint", constraints, f"{ROOT}[tflite-runtime]"])
    assert installed.returncode == 0, installed.stderr
    removed = run([*pip, "uninstall", "--quiet", "--yes", "ai-edge-litert"])
    assert removed.returncode == 0, removed.stderr
    return python


def test_the_model_runs_on_tflite_runtime(python: Path) -> None:
    program = f"""
from pathlib import Path
from edge.core.interpreter import runtime_version
from edge.core.runtime import load_model
load_model(Path({str(MODEL)!r}))
print(runtime_version())
"""
    result = run([python, "-c", program])

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("tflite-runtime")


def test_replay_gives_verdicts_on_tflite_runtime(python: Path) -> None:
    result = run([python, "-m", "edge", "--replay", PARTS, "--json"])

    assert result.returncode == 0, result.stderr
    replay = json.loads(result.stdout)
    assert replay["inspected"] > 0
    assert replay["verdicts"]["fault"] == 0
    assert sum(replay["verdicts"].values()) == replay["inspected"]
