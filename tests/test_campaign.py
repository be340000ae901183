"""The campaign in short: `make campaign` does the same many times more."""

import json
import math
import random
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.campaign import __main__ as command
from benchmarks.campaign import cameras, disturbances, table
from benchmarks.campaign.brokers import MisbehaviourResult, misbehave
from benchmarks.campaign.cameras import CameraResult
from benchmarks.campaign.daemon import Footprint
from benchmarks.campaign.disturbances import KINDS, ClockStepped, DisturbanceResult, disturb_often
from benchmarks.campaign.fuzz import campaign
from benchmarks.campaign.fuzz.campaign import FuzzResult, fuzz
from benchmarks.campaign.fuzz.targets import Target, targets
from benchmarks.campaign.fuzz.worker import Note
from benchmarks.campaign.graphs import GraphResult, spoil_graphs
from benchmarks.campaign.held import HeldResult, hold_often
from benchmarks.campaign.kill import KillResult, kill_often
from benchmarks.campaign.link import KEEPS_ALL, KEEPS_SESSIONS, LinkResult, away, fault_often
from benchmarks.campaign.power import PowerResult, cut_often
from benchmarks.campaign.signals import SignalResult, signal_often
from benchmarks.campaign.soak import Sample, SoakResult, plot, read_samples, slopes, soak
from benchmarks.campaign.table import HEAD, Row, merged
from edge.records.outbox import WINDOW
from testing.brokers import MosquittoBroker
from testing.rigs.power import CuttableDisk, power_cut_is_missing
from testing.rigs.witness import CommandTimes, Witness
from testing.stations import Watcher
from tests.conftest import StartBroker


@pytest.mark.broker
def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    broker: MosquittoBroker, tmp_path: Path
) -> None:
    result = kill_often(broker, tmp_path, times=4, seed=1)
    assert result.kills == 4
    assert result.verdicts > 0
    assert (result.missing_in_journal, result.missing_at_witness) == (0, 0)
    assert (result.two_contents, result.out_of_order, result.commands_sent_late) == (0, 0, 0)
    assert result.times.judged > 0
    assert (result.times.late, result.times.shifted) == (0, 0)


@pytest.mark.broker
def test_the_witness_sees_by_its_own_clock_what_is_late_and_what_names_another_moment(
    broker: MosquittoBroker,
) -> None:
    witness = Witness(broker.host, broker.port)
    station = Watcher(broker)
    now = datetime.now(UTC)
    for number, (part, seen_ago_s, shifted_s) in enumerate(
        [("good", 0, 0), ("late", 2, 0), ("shifted", 0, 0.1)]
    ):
        captured = now - timedelta(seconds=seen_ago_s)
        due = captured + timedelta(seconds=0.5 + shifted_s)
        times = {"due_at": due.isoformat(), "valid_until": due.isoformat(), "due_in_ms": 1.0}
        verdict = {"id": f"r-{number}", "part": part, "action": "reject", "captured_at": captured.isoformat()}
        for kind, message in (("reject", {"part": part, **times}), ("verdict", verdict)):
            topic = f"inspection/station-1/{kind}"
            station.client.publish(topic, json.dumps(message), qos=1).wait_for_publish(10)
    assert witness.wait(lambda: len(witness.verdicts) == 3, 10)
    assert witness.command_times(0.5) == CommandTimes(judged=3, late=1, shifted=1)
    station.close()
    witness.close()


@pytest.mark.broker
def test_held_between_a_decision_and_its_sending_it_sends_nothing_late_by_another_clock(
    broker: MosquittoBroker, tmp_path: Path
) -> None:
    result = hold_often(broker, tmp_path, times=4, seed=1)
    assert 0 < result.longer_than_travel < result.holds
    assert result.times.judged > 0
    assert (result.times.late, result.times.shifted) == (0, 0)


def test_a_broker_that_misbehaves_costs_no_verdict_and_no_memory(tmp_path: Path) -> None:
    """Every kind is tried with the link alone, in tests/edge/outputs/mqtt/test_fake_broker.py."""
    kinds = [
        "nonsense after a message", "a malformed user property", "acknowledges commands only",
        "refuses every message", "a message of 50 MB", "speaks only 3.1.1", "says goodbye with 0x8b",
    ]  # fmt: skip
    result = misbehave(tmp_path, times=1, seed=1, kinds=kinds, longest_s=1.0)
    assert result.times == dict.fromkeys(kinds, 1)
    assert (result.ended, result.not_back, result.commands_late) == ([], [], [])
    assert result.verdicts > 0
    assert (result.missing, result.two_contents) == (0, 0)
    assert max(result.memory_mb.values()) < result.memory_first_mb + 40
    assert max(result.lines.values()) <= 10


