"""Imported by programs before all else: until they have begun, an interrupt ends them without a word.

Python itself would say where in its imports it was. ``run_command`` takes over.
"""

import signal
import sys

_PROGRAMS = (
    *(f"{name}{end}" for name in ("edge", "trainer", "quantize") for end in ("", "/__main__.py")),
    "edge/cli/demo.py",
)

if sys.argv[0].endswith(_PROGRAMS) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
