"""Graphs with some bytes changed, in bundles whose hashes are right, and which end their process.

A worker loads one after the other as the product does once the trial in another process was passed, until
one ends it; the next goes on behind that. Whatever ended a worker, or came out of it as anything but a
BundleError, is given to the product then, in this very process.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.campaign.daemon import ROOT
from edge.core.bundle.bundle import Bundle, decode_bundle, encode_bundle
from edge.core.errors import BundleError
from edge.core.runtime import BundleModel, load_model
from testing.toy_model import deadly_flatbuffer, toy_bundle_bytes

HANGS_AFTER_S = 20
MOST_CHANGES = 8


@dataclass
class GraphResult:
    """Results of so many graphs: loaded, refused, or the end of a worker (by signal or exception)."""

    graphs: int = 0
    loaded: int = 0
    refused: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Ended or troubled a worker and were loaded by the product all the same."""


def seeds() -> list[Bundle]:
    """The bundles that are changed: the demo's, and small ones with one, several and two outputs."""
    demo = (ROOT / "samples" / "demo.tflite").read_bytes()
    toys = [
        toy_bundle_bytes(),
        toy_bundle_bytes(task="classes"),
        toy_bundle_bytes(order=("logits", "heatmap")),
    ]
    return [decode_bundle(data, "seed") for data in (demo, *toys)]


def changed(bundles: list[Bundle], seed: int, number: int) -> bytes:
    """The bundle of this number, with some bytes of its graph changed; 0 is known to end a process."""
    if number == 0:
        return _in_bundle(bundles[1], deadly_flatbuffer())
    chance = random.Random(f"{seed} graph {number}")
    bundle = chance.choice(bundles)
    graph = bytearray(bundle.flatbuffer)
    # Most of a file are weights; what is read as offsets and sizes stands at its ends.
    within = chance.choice((len(graph), 4096))
    for _ in range(chance.randint(1, MOST_CHANGES)):
        at = chance.randrange(min(within, len(graph)))
        at = chance.choice((at, len(graph) - 1 - at))
        if not 4 <= at < 8:  # without its name it is no graph
            graph[at] = chance.choice((chance.randrange(256), graph[at] ^ 1 << chance.randrange(8), 0, 255))
    return _in_bundle(bundle, bytes(graph))


def _in_bundle(bundle: Bundle, graph: bytes) -> bytes:
    manifest = bundle.manifest.model_copy(update={"model_sha256": hashlib.sha256(graph).hexdigest()})
    return encode_bundle(manifest, graph, bundle.golden_inputs)


def spoil_graphs(*, graphs: int, seed: int, first: int = 0) -> GraphResult:
    """Try so many graphs."""
    result, bundles, number = GraphResult(), seeds(), first
    while number < first + graphs:
        lines, status = _work(seed, number, first + graphs)
        for line in lines:
            outcome, _, what = line.partition(" ")
            if outcome == "raised":
                result.raised[what.split(":")[0]] += 1
                _give_to_product(result, changed(bundles, seed, number))
            result.loaded += outcome == "loaded"
            result.refused += outcome == "refused"
            number += 1
        if status != 0:
            result.ends[signal.Signals(-status).name if status < 0 else f"status {status}"] += 1
            _give_to_product(result, changed(bundles, seed, number))
            number += 1
    result.graphs = graphs
    return result


def _work(seed: int, first: int, end: int) -> tuple[list[str], int]:
    command = [sys.executable, "-m", "benchmarks.campaign.graphs", str(seed), str(first), str(end)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    return done.stdout.splitlines(), done.returncode


def _give_to_product(result: GraphResult, data: bytes) -> None:
    """Here, where its end would be the end of this campaign."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(data)
        file.flush()
        try:
            load_model(Path(file.name))
        except BundleError as error:
            result.said.append(str(error).removeprefix(f"{file.name}: "))
        else:
            result.taken.append(data.hex())


def main() -> None:
    """``SEED FIRST END``: one word a graph on standard output, until one ends this process."""
    seed, first, end = map(int, sys.argv[1:])
    os.nice(10)
    bundles = seeds()
    for number in range(first, end):
        bundle = decode_bundle(changed(bundles, seed, number), "graph")
        signal.alarm(HANGS_AFTER_S)
        print(_outcome(bundle), flush=True)


def _outcome(bundle: Bundle) -> str:
    try:
        model = BundleModel(bundle, name="graph")
        model.verify_golden()
        for pixels in bundle.golden_inputs:
            model.predict(pixels)
    except BundleError:
        return "refused"
    except Exception as error:  # that is what is looked for
        return f"raised {type(error).__name__}: {str(error)[:100]!r}"
    return "loaded"


if __name__ == "__main__":
    main()
