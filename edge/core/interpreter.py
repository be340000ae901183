"""The TFLite runtime itself: which one is installed, and a graph in it. Imports nothing heavy."""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from edge.core.errors import BundleError, LinegateError
from edge.core.native_stderr import native_stderr_filtered

# The successor first; tflite-runtime serves where there is no ai-edge-litert.
_RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)


def runtime_version() -> str:
    """Name and version of the runtime that decides; "none" if there is none."""
    for distribution, module in _RUNTIMES:
        try:
            importlib.import_module(module)
            return f"{distribution} {version(distribution)}"
        except (ImportError, PackageNotFoundError):
            continue
    return "none"


def open_interpreter(flatbuffer: bytes, *, threads: int, name: str) -> Any:
    """The runtime with a graph in it; raises BundleError where it cannot load that.

    A graph that nobody tried may end the process: see edge.core.graph_trial.
    """
    for _, module in _RUNTIMES:
        try:
            runtime = importlib.import_module(module)
        except ImportError:
            continue
        try:
            with native_stderr_filtered():
                interpreter = runtime.Interpreter(model_content=flatbuffer, num_threads=threads)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{name}: the TFLite runtime cannot load it ({reason_of(error)})") from error
        return interpreter
    raise LinegateError("no TFLite runtime is installed; pip install ai-edge-litert")


def reason_of(error: Exception) -> str:
    """The reason in a runtime's exception, in one line."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
