"""The page as a process of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.settings.settings import Settings

ROOT = Path(__file__).parents[3]


@contextmanager
def serving(settings: Settings, *more: str) -> Iterator[str]:
    """Its address, while it runs."""
    command = [
        sys.executable, "-m", "edge", "page", "--page.port", "0", "--station.name", settings.station.name,
        "--journal.path", settings.journal.path, "--archive.path", settings.archive.path, *more,
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found is not None, process.communicate()
        yield found[0]
    finally:
        process.terminate()
        _, trouble = process.communicate(timeout=30)
    assert process.returncode == 0, trouble
    assert trouble == "", trouble
