"""kill -9 at random moments, under load."""

import json
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.campaign.daemon import TRAVEL_S, recorded, start
from testing.brokers import MosquittoBroker
from testing.rigs.witness import CommandTimes, Witness

PATIENCE_S = 30.0
LONGEST_LIFE_S = 1.0


@dataclass
class KillResult:
    """Effects of so many kills."""

    kills: int = 0
    verdicts: int = 0
    repeated: int = 0
    missing_in_journal: int = 0
    missing_at_witness: int = 0
    two_contents: int = 0
    out_of_order: int = 0
    commands: int = 0
    times: CommandTimes = field(default_factory=lambda: CommandTimes(0, 0, 0))
    commands_sent_late: int = 0
    commands_here_late: int = 0
    rejected_unrecorded: int = 0
    running_again_s: list[float] = field(default_factory=list)


def kill_often(broker: MosquittoBroker, folder: Path, *, times: int, seed: int) -> KillResult:
    """Kill the daemon ``times`` times, start it again at once, and at last compare what everybody has."""
    chance = random.Random(seed)
    witness = Witness(broker.host, broker.port)
    journal, log = folder / "journal.sqlite", folder / "edge.log"
    result = KillResult()
    daemon = start(broker.port, journal, log)
    try:
        _running(witness, 0)
        for _ in range(times):
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            seen = len(witness.running_at)
            daemon.kill()
            killed = time.monotonic()
            daemon.wait()
            daemon = start(broker.port, journal, log)
            result.running_again_s.append(_running(witness, seen) - killed)
            result.kills += 1
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(PATIENCE_S)
    finally:
        daemon.kill()
        daemon.wait()
    kept = recorded(journal)
    witness.wait(lambda: len(witness.verdicts) >= len(kept), PATIENCE_S)
    witness.close()
    return _compare(result, kept, witness)


def _running(witness: Witness, seen: int) -> float:
    """When the station was running again."""
    if not witness.wait(lambda: len(witness.running_at) > seen, PATIENCE_S):
        raise TimeoutError(f"not running within {PATIENCE_S:g} s")
    return witness.running_at[seen]


def _compare(result: KillResult, kept: dict[str, bytes], witness: Witness) -> KillResult:
    parts = {_part(content) for content in kept.values()}
    result.verdicts = len(witness.verdicts)
    result.repeated = witness.repeated
    result.missing_in_journal = len(witness.verdicts.keys() - kept.keys())
    result.missing_at_witness = len(kept.keys() - witness.verdicts.keys())
    differ = [i for i in kept.keys() & witness.verdicts.keys() if kept[i] != witness.verdicts[i]]
    result.two_contents = len({*witness.two_contents, *differ})
    result.out_of_order = witness.out_of_order()
    result.commands = witness.commands
    result.times = witness.command_times(TRAVEL_S)
    result.commands_sent_late = witness.commands_sent_late
    result.commands_here_late = witness.commands_here_late
    result.rejected_unrecorded = len(witness.rejected_parts - parts)
    return result


def _part(content: bytes) -> str:
    return str(json.loads(content)["part"])
