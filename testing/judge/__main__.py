"""`make judge`: random sequences for the gate and the judge; prints where they differ."""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter

from testing.judge.sequences import Outcome, Sequence

_CHUNK = 500


def judge(first: int, count: int) -> tuple[list[tuple[int, str]], Counter[str]]:
    """So many sequences from this number on: the first difference of each that has one, and all counts."""
    differ, counts = list[tuple[int, str]](), Counter[str]()
    for number in range(first, first + count):
        outcome = one(number)
        counts.update(outcome.counts)
        differ += [(number, what) for what in outcome.differences[:1]]
    return differ, counts


def one(number: int) -> Outcome:
    """One of them."""
    return Sequence(number).run()


def _chunk(span: tuple[int, int]) -> tuple[list[tuple[int, str]], Counter[str]]:
    logging.disable(logging.CRITICAL)  # the gate tells of belts that are lost
    return judge(*span)


def main() -> int:
    """Run and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make judge", description=__doc__)
    parser.add_argument("--sequences", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first; default: 0")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: one a core"
    )
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    arguments = parser.parse_args()
    begun, done, differ, counts = time.monotonic(), 0, 0, Counter[str]()
    end = arguments.first + arguments.sequences
    spans = ((at, min(_CHUNK, end - at)) for at in range(arguments.first, end, _CHUNK))
    with multiprocessing.Pool(arguments.jobs) as pool:
        for found, counted in pool.imap(_chunk, spans):
            done += min(_CHUNK, arguments.sequences - done)
            counts.update(counted)
            for number, what in found:
                differ += 1
                if differ <= 20:
                    print(f"sequence {number}: {what}", flush=True)
            if time.monotonic() > begun + arguments.seconds:
                pool.terminate()
                break
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    print(f"{done} sequences in {time.monotonic() - begun:.0f} s, {differ} differ; {kinds}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