@pytest.mark.broker
def test_signals_at_random_moments_end_nothing_and_lose_nothing(
    broker: MosquittoBroker, tmp_path: Path
) -> None:
    result = signal_often(broker, tmp_path, times=600, seed=1)
    assert (result.signals, result.ended) == (600, 0)
    assert result.stacks > 0
    assert result.verdicts > 0
    assert (result.missing, result.two_contents) == (0, 0)


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


@pytest.mark.broker
def test_a_broker_that_dies_freezes_or_is_cut_off_costs_no_verdict(
    mosquitto_broker: StartBroker, tmp_path: Path
) -> None:
    result = fault_often(mosquitto_broker(KEEPS_ALL), tmp_path, times=5, seed=1)
    assert set(result.faults) == {"killed", "restarted", "frozen", "half-open", "slow"}
    _assert_all_is_there(result)


@pytest.mark.broker
def test_what_was_seen_while_the_broker_was_away_arrives_once_it_is_back(
    mosquitto_broker: StartBroker, tmp_path: Path
) -> None:
    result = away(mosquitto_broker(KEEPS_SESSIONS), tmp_path, parts=400, rate=100)
    assert result.verdicts >= 400
    _assert_all_is_there(result)
    assert result.arrived_late > 0
    assert result.unmarked <= WINDOW, "what was in flight when the broker went keeps its content"


def _assert_all_is_there(result: LinkResult) -> None:
    assert (result.missing, result.unknown, result.two_contents, result.out_of_order) == (0, 0, 0, 0)
    assert (result.commands_sent_late, result.times.shifted) == (0, 0)
    assert result.times.judged > 0


@pytest.mark.broker
def test_a_soak_counts_for_itself_and_misses_no_verdict(broker: MosquittoBroker, tmp_path: Path) -> None:
    result = soak(broker, tmp_path, hours=4 / 3600, every_s=2)
    assert result.verdicts > 0
    assert (result.missing, result.repeated, result.out_of_order) == (0, 0, 0)
    assert [sample.threads > 1 and sample.files > 1 for sample in result.samples] == [True, True]
    assert read_samples(tmp_path / "soak.csv") == result.samples
    plot(result.samples, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").stat().st_size > 0


def test_the_slope_of_a_soak_is_seen_through_noise_and_after_the_warm_up() -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 60)
    samples = [_sample(minute, rss_mb=100 + 6 * minute / 60 + noise[minute]) for minute in range(6, 60)]
    warming = [_sample(minute, rss_mb=50 + 8 * minute) for minute in range(6)]
    found = {slope.name: slope for slope in slopes([*warming, *samples])}
    assert found["rss_mb"].low < 6 < found["rss_mb"].high
    assert found["rss_mb"].low > 5
    assert (found["threads"].low, found["threads"].high) == (0, 0)


def _sample(minute: int, *, rss_mb: float) -> Sample:
    return Sample(minute, 3000, 0, rss_mb, 20, 10, 5.0, 2.0, 8.0, 5.0, 20.0, 1.0)


def test_spoiled_settings_bundles_images_and_messages_are_taken_or_refused(tmp_path: Path) -> None:
    results = fuzz(tmp_path, inputs=1500, seed=1)
    assert {name: result.failures for name, result in results.items() if result.failures} == {}
    assert sum(result.inputs for result in results.values()) == 1500
    assert all(len(result.kinds) > 1 for result in results.values())


def test_graphs_with_changed_bytes_end_no_process_that_tries_them_first() -> None:
    result = spoil_graphs(graphs=60, seed=1)
    assert result.loaded + result.refused + sum(result.ends.values()) + sum(result.raised.values()) == 60
    assert sum(result.ends.values()) > 0, "one is known to end its process"
    assert len(result.said) == sum(result.ends.values()) + sum(result.raised.values())
    assert result.taken == []


def test_fuzzing_goes_on_where_it_was_stopped_and_is_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "targets", lambda: [t for t in targets() if t.name == "bin"])
    first = fuzz(tmp_path / "one", inputs=1000, seed=7, chunk=50)
    lines = (tmp_path / "one" / campaign.DONE).read_text().splitlines()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / campaign.DONE).write_text(lines[0] + "\n")
    second = fuzz(tmp_path / "two", inputs=1000, seed=7, chunk=50)
    assert len((tmp_path / "two" / campaign.DONE).read_text().splitlines()) == len(lines)
    assert (first["bin"].inputs, first["bin"].kinds) == (second["bin"].inputs, second["bin"].kinds)


def test_some_targets_alone_get_their_share_of_the_inputs(tmp_path: Path) -> None:
    results = fuzz(tmp_path, inputs=400, seed=1, names=["settings"])
    assert {name: result.inputs for name, result in results.items()} == {"settings": 20}
    assert [row.what for row in table.fuzz_rows(results)] == ["fuzzing: settings"]


