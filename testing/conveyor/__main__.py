"""`make simulate`: all scenarios, a million parts."""

import argparse
import sys
import time

from testing import conveyor
from testing.conveyor.world import SCENARIOS, World


def campaign(parts: int, seed: int) -> list[World]:
    """All scenarios, with so many parts together."""
    worlds = []
    for belt, mode in SCENARIOS:
        world = World(belt, mode, parts=-(-parts // len(SCENARIOS)), seed=seed)
        world.run()
        worlds.append(world)
    return worlds


def main() -> int:
    """Run and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make simulate", description=conveyor.__doc__)
    parser.add_argument("--parts", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    arguments = parser.parse_args()
    begun = time.monotonic()
    worlds = campaign(arguments.parts, arguments.seed)
    for world in worlds:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(world.counts.items()))
        print(f"{world.kind:<8} {world.mode:<17} {len(world.errors)} wrong; {counts}")
        for error in world.errors[:5]:
            print(f"   {error}")
    print(f"{sum(world.counts['parts'] for world in worlds)} parts in {time.monotonic() - begun:.0f} s")
    return 1 if any(world.errors for world in worlds) else 0


if __name__ == "__main__":
    sys.exit(main())
