"""Run the campaign and write its table: `python -m benchmarks.campaign --kills 1000 --power-cuts 100`."""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.campaign.kill import KillResult, kill_often
from benchmarks.campaign.power import PowerResult, cut_often
from tests.brokers import MosquittoBroker, find_mosquitto
from tests.rigs.power import power_cut_is_missing

HEAD = "| what was done | times | what must hold | measured |\n| --- | --- | --- | --- |"


def kill_rows(result: KillResult) -> list[str]:
    """The table's rows for kill -9."""
    times = sorted(result.running_again_s)
    late = sum(seconds > 2 for seconds in times)
    what = f"| `kill -9` under load | {result.kills} |"
    return [
        f"{what} every verdict that a subscriber has is in the journal | {result.verdicts} verdicts,"
        f" {result.missing_in_journal} missing |",
        f"{what} every verdict of the journal arrives | {result.missing_at_witness} missing,"
        f" {result.repeated} came twice |",
        f"{what} no id with two contents | {result.two_contents} |",
        f"{what} in order | {result.out_of_order} out of order |",
        f"{what} no late command | {result.commands_sent_late} of {result.commands} sent late;"
        f" {result.commands_here_late} came after `valid_until` |",
        f"{what} running again within 2 s | median {times[len(times) // 2]:.2f} s, worst {times[-1]:.2f} s,"
        f" {late} later |",
        f"{what} (not promised) a reject without a record | {result.rejected_unrecorded} |",
    ]


def power_rows(result: PowerResult) -> list[str]:
    """The table's rows for power cuts."""
    worst = max(result.lost_s, default=0.0)
    what = f"| power cut of the journal's disk | {result.cuts} |"
    return [
        f"{what} the journal opens | {result.unopened} did not, {result.set_aside} were set aside |",
        f"{what} at most 1 s is lost | worst {worst:.2f} s, {sum(s > 1 for s in result.lost_s)} more;"
        f" {result.missing} of {result.verdicts + result.missing} verdicts |",
        f"{what} no id with two contents | {result.two_contents} |",
    ]


def main() -> None:
    """Run the parts that were asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--power-cuts", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where journals and disks lie; default: a temporary one")
    parser.add_argument("--out", type=Path, help="write the table there too")
    arguments = parser.parse_args()
    program = find_mosquitto()
    if program is None:
        parser.exit(2, "mosquitto is not installed\n")
    rows: list[str] = []
    with tempfile.TemporaryDirectory(prefix="linegate-campaign-", dir=arguments.folder) as name:
        broker = MosquittoBroker(program, Path(name) / "broker")
        broker.start()
        try:
            if arguments.kills:
                folder = Path(name) / "kill"
                folder.mkdir()
                result = kill_often(broker, folder, times=arguments.kills, seed=arguments.seed)
                rows += kill_rows(result)
            missing = power_cut_is_missing()
            if arguments.power_cuts and missing is None:
                folder = Path(name) / "power"
                cuts = cut_often(broker, folder, times=arguments.power_cuts, seed=arguments.seed)
                rows += power_rows(cuts)
            elif arguments.power_cuts:
                print(f"no power cuts: {missing}")
        finally:
            broker.stop()
    table = "\n".join([HEAD, *rows])
    print(table)
    if arguments.out is not None:
        moment = datetime.now(UTC).date().isoformat()
        about = f"Made by `make campaign` (seed {arguments.seed}, {moment})."
        arguments.out.write_text(f"# Broken on purpose\n\n{about}\n\n{table}\n")


if __name__ == "__main__":
    main()
