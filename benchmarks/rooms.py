"""The rooms of `edge` as they import each other: floors, and the arrows that run upwards; `make rooms`.

A room stands one floor above the highest room that it imports. The order is that of the layers in
pyproject.toml; an import of a room that does not stand below is an arrow upwards. Exit status 1 if any is.
"""

import sys
import tomllib
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGE = "edge"


def read_order(pyproject: Path) -> dict[str, int]:
    """The height of each room in the contract of layers, 0 the lowest; rooms side by side share one."""
    contracts = tomllib.loads(pyproject.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers: list[str] = next(one["layers"] for one in contracts if one["type"] == "layers")
    return {
        room.strip().strip("()"): height
        for height, layer in enumerate(reversed(layers))
        for room in layer.split("|")
    }


def find_imports() -> dict[tuple[str, str], list[str]]:
    """Every import from one room of another, by the two rooms, as "module -> module"."""
    graph = grimp.build_graph(PACKAGE)
    found = defaultdict(list)
    for module in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            rooms = tuple(name.split(".")[1] for name in (module, imported) if "." in name)
            if len(rooms) == 2 and rooms[0] != rooms[1]:
                found[rooms[0], rooms[1]].append(f"{module} -> {imported}")
    return dict(found)


def floors(downwards: set[tuple[str, str]]) -> dict[str, int]:
    """The floor of each room, the lowest 1."""
    below: dict[str, set[str]] = defaultdict(set)
    for upper, lower in downwards:
        below[upper].add(lower)
    found: dict[str, int] = {}
    for room in TopologicalSorter(below).static_order():
        found[room] = 1 + max((found[lower] for lower in below.get(room, ())), default=0)
    return found


def main() -> int:
    """Print rooms from the top floor down, then the arrows upwards."""
    order, imports = read_order(ROOT / "pyproject.toml"), find_imports()
    upwards = {pair for pair in imports if order[pair[0]] <= order[pair[1]]}
    for room, floor in sorted(floors(set(imports) - upwards).items(), key=lambda one: (-one[1], one[0])):
        uses = sorted(lower for upper, lower in imports if upper == room)
        print(f"floor {floor:2}  {room:<11} {', '.join(uses)}")
    print(f"arrows upwards: {len(upwards)}")
    for pair in sorted(upwards):
        for line in imports[pair]:
            print(f"  {line}")
    return 1 if upwards else 0


if __name__ == "__main__":
    sys.exit(main())
