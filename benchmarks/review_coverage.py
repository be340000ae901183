"""`python -m benchmarks.review_coverage`: how often the 95 % interval of the true rates holds the truth.

Lines are simulated: scores of good and of defective parts overlap more or less, a threshold decides, parts
are shown for review as on a line, some are skipped, some pictures are gone. Each interval is compared with
the number of escapes and of overkill that there really were. Writes the table of docs/research/reviews.md.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.results import ROOT, machine, write_section
from edge.core.decision import Thresholds
from edge.records.review_estimate import Reviewed, TrueRates, estimate
from edge.records.review_sample import Shares, chance_of

DOCUMENT = ROOT / "docs" / "research" / "reviews.md"
RUNS, SEED = 1000, 41


@dataclass(frozen=True)
class SimulatedLine:
    """A line to simulate. ``apart``: of the mean logits, in standard deviations."""

    name: str
    parts: int
    defects: float
    apart: float
    shares: Shares
    skipped: float = 0.1
    gone: float = 0.0


LINES = (
    SimulatedLine("a good bundle", 5000, 0.05, 6.0, Shares()),
    SimulatedLine("a poor bundle", 5000, 0.10, 2.5, Shares()),
    SimulatedLine("many parts, few defects", 20_000, 0.005, 4.0, Shares()),
    SimulatedLine("few parts", 500, 0.05, 4.0, Shares()),
    SimulatedLine("hardly anything reviewed", 5000, 0.05, 3.0, Shares(near=0.1, rejected=0.05, random=0.01)),
    SimulatedLine("half of the pictures gone", 5000, 0.05, 3.0, Shares(), gone=0.5),
    SimulatedLine("no defects at all", 5000, 0.0, 4.0, Shares()),
)
_CUT = Thresholds(ok_below=0.5, defect_from=0.5, chosen="simulated")


def simulate(line: SimulatedLine, chance: np.random.Generator) -> tuple[int, int, TrueRates | None]:
    """Escapes and overkill that there were, and the estimate."""
    is_defect = chance.random(line.parts) < line.defects
    logits = chance.normal(np.where(is_defect, line.apart / 2, -line.apart / 2), 1.0)
    scores = 1 / (1 + np.exp(-2 * logits))
    passed = scores < _CUT.ok_below
    reviewed = []
    for number in range(line.parts):
        row = {"score": float(scores[number]), "verdict": "ok" if passed[number] else "defect"}
        of = chance_of(row, _CUT, line.shares)
        is_told = chance.random() < of.probability and chance.random() >= max(line.skipped, line.gone)
        if is_told:
            reviewed.append(Reviewed(bool(passed[number]), bool(is_defect[number]), of.probability))
    found = estimate(reviewed, passed=int(passed.sum()), rejected=int((~passed).sum()))
    return int((is_defect & passed).sum()), int((~is_defect & ~passed).sum()), found


@dataclass
class Coverage:
    """Counts of runs in which an interval held the truth; sums of reviews and of widths."""

    runs: int = 0
    escapes: int = 0
    overkill: int = 0
    reviews: float = 0.0
    width: float = 0.0


def cover(line: SimulatedLine, runs: int, seed: int) -> Coverage:
    """Simulate a line so many times."""
    found = Coverage()
    for run in range(runs):
        escapes, overkill, rates = simulate(line, np.random.default_rng([seed, run]))
        if rates is None:
            continue
        found.runs += 1
        found.escapes += rates.escapes.low <= escapes <= rates.escapes.high
        found.overkill += rates.overkill.low <= overkill <= rates.overkill.high
        found.reviews += rates.reviewed
        found.width += (rates.escapes.high - rates.escapes.low) / rates.parts
    return found


def table(found: dict[SimulatedLine, Coverage]) -> str:
    """Rows of Markdown."""
    lines = [
        f"{machine()} {RUNS} runs of each line, seed {SEED}.",
        "",
        "| line | parts | reviewed, mean | escapes within | overkill within | mean width, escapes |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for line, one in found.items():
        lines.append(
            f"| {line.name} | {line.parts} | {one.reviews / one.runs:.0f} | {one.escapes} of {one.runs} | "
            f"{one.overkill} of {one.runs} | {one.width / one.runs:.2%} |"
        )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Simulate and write; returns 1 where an interval holds the truth too rarely."""
    parser = argparse.ArgumentParser(prog="review_coverage", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each line (default: {RUNS})")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="default: docs/research/reviews.md")
    arguments = parser.parse_args(argv)
    found = {line: cover(line, arguments.runs, SEED) for line in tqdm(LINES, unit="line")}
    text = table(found)
    print(text)
    write_section(arguments.out, "review-coverage", text)
    least = min(min(one.escapes, one.overkill) / one.runs for one in found.values())
    return 0 if least >= 0.93 else 1


if __name__ == "__main__":
    sys.exit(main())
