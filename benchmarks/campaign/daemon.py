"""The daemon of the campaign: 50 simulated parts a second, all rejected, all recorded."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.settings.gate import GateSettings

ROOT = Path(__file__).parents[2]
RATE = 50
NICE = -10
TRAVEL_S = GateSettings().travel_ms / 1000
SIMULATED = ("--camera.replay_fps", str(RATE), "--camera.size", "64", "--camera.settle_ms", "0")


def start(
    port: int,
    journal: Path,
    log: Path,
    *flags: str,
    camera: Sequence[str] = SIMULATED,
    environment: Mapping[str, str] | None = None,
    module: Sequence[str] = ("edge",),
) -> subprocess.Popen[bytes]:
    """Start one against the broker at a port; what it says goes to ``log``. Later flags win over ours.

    As systemd/edge.service does: with one arena for memory, and ahead of other programs. ``module`` is
    another program that ends in it, with its own arguments.
    """
    with log.open("ab") as said:
        daemon = subprocess.Popen(
            [
                *(sys.executable, "-m", *module, "--config", "/dev/null", "--log.level", "warning"),
                *camera,
                *("--recipe.ok_below", "0", "--recipe.defect_from", "0"),
                *("--mqtt.port", str(port), "--mqtt.reconnect_max_s", "0.5"),
                *("--journal.path", str(journal)),
                *flags,
            ],
            cwd=ROOT,
            env={**_environment(), **(environment or {})},
            stdout=said,
            stderr=said,
        )
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, daemon.pid, NICE)
    return daemon


def _environment() -> dict[str, str]:
    """Ours, but compiled once, as an installed one is: a shell may forbid to keep what was compiled."""
    ours = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**ours, "MALLOC_ARENA_MAX": "1", "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "campaign-bytecode")}


@dataclass(frozen=True)
class Footprint:
    """The resources of a process; memory is what is resident, in megabytes."""

    memory_mb: float
    threads: int
    files: int


def footprint(pid: int) -> Footprint:
    """Of a process that is there."""
    status = Path(f"/proc/{pid}/status").read_text()
    values = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1}
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Footprint(int(values["VmRSS"]) / 1024, int(values["Threads"]), files)


def recorded(journal: Path) -> dict[str, bytes]:
    """The content of a journal: each id with its content."""
    database = sqlite3.connect(journal)
    rows = database.execute("SELECT message FROM inspections ORDER BY number").fetchall()
    database.close()
    return {json.loads(text)["id"]: text.encode() for (text,) in rows}