def test_an_input_that_breaks_its_process_is_kept(tmp_path: Path) -> None:
    """A worker that ends by itself stands for a crash in native code."""
    broken = Target("no-such-target", (b"x",), lambda: str, 1.0)
    note = Note(tmp_path / "note-no-such-target-0")
    note.write(17, b"\xde\xad")
    outcome = campaign.run_chunk(tmp_path, 1, broken, 0, 100)
    assert (outcome["inputs"], outcome["crashed"], outcome["hung"]) == (17, 1, 0)
    assert outcome["failures"][0].endswith("for dead")


@pytest.mark.broker
def test_a_camera_that_fails_lets_no_part_pass_and_comes_back(
    broker: MosquittoBroker, tmp_path: Path
) -> None:
    chosen = {"kinds": ["HTTP camera"], "mishaps": ["killed", "frozen"]}
    killed, frozen = cameras.break_cameras(broker, tmp_path, times=1, seed=1, **chosen)
    assert [killed.what, frozen.what] == ["HTTP camera killed", "HTTP camera frozen"]
    for result in (killed, frozen):
        assert (result.times, result.unseen, result.passed_before, result.passed_during) == (1, 0, 0, 0)
        assert result.parts_before + result.parts_during > 0
        assert len(result.held) == 2


@pytest.mark.usefixtures("broker")  # one is available
def test_one_kind_of_camera_and_one_mishap_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def break_cameras(*_: object, **chosen: object) -> list[CameraResult]:
        asked.append(chosen)
        return []

    monkeypatch.setattr(command, "break_cameras", break_cameras)
    flags = ["--cameras", "7", "--camera-kinds", "V4L2 camera", "--mishaps", "stalled", "unplugged"]
    monkeypatch.setattr("sys.argv", ["campaign", *flags])
    command.main()
    wanted = {"kinds": ["V4L2 camera"], "mishaps": ["stalled", "unplugged"]}
    assert asked == [{"times": 7, "seed": 1, **wanted}]


def test_one_kind_of_trouble_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def disturb_often(_broker: object, _folder: Path, kind: str, **_: object) -> DisturbanceResult:
        asked.append(kind)
        return DisturbanceResult(kind, times=1, back_s=[0.5])

    monkeypatch.setattr(command, "disturb_often", disturb_often)
    monkeypatch.setattr(KINDS["clock an hour back"], "missing", lambda: None)
    flags = ["--troubles", "1", "--trouble-kinds", "clock an hour back"]
    monkeypatch.setattr("sys.argv", ["campaign", *flags])
    command.main()
    assert asked == ["clock an hour back"]


def test_a_state_lasts_until_another_is_said() -> None:
    said = [(1.0, "running"), (2.0, "fault"), (5.0, "running"), (6.0, "fault")]
    assert cameras.spans_of("fault", said) == [(2, 5), (6, math.inf)]
    assert cameras.spans_of("ready", said) == []


def test_a_frame_that_passes_a_part_counts_while_the_station_says_fault() -> None:
    faults, early, ending = [(2.0, 5.0)], [1.9, 2.0, 4.4], [4.6, 5.0]
    assert cameras.frames_within(faults, early + ending, since=0.0) == 2
    assert cameras.frames_within(faults, early + ending, since=3.0) == 1


@pytest.mark.skipif(power_cut_is_missing() is not None, reason=str(power_cut_is_missing()))
def test_a_disk_counts_as_back_when_it_can_be_written_though_a_container_kept_the_dead_one(
    tmp_path: Path,
) -> None:
    disk = KINDS["disk read-only"](tmp_path / "trouble", random.Random(1))
    elsewhere = subprocess.Popen(["unshare", "--mount", "sh", "-c", "echo; sleep 2"], stdout=subprocess.PIPE)
    try:
        assert elsewhere.stdout is not None
        elsewhere.stdout.readline()
        disk.begin()
        disk.end()
        (disk.state / "probe").touch()
    finally:
        elsewhere.kill()
        elsewhere.communicate()
        disk.close()


