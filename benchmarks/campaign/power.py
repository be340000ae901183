"""The power of the journal's disk cut at random moments, under load."""

import json
import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks.campaign.daemon import recorded, start
from testing.brokers import MosquittoBroker
from testing.rigs.power import CuttableDisk
from testing.rigs.witness import Witness

PATIENCE_S = 30.0
LONGEST_LIFE_S = 3.0


@dataclass
class PowerResult:
    """Effects of so many cuts; ``lost_s`` is how far back before each cut a verdict is missing."""

    cuts: int = 0
    verdicts: int = 0
    unopened: int = 0
    set_aside: int = 0
    two_contents: int = 0
    missing: int = 0
    lost_s: list[float] = field(default_factory=list)


def cut_often(broker: MosquittoBroker, folder: Path, *, times: int, seed: int) -> PowerResult:
    """Cut ``times`` times; each time what the witness had must be there again, but for the last second."""
    chance = random.Random(seed)
    disk = CuttableDisk(folder)
    witness = Witness(broker.host, broker.port)
    result = PowerResult()
    try:
        for _ in range(times):
            life_s = chance.uniform(0, LONGEST_LIFE_S)
            _cut_once(broker.port, disk, witness, result, folder / "edge.log", life_s)
    finally:
        witness.close()
        disk.close()
    result.verdicts = len(witness.verdicts)
    result.two_contents = len(set(witness.two_contents))
    return result


def _cut_once(
    port: int, disk: CuttableDisk, witness: Witness, result: PowerResult, log: Path, life_s: float
) -> None:
    seen = len(witness.running_at)
    daemon = start(port, disk.path / "journal.sqlite", log)
    try:
        if not witness.wait(lambda: len(witness.running_at) > seen, PATIENCE_S):
            raise TimeoutError(f"not running within {PATIENCE_S:g} s")
        time.sleep(life_s)
        at = time.time()
        disk.cut()
    finally:
        daemon.kill()
        daemon.wait()
    disk.power_up()
    result.cuts += 1
    result.set_aside += any(".aside-" in file.name for file in disk.path.iterdir())
    try:
        kept = recorded(disk.path / "journal.sqlite")
    except Exception as error:  # that is what is counted here
        print(f"the journal does not open: {error}")
        result.unopened += 1
        return
    published = {
        identity: datetime.fromisoformat(json.loads(content)["captured_at"]).timestamp()
        for identity, content in witness.verdicts.items()
    }
    lost = [moment for identity, moment in published.items() if identity not in kept and moment <= at]
    result.missing += len(lost)
    result.lost_s.append(at - min(lost) if lost else 0.0)
    _forget(witness, kept)


def _forget(witness: Witness, kept: dict[str, bytes]) -> None:
    """Leave out verdicts that are lost for good: they are counted once."""
    for identity in [identity for identity in witness.verdicts if identity not in kept]:
        del witness.verdicts[identity]
