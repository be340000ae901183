"""The campaign in short: `make campaign` does the same many times more."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from benchmarks.campaign.kill import kill_often
from benchmarks.campaign.power import cut_often
from tests.brokers import MosquittoBroker
from tests.rigs.power import CuttableDisk, power_cut_is_missing


@pytest.mark.broker
def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    broker: MosquittoBroker, tmp_path: Path
) -> None:
    result = kill_often(broker, tmp_path, times=4, seed=1)
    assert result.kills == 4
    assert result.verdicts > 0
    assert (result.missing_in_journal, result.missing_at_witness) == (0, 0)
    assert (result.two_contents, result.out_of_order, result.commands_sent_late) == (0, 0, 0)


def test_after_a_power_cut_the_journal_opens_and_only_the_last_moment_is_lost(
    broker: MosquittoBroker,
) -> None:
    missing = power_cut_is_missing()
    if missing is not None:
        pytest.skip(missing)
    # The disk lies in memory: how fast this machine's disk is must not decide.
    with tempfile.TemporaryDirectory(prefix="linegate-", dir="/dev/shm") as folder:
        try:
            CuttableDisk(Path(folder) / "try").close()
        except subprocess.CalledProcessError:
            pytest.skip("no disks may be mounted here")
        result = cut_often(broker, Path(folder), times=2, seed=1)
    assert (result.cuts, result.unopened, result.set_aside, result.two_contents) == (2, 0, 0, 0)
    assert max(result.lost_s) < 2, "0.5 s between syncs, on a machine that is busy with other tests"
