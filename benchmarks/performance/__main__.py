"""`make bench`: time, memory and wear beside the least that a program of one's own needs, in one run.

What counts are ratios: machines are shared and noisy. Prints tables, writes build/performance.json and the
sections of docs/research/performance.md; `--only line` does one of them. The machine should do nothing else.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.performance import inspector, line, start, tables
from benchmarks.results import ROOT, machine, write_section
from edge.core.errors import LinegateError
from testing.brokers import MosquittoBroker, find_mosquitto

DOCUMENT = ROOT / "docs" / "research" / "performance.md"
FIGURES = ROOT / "build" / "performance.json"
RATES = ((10.0, 60), (50.0, 60), (100.0, 100))  # parts a second, seconds
CORES = (2, 1)
SECTIONS = ("inspector", "line", "throughput", "start", "stations")
Section = tuple[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="this section; may be said again")
    parser.add_argument("--bundle", type=Path, action="append", help="also this bundle for the inspector")
    parser.add_argument("--rounds", type=int, default=200, help="frames a configuration (default: 200)")
    parser.add_argument("--shorter", type=float, default=1.0, help="divide each duration by this, to try it")
    arguments = parser.parse_args(argv)
    program = find_mosquitto()
    if program is None:
        print("bench: mosquitto is not installed", file=sys.stderr)
        return 2
    bundles = [inspector.BUNDLE, *(arguments.bundle or [])]
    figures: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    with tempfile.TemporaryDirectory(prefix="linegate-") as name:
        broker = MosquittoBroker(program, Path(name) / "broker", config=line.AS_RECOMMENDED)
        broker.start()
        measures: dict[str, Callable[[Path], Section]] = {
            "inspector": lambda _folder: inspector_section(bundles, arguments.rounds),
            "line": lambda folder: line_section(broker, folder, arguments.shorter),
            "throughput": lambda folder: throughput_section(broker, folder, arguments.shorter),
            "start": lambda folder: start_section(broker, folder, arguments.shorter),
            "stations": lambda folder: stations_section(broker, folder),
        }
        try:
            for section in tqdm(arguments.only or SECTIONS, unit="section"):
                folder = Path(name) / section
                folder.mkdir()
                text, figures[section] = measures[section](folder)
                text = f"{machine()}\n\n{text}"
                tqdm.write(f"\n{section}\n{text}")
                write_section(DOCUMENT, section, text)
                FIGURES.parent.mkdir(exist_ok=True)
                FIGURES.write_text(json.dumps(figures, indent=1))
        except LinegateError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        finally:
            broker.stop()
    return 0


def inspector_section(bundles: Sequence[Path], rounds: int) -> Section:
    """Frame to inspection."""
    found = list(inspector.sweep(bundles, rounds=rounds))
    return tables.timings(found), inspector.documents(found)


def line_section(broker: MosquittoBroker, folder: Path, shorter: float) -> Section:
    """Frame to broker, and what each part costs, at each rate."""
    found = []
    for rate, seconds in RATES:
        for cores in CORES:
            place = folder / f"{rate:g}-{cores}"
            found.append(
                line.measure(broker, place, rate=rate, seconds=max(4.0, seconds / shorter), cores=cores)
            )
    return f"{tables.latency(found)}\n\n{tables.spent(found)}", [asdict(one) for one in found]


def throughput_section(broker: MosquittoBroker, folder: Path, shorter: float) -> Section:
    """Parts a second of more than either can do."""
    figures = []
    for cores in CORES:
        ours, bare = line.saturate(broker, folder / str(cores), parts=int(20_000 / shorter), cores=cores)
        figures.append({"cores": cores, "station": ours, "bare": bare})
    rows = [
        (one["cores"], f"{one['station']:.0f}", f"{one['bare']:.0f}", f"{one['station'] / one['bare']:.2f}")
        for one in figures
    ]
    return tables.table(("cores", "station, parts a second", "bare loop", "ratio"), rows), figures


def start_section(broker: MosquittoBroker, folder: Path, shorter: float) -> Section:
    """Process start to the first verdict."""
    found = start.measure(broker, folder, times=max(2, int(20 / shorter)))
    rows = [
        (what, f"{seconds:.2f}", f"{seconds / found.bare_s:.2f}")
        for what, seconds in (
            ("daemon with a new bundle, to its first verdict at a subscriber", found.first_s),
            ("daemon that ran with it before", found.again_s),
            ("`edge --replay` of one picture", found.replay_s),
            ("imports, load and invoke alone", found.bare_s),
        )
    ]
    return tables.table((f"median of {found.times} starts, in turns", "s", "ratio"), rows), asdict(found)


def stations_section(broker: MosquittoBroker, folder: Path) -> Section:
    """Memory of several stations on one device, and what one costs that has nothing to do."""
    memory = line.memory_of_stations(broker, folder, counts=(1, 2, 4))
    idle = line.idle_share(broker, folder / "idle")
    rows = [(f"{count} stations", f"{megabytes:.0f} MB together") for count, megabytes in memory.items()]
    rows.append(("a camera of 30 frames a second, and no part", f"{idle:.1%} of a core"))
    return tables.table(("what runs", "what it takes"), rows), {"memory_mb": memory, "idle": idle}


if __name__ == "__main__":
    sys.exit(main())