@pytest.mark.broker
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"no memory"}))  # that one waits for the watchdog
def test_what_fails_around_the_daemon_leaves_the_gate_safe_and_is_over_by_itself(
    broker: MosquittoBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(disturbances, "LONGEST_S", disturbances.SHORTEST_S)
    missing = KINDS[kind].missing()
    if missing is not None:
        pytest.skip(missing)
    try:
        result = disturb_often(broker, tmp_path, kind, times=1, seed=1)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no disks may be mounted here: {error}")
    assert (result.times, result.not_back, result.watchdog) == (1, 0, 0)
    assert result.unrejected <= result.unsent, (
        "on a machine that gives it no time it is too late, and says so"
    )
    assert (result.commands_late, result.still_raised) == (0, 0)
    assert result.said_again == 0
    assert (result.two_contents, result.out_of_order) == (0, 0)
    if kind != "disk read-only":  # what was neither kept nor sent yet is gone, as after a power cut
        assert result.missing == 0


def test_the_table_takes_new_rows_for_old_ones_and_keeps_the_rest_of_the_page() -> None:
    kept = "| b | 1 | x | kept | d |"
    page = "\n".join(["# A", "", *HEAD, "| a | 1 | x | old | d |", kept, "", "- prose", ""])
    rows = [Row("a", 2, "x", "new"), Row("a", 2, "y", "more"), Row("c", 3, "z", "first")]
    new = ["| a | 2 | x | new | day |", "| a | 2 | y | more | day |", kept, "| c | 3 | z | first | day |"]
    assert merged(page, rows, "day").splitlines() == ["# A", "", *HEAD, *new, "", "- prose"]
    assert merged("# A\n", rows[:1], "day").splitlines() == ["# A", "", *HEAD, new[0]]


@pytest.mark.usefixtures("broker")  # one is available
def test_each_part_that_is_asked_for_writes_its_rows_and_no_other_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that only say that they ran: their work is tried above."""
    link = LinkResult({"killed": 5}, verdicts=9, back_s=[0.5], rss_mb=[1.0], threads=[2])
    results = {
        "kill_often": KillResult(kills=3, running_again_s=[1.0, 1.5, 2.5]),
        "misbehave": MisbehaviourResult(
            {"silent": 2},
            back_s=[0.5],
            memory_mb={"silent": 101.0},
            memory_first_mb=99.0,
            lines={"silent": 1},
        ),
        "signal_often": SignalResult(signals=9, stacks=2, verdicts=5),
        "hold_often": HeldResult(3, CommandTimes(9, 0, 0), 1),
        "fault_often": link,
        "away": LinkResult({"away": 1}, rss_mb=[1.0], threads=[2], drain_s=7.0),
        "cut_often": PowerResult(cuts=3, lost_s=[0.25]),
        "disturb_often": DisturbanceResult(
            "clock", times=4, parts=8, unrejected=1, unsent=2, unrecorded=6, back_s=[0.5]
        ),
        "break_cameras": [
            CameraResult("RTSP camera killed", [0.5], [0.6], [1.5], held=[Footprint(100, 9, 9)])
        ],
        "fuzz": {"bin": FuzzResult(inputs=20)},
        "spoil_graphs": GraphResult(graphs=30),
        "soak": SoakResult([_sample(minute, rss_mb=100) for minute in range(9)], 400, 0, 0, 0),
    }
    for name, result in results.items():
        monkeypatch.setattr(command, name, lambda *_, _result=result, **__: _result)
    monkeypatch.setattr(command, "power_cut_is_missing", lambda: None)
    monkeypatch.setattr(command, "KINDS", {"clock": ClockStepped})
    monkeypatch.setattr(ClockStepped, "missing", lambda: None)
    page = tmp_path / "page.md"
    page.write_text("\n".join(["# Page", "", *HEAD, "| kept | 1 | x | y | z |", "", "Prose.", ""]))

    def run(*flags: str) -> list[str]:
        monkeypatch.setattr("sys.argv", ["campaign", *flags, "--out", str(page)])
        command.main()
        return [line.split(" | ")[0].removeprefix("| ") for line in page.read_text().splitlines()[4:-2]]

    assert set(run("--power-cuts", "3")) == {"kept", "power cut of the journal's disk"}
    asked = [
        "--kills",
        "3",
        "--misbehaviours",
        "2",
        "--signals",
        "9",
        "--holds",
        "3",
        "--link-faults",
        "5",
        "--away-parts",
        "2",
        "--troubles",
        "4",
        "--cameras",
        "1",
        "--fuzz",
        "20",
        "--graphs",
        "30",
    ]
    monkeypatch.setattr(table, "targets", lambda: [t for t in targets() if t.name == "bin"])
    written = run(*asked, "--power-cuts", "3", "--hours", "0.1")
    assert list(dict.fromkeys(written)) == [
        "kept",
        "power cut of the journal's disk",
        "`kill -9` under load",
        "signals USR1 and HUP under load",
        "held by SIGSTOP between a decision and its sending",
        "the broker killed, restarted, frozen, half-open, slow",
        "a broker that misbehaves",
        "the broker away for 2 parts",
        "clock",
        "RTSP camera killed",
        "fuzzing: all",
        "fuzzing: bin",
        "bytes of a graph changed, hashes right",
        "soak at 50 parts a second",
    ]
    text = page.read_text()
    assert "median 1.50 s, worst 2.50 s, 1 later" in text
    assert "1 of 8 parts not rejected (2 commands said to be unsent)" in text
    assert "0 verdicts lost, 0 with two contents, 6 rejects without a record" in text
    assert text.endswith("Prose.\n")
    assert (tmp_path / command.PLOT).stat().st_size > 0
