"""A graph is run in a process of its own before it is run in this one: some end their process.

The runtime is native code and trusts the file in much: of graphs with some bytes changed about one in a
thousand ends in a signal instead of an error.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import BundleError

LONGEST_S = 30.0  # systemd waits a minute for a start, which may have to fall back after this
MOST_PICTURES = 8
COMMAND = (sys.executable, "-P", "-m", "edge.core.graph_child")


def try_graph(
    flatbuffer: bytes, *, threads: int, name: str, pictures: Sequence[NDArray[np.uint8]] = ()
) -> None:
    """Load a graph and run it, in another process; raises BundleError where it can't be, or ends that.

    ``pictures``: uint8 (height, width, channels), all of one shape; the first eight are shown to it.
    """
    shown = np.stack(pictures[:MOST_PICTURES]) if pictures else np.zeros((0, 1, 1, 1), np.uint8)
    head = {"name": name, "threads": threads, "bytes": len(flatbuffer), "pictures": shown.shape}
    try:
        done = subprocess.run(  # noqa: S603  Python itself, with a module of ours
            COMMAND,
            input=json.dumps(head).encode() + b"\n" + flatbuffer + shown.tobytes(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"{name}: its graph does not end within {LONGEST_S:g} s") from None
    except OSError as error:
        raise BundleError(f"{name}: no process to try it in ({error.strerror})") from error
    if done.returncode != 0:
        raise BundleError(f"{name}: its graph ends the process that runs it ({_end(done.returncode)})")
    if not done.stdout.strip():
        raise BundleError(f"{name}: its trial said nothing")
    refusal = json.loads(done.stdout.splitlines()[-1])
    if refusal is not None:
        raise BundleError(refusal)


def _end(status: int) -> str:
    """The signal's name, or the status."""
    if status > 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
