"""Stations and PLCs as processes of their own, forked from one that has imported all: they start at once.

Each is what its command runs; only the time that Python takes to import is left out, so that a thousand kills
are no matter of hours.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

NICE = -20
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["benchmarks.modbus.imported"])


def station(log: Path, flags: Sequence[str]) -> BaseProcess:
    """A running `edge`; what it says goes to ``log``."""
    return _begin(_station, log, list(flags))


def plc(modbus: int, broker: int, notes: Path, kind: str) -> BaseProcess:
    """A running PLC; see benchmarks.modbus.plc."""
    return _begin(_plc, modbus, broker, notes, kind)


def _begin(run: Callable[..., None], *arguments: object) -> BaseProcess:
    process = _CONTEXT.Process(target=run, args=arguments)
    process.start()
    return process


def _first() -> None:
    """Ahead of whatever else this machine does: as a PLC is, and a device that does nothing else."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def _station(log: Path, flags: list[str]) -> None:
    from edge.__main__ import main

    _first()
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.exit(main(["--config", "/dev/null", "--log.level", "warning", *flags]))


def _plc(modbus: int, broker: int, notes: Path, kind: str) -> None:
    from benchmarks.modbus.plc import run

    _first()
    run(modbus, broker, notes, kind)
