"""Programs that run on Node.js, where `make node` installed them."""

import shutil
from pathlib import Path

import pytest

MODULES = Path(__file__).parents[1] / "build" / "node" / "node_modules"


def node_modules(package: str) -> Path:
    """The folder that ``package`` lies in; skips the test where it is not installed."""
    if shutil.which("node") is None or not (MODULES / package).is_dir():
        pytest.skip(f"{package} is not installed: make node")
    return MODULES
