"""The process in which a graph is run first: `python -m edge.core.graph_child`; see edge.core.graph_trial.

Standard input: one line of JSON (name, threads, bytes of the graph, shape of the pictures), the graph, the
pictures as uint8. Standard output: one line of JSON, what the runtime refused, or null. A graph may end this
process in any way, and is to end no other.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import BundleError, LinegateError
from edge.core.interpreter import open_interpreter, reason_of

MOST_MEMORY_BYTES = 4 * 2**30


def main() -> None:
    """Try the graph on standard input."""
    expect_the_worst()
    head = json.loads(sys.stdin.buffer.readline())
    flatbuffer = sys.stdin.buffer.read(head["bytes"])
    pictures = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(head["pictures"])
    error: str | None = None
    try:
        _run(open_interpreter(flatbuffer, threads=head["threads"], name=head["name"]), pictures)
    except BundleError as refusal:
        error = str(refusal)
    except LinegateError:  # there is no runtime: not the graph's fault, and said by whoever needs one
        pass
    except Exception as refusal:  # whatever a runtime raises
        error = f"{head['name']}: the TFLite runtime cannot run it ({reason_of(refusal)})"
    sys.stdout.write(f"\n{json.dumps(error)}\n")


def expect_the_worst() -> None:
    """No core dump, memory within bounds, and the first to go where there is none left."""
    with suppress(OSError, ValueError):  # systemd's filter of system calls may forbid it, and has limits too
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(OSError):  # forbidden there, too
        os.nice(5)


def _run(interpreter: Any, pictures: NDArray[np.uint8]) -> None:
    """Run it on these pictures, where they are what it takes, and on black, white and noise."""
    entries, exits = interpreter.get_input_details(), interpreter.get_output_details()
    for values in _inputs(entries, pictures):
        for entry, value in zip(entries, values, strict=True):
            interpreter.set_tensor(entry["index"], value)
        interpreter.invoke()
        for tensor in exits:
            interpreter.get_tensor(tensor["index"])


def _inputs(entries: list[dict[str, Any]], pictures: NDArray[np.uint8]) -> Iterator[list[NDArray[Any]]]:
    if len(entries) == 1 and entries[0]["dtype"] == np.uint8:
        for picture in pictures:
            if tuple(entries[0]["shape"]) == (1, *picture.shape):
                yield [picture[np.newaxis]]
    noise = np.random.default_rng(1)
    for low, high in ((0, 1), (255, 256), (0, 256)):
        yield [
            noise.integers(low, high, tuple(entry["shape"])).astype(np.uint8).astype(entry["dtype"])
            for entry in entries
        ]


if __name__ == "__main__":
    main()
