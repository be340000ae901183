"""`make modbus`: docs/research/modbus.md again: kills of both sides, and how soon a result can be read."""

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.modbus.kills import ModbusKills, kill_both
from benchmarks.modbus.latency import Latencies, measure
from testing.brokers import MosquittoBroker, find_mosquitto
from testing.modbus_clients import libmodbus_is_missing


def main(argv: list[str] | None = None) -> int:
    """Measure, print, and put it into a page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make modbus", description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="of the station and of the PLC, together")
    parser.add_argument("--seconds", type=float, default=0, help="how long latencies are measured")
    parser.add_argument("--rate", type=float, default=50, help="parts a second (default: 50)")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--out", type=Path, help="page whose lines of the same name are replaced")
    arguments = parser.parse_args(argv)
    lines: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="linegate-") as name:
        folder = Path(name)
        if arguments.seconds:
            (folder / "latency").mkdir()
            found = measure(folder / "latency", seconds=arguments.seconds, rate=arguments.rate)
            lines |= latency_lines(found, arguments.rate)
        if arguments.kills:
            program, missing = find_mosquitto(), libmodbus_is_missing()
            if program is None or missing is not None:
                print(f"modbus: {missing or 'mosquitto is not installed'}", file=sys.stderr)
                return 2
            (folder / "kills").mkdir()
            broker = MosquittoBroker(program, folder / "broker")
            broker.start()
            kills = kill_both(broker, folder / "kills", times=arguments.kills, seed=arguments.seed)
            broker.stop()
            lines |= kill_lines(kills)
    for line in lines.values():
        print(line)
    if arguments.out is not None:
        arguments.out.write_text(replaced(arguments.out.read_text("utf-8"), lines), "utf-8")
    return 0


def latency_lines(found: Latencies, rate: float) -> dict[str, str]:
    """A row each."""
    rows = {"station": found.station, "bare pymodbus loop": found.bare}
    lines = {}
    for what, values in rows.items():
        p50, p99 = np.percentile(values, [50, 99])
        lines[what] = (
            f"| {what} | {rate:g} | {len(values)} | {p50:.1f} | {p99:.1f} | {max(values):.1f} | {_when()} |"
        )
    return lines


def kill_lines(found: ModbusKills) -> dict[str, str]:
    """One row."""
    what = "kills"
    median, worst = np.median(found.back_s), max(found.back_s)
    return {
        what: f"| {what} | {found.station_kills} + {found.plc_kills} | {found.parts} | {found.passed} | "
        f"{len(found.stale)} | {len(found.wrong)} | {len(found.unknown)} | {found.passes_missed} | "
        f"{median:.1f}, {worst:.1f}, {found.not_back} | {_when()} |"
    }


def replaced(page: str, lines: dict[str, str]) -> str:
    """The page with these rows in place of those that begin alike."""
    rows = {f"| {name} |": line for name, line in lines.items()}
    return "".join(
        next((f"{line}\n" for begin, line in rows.items() if old.startswith(begin)), old)
        for old in page.splitlines(keepends=True)
    )


def _when() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
