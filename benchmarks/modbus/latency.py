"""From a part at the camera to its command in the registers, beside a bare loop of pymodbus in the same run.

The station is the daemon as it is, on pictures of parts; each is rejected, so that each has its command as
soon as it has its verdict. The bare loop, a process of its own, resizes, invokes and puts a number into
pymodbus' own server, at the same rate. Both are read by pymodbus' client, one request after the other.
"""

import asyncio
import json
import logging
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from benchmarks.performance.line import BUNDLE, draw
from edge.core.interpreter import open_interpreter
from edge.core.runtime import load_model
from testing.brokers import free_port

_COUNTER_WORDS = 4


@dataclass
class Latencies:
    """Milliseconds, one for each part that was seen in the registers, and how many there were."""

    parts: int = 0
    station: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def measure(folder: Path, *, seconds: float, rate: float) -> Latencies:
    """Run both for so long."""
    count = int(seconds * rate)
    images = draw(folder / "parts", count)
    station_port, bare_port = free_port(), free_port()
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    bare = context.Process(target=bare_loop, args=(bare_port, images, rate, stop))
    bare.start()
    first_seen: dict[int, float] = {}
    bare_ms: list[float] = []
    readers = [
        threading.Thread(target=_read_station, args=(station_port, first_seen, stop)),
        threading.Thread(target=_read_bare, args=(bare_port, bare_ms, stop)),
    ]
    for reader in readers:
        reader.start()
    journal = folder / "journal.sqlite"
    _run_station(folder, journal, station_port, rate)
    stop.set()
    for reader in readers:
        reader.join()
    bare.join()
    captured = _captured(journal)
    seen = [(at - captured[number]) * 1000 for number, at in first_seen.items() if number in captured]
    return Latencies(len(captured), seen, bare_ms)


def _run_station(folder: Path, journal: Path, port: int, rate: float) -> None:
    gap_ms = str(min(5.0, 300 / rate))
    subprocess.run(
        [
            *(sys.executable, "-m", "edge", "--config", "/dev/null", "--model", BUNDLE),
            *("--camera.kind", "file", "--camera.path", folder / "parts", "--camera.replay_fps", str(rate)),
            *("--recipe.ok_below", "0", "--recipe.defect_from", "0", "--alarms.rejects_in_row", "0"),
            *("--gate.min_gap_ms", gap_ms, "--gate.window_ms", gap_ms, "--mqtt.enabled", "false"),
            *("--modbus.enabled", "true", "--modbus.port", str(port)),
            *("--journal.path", journal, "--log.level", "warning"),
        ],
        check=True,
    )


def _captured(journal: Path) -> dict[int, float]:
    """When each part was captured: wall-clock seconds, by its number."""
    database = sqlite3.connect(journal)
    rows = [json.loads(text) for (text,) in database.execute("SELECT message FROM inspections")]
    database.close()
    return {row["sequence"] + 1: datetime.fromisoformat(row["captured_at"]).timestamp() for row in rows}


def _read_station(port: int, first_seen: dict[int, float], stop: Event) -> None:
    for words in _read_on(port, 16 + 8 * 4, stop):
        now = time.time()
        for at in range(16, len(words), 8):
            if words[at + 3]:
                first_seen.setdefault(words[at + 1], now)


def _read_bare(port: int, found: list[float], stop: Event) -> None:
    last: list[int] = []
    for words in _read_on(port, _COUNTER_WORDS, stop):
        now_us = time.time_ns() // 1000
        if words != last and any(words):
            last = words
            begun_us = sum(word << (16 * place) for place, word in enumerate(words))
            found.append((now_us - begun_us) / 1000)


def _read_on(port: int, count: int, stop: Event) -> Any:
    """The first registers, again and again."""
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # nobody is there yet
    client: Any = ModbusTcpClient("127.0.0.1", port=port, timeout=1, retries=0)
    while not stop.is_set():
        try:
            if client.connected or client.connect():
                yield client.read_holding_registers(0, count=count, device_id=1).registers
                continue
        except (ModbusException, OSError):
            client.close()
        time.sleep(0.05)
    client.close()


def bare_loop(port: int, images: list[Any], rate: float, stop: Event) -> None:
    """Resize, invoke, and show when it began, in microseconds, in four registers."""
    model = load_model(BUNDLE, threads=1)
    spec = model.bundle.manifest.input
    interpreter: Any = open_interpreter(model.bundle.flatbuffer, threads=1, name="bare")
    entry, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    words = [0] * _COUNTER_WORDS
    serving = threading.Thread(target=lambda: asyncio.run(_serve(port, words, stop)))
    serving.start()
    number, due = 0, time.monotonic()
    while not stop.is_set():
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
        begun_us = time.time_ns() // 1000
        small = cv2.resize(
            images[number % len(images)], (spec.width, spec.height), interpolation=cv2.INTER_AREA
        )
        interpreter.set_tensor(entry, np.asarray(small, np.uint8).reshape(1, spec.height, spec.width, 1))
        interpreter.invoke()
        interpreter.get_tensor(output)
        words[:] = [begun_us >> (16 * place) & 0xFFFF for place in range(_COUNTER_WORDS)]
        number += 1
    serving.join()


async def _serve(port: int, words: list[int], stop: Event) -> None:
    async def show(
        _function: int, _start: int, _address: int, _count: int, registers: list[int], _values: object
    ) -> None:
        registers[:_COUNTER_WORDS] = words

    data = SimData(0, count=_COUNTER_WORDS, values=0, datatype=DataType.REGISTERS)
    device = SimDevice(1, [data], action=show)
    server: Any = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    while not stop.is_set():
        await asyncio.sleep(0.1)
    await server.shutdown()
