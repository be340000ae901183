"""The operators of a graph, and those that a device does not run as fast as it could.

XNNPACK, which LiteRT has built in, takes over what it knows, and leaves the rest to LiteRT's own kernels.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from edge.core.bundle.bundle import Operators
from edge.core.interpreter import open_interpreter

_DELEGATE = "DELEGATE"  # what stands in the graph for all that a delegate has taken over
_Node = dict[str, Any]


def count_operators(flatbuffer: bytes, *, name: str) -> Operators:
    """Count the operators of a graph as the runtime here runs it; raises BundleError where it cannot."""
    interpreter = open_interpreter(flatbuffer, threads=1, name=name)
    types = {details["index"]: details["dtype"] for details in interpreter.get_tensor_details()}
    nodes = interpreter._get_ops_details()  # there is no public way
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    own = [node for node in nodes if node["op_name"] != _DELEGATE]
    taken = {node["index"] for delegate in delegates for node in _inside(delegate, own)}
    return Operators(
        count=len(own),
        not_int8=_counted(node for node in own if not _is_int8(node, types)),
        not_xnnpack=_counted(node for node in own if node["index"] not in taken),
    )


def _inside(delegate: _Node, nodes: list[_Node]) -> Iterator[_Node]:
    """The nodes that a delegate has taken over: what lies between its outputs and its inputs."""
    made_by = {int(output): node for node in nodes for output in node["outputs"]}
    given = {int(entry) for entry in delegate["inputs"]}
    wanted, seen = [int(output) for output in delegate["outputs"]], set(given)
    while wanted:
        tensor = wanted.pop()
        if tensor in seen or tensor not in made_by:
            continue
        seen.add(tensor)
        node = made_by[tensor]
        yield node
        wanted += [int(entry) for entry in node["inputs"]]


def _is_int8(node: _Node, types: dict[int, Any]) -> bool:
    tensors = [int(number) for number in (*node["inputs"], *node["outputs"]) if number >= 0]
    return all(np.issubdtype(types.get(number, np.int8), np.integer) for number in tensors)


def _counted(nodes: Iterable[_Node]) -> dict[str, int]:
    return dict(sorted(Counter(str(node["op_name"]) for node in nodes).items()))
