"""Known weaknesses of the pinned packages, by pip-audit in an environment of its own: `make audit`.

Exit status: 0 none is known, or nothing can be known from here, which is said; 1 some are known.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SECONDS = 300


def ask() -> list[dict[str, Any]]:
    """The answer of pip-audit for each pin; empty where it is not available or gives no answer."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        install = [f"{programs}/pip", "install", "--quiet", "pip-audit"]
        look_up = [
            f"{programs}/pip-audit", "--requirement", f"{ROOT}/constraints.txt", "--no-deps", "--disable-pip",
            "--format", "json", "--progress-spinner", "off",
        ]  # fmt: skip
        try:
            subprocess.run(install, check=True, timeout=SECONDS)
            run = subprocess.run(look_up, stdout=subprocess.PIPE, timeout=SECONDS, check=False)
            found: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
        except (subprocess.SubprocessError, ValueError, KeyError):
            return []
        return found


def judge(packages: list[dict[str, Any]]) -> tuple[int, str]:
    """Exit status and text for pip-audit's list; a package that it knew nothing of was not looked up."""
    known = [package for package in packages if "vulns" in package]
    if not known:
        return 0, "audit SKIPPED: no list of known weaknesses is available from here"
    lines = [
        f"{package['name']} {package['version']}: {weakness['id']}; "
        f"fixed in {', '.join(weakness['fix_versions']) or 'no version'}"
        for package in known
        for weakness in package["vulns"]
    ]
    unknown = len(packages) - len(known)
    end = f"audit: {len(known)} packages looked up, {unknown} unknown, {len(lines)} weaknesses"
    return int(bool(lines)), "\n".join([*lines, end])


if __name__ == "__main__":
    status, text = judge(ask())
    print(text)
    sys.exit(status)
