"""kill -9 of the station and of the PLC at random moments: no stale result may let a part pass."""

import json
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.modbus import processes
from benchmarks.modbus.plc import TRAVEL_S
from benchmarks.performance.line import BUNDLE, draw
from testing.brokers import MosquittoBroker, free_port

PATIENCE_S = 60.0
LONGEST_LIFE_S = 1.0
PLC_SHARE = 0.7
"""Of the kills: the station takes longer to come back."""
WINDOW_S = 0.01
_STEP_S = 0.02
STOP = "stop"
"""A file of this name in the folder ends the kills, and what there is is judged."""
FPS, FRAMES = 100, 3000
OLDEST_S = 12.0
"""A station that has lived so long is killed next: its pictures come to an end."""


@dataclass
class ModbusKills:
    """The outcome of so many kills, by the PLC's own notes, beside what the station kept."""

    station_kills: int = 0
    plc_kills: int = 0
    parts: int = 0
    """At the light barrier."""
    passed: int = 0
    ejected: int = 0
    stale: list[str] = field(default_factory=list)
    """Passes that were taken after their part was at the ejector, by the PLC's clock."""
    wrong: list[str] = field(default_factory=list)
    """Passes of parts that the station did not pass, by its journal."""
    unknown: list[str] = field(default_factory=list)
    """Passes that neither the journal nor the broker knows of."""
    passes_missed: int = 0
    """Passes by the journal that the PLC did not take: ejected, though good."""
    back_s: list[float] = field(default_factory=list)
    """From a kill to the next part that passes."""
    not_back: int = 0
    """The number of times that none did within PATIENCE_S."""


def kill_both(
    broker: MosquittoBroker, folder: Path, *, times: int, seed: int, plc_kind: str = "careful"
) -> ModbusKills:
    """Kill one of the two ``times`` times, wait until parts pass again, and at last compare."""
    chance, port = random.Random(seed), free_port()
    journal, notes = folder / "journal.sqlite", folder / "notes.txt"
    notes.touch()
    draw(folder / "parts", FRAMES)
    result = ModbusKills()
    begin: dict[str, Callable[[], BaseProcess]] = {
        "station": lambda: processes.station(folder / "edge.log", _flags(folder, port, broker.port)),
        "plc": lambda: processes.plc(port, broker.port, notes, plc_kind),
    }
    running = {who: start() for who, start in begin.items()}
    begun = time.monotonic()
    try:
        _wait_for_a_pass(notes, 0)
        while result.station_kills + result.plc_kills < times and not (folder / STOP).exists():
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            size, killed = notes.stat().st_size, time.monotonic()
            is_young = killed - begun < OLDEST_S
            who = "plc" if chance.random() < PLC_SHARE and is_young else "station"
            begun = begun if who == "plc" else killed
            running[who].kill()
            running[who].join()
            running[who] = begin[who]()
            result.plc_kills += who == "plc"
            result.station_kills += who == "station"
            try:
                result.back_s.append(_wait_for_a_pass(notes, size) - killed)
            except TimeoutError:
                result.not_back += 1
        running["plc"].kill()
        running["station"].terminate()
        running["station"].join(PATIENCE_S)
    finally:
        for process in running.values():
            process.kill()
            process.join()
    return judge(result, notes.read_text("ascii"), actions(journal))


def _flags(folder: Path, port: int, broker: int) -> tuple[str, ...]:
    return (
        *("--camera.kind", "file", "--camera.path", str(folder / "parts"), "--camera.replay_fps", str(FPS)),
        *("--journal.path", str(folder / "journal.sqlite"), "--mqtt.port", str(broker)),
        *("--model", str(BUNDLE), "--mqtt.reconnect_max_s", "0.5", "--alarms.rejects_in_row", "0"),
        *("--modbus.enabled", "true", "--modbus.port", str(port), "--trigger.kind", "message"),
        *("--gate.mode", "reject-unless-ok", "--gate.travel_ms", str(TRAVEL_S * 1000)),
        *(
            "--gate.window_ms",
            str(WINDOW_S * 1000),
        ),
        *("--recipe.ok_below", "0.5", "--recipe.defect_from", "0.5"),
    )


def _wait_for_a_pass(notes: Path, after: int) -> float:
    """When a part passes whose PLC took the count over after this place in the notes."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with notes.open("rb") as file:
            file.seek(after)
            new = file.read()
        if b"\nP " in (b"\n" + new).partition(b"\nA\n")[2]:
            return time.monotonic()
        time.sleep(_STEP_S)
    raise TimeoutError(f"no part passes within {PATIENCE_S:g} s")


def actions(journal: Path) -> dict[str, str]:
    """The action of the station for each part, by its journal."""
    database = sqlite3.connect(journal)
    rows = [json.loads(text) for (text,) in database.execute("SELECT message FROM inspections")]
    database.close()
    return {row["part"]: row["action"] for row in rows}


def judge(result: ModbusKills, notes: str, kept: dict[str, str]) -> ModbusKills:
    """Compare what the PLC noted with what the station kept; a kill may cut its last line."""
    seen: dict[str, float] = {}
    taken: dict[str, float] = {}
    said: set[str] = set()
    for line in notes.splitlines():
        match line.split():
            case ["T", part, at]:
                seen[part] = float(at)
            case ["P", part, at]:
                taken[part] = float(at)
            case ["M", part]:
                said.add(part)
            case ["E", _]:
                result.ejected += 1
    result.parts, result.passed = len(seen), len(taken)
    for part, when in taken.items():
        if when - seen[part] > TRAVEL_S:
            result.stale.append(part)
        if kept.get(part) == "reject":
            result.wrong.append(part)
        elif part not in kept and part not in said:
            result.unknown.append(part)
    result.passes_missed = sum(
        action == "pass" and part in seen and part not in taken for part, action in kept.items()
    )
    return result
