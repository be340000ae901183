"""Cameras that fail under the whole daemon: a part each 100 ms, passed by a valid frame."""

import math
import random
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.campaign.daemon import Footprint, footprint, start
from testing.brokers import MosquittoBroker
from testing.rigs.faults import MISHAPS, Breakable, Mishap
from testing.rigs.sources import HttpCamera, RtspCamera, rtsp_is_missing
from testing.rigs.vivid import VIVID_MISHAPS, VividCamera, vivid_is_missing
from testing.rigs.witness import Witness

STALL_MS = 1000
LIMIT_S = STALL_MS / 1000 + 0.5  # a mishap begins somewhere between two frames, and machines are busy
PATIENCE_S = 30.0
PART_EVERY_S = 0.1
FRAME_WITHIN_S = 0.3  # trigger.timeout_ms and a little more: a part's frame may come so long after it
FRAME_AGE_S = 0.5
SETTLE_S = 3.0
FLAGS = (
    *("--camera.stall_ms", str(STALL_MS), "--camera.settle_ms", "200"),
    *("--camera.open_timeout_ms", "3000", "--camera.reopen_max_ms", "1000"),
    *("--camera.max_age_ms", str(round(FRAME_AGE_S * 1000))),
    *("--trigger.kind", "message", "--gate.mode", "reject-unless-ok"),
    *("--recipe.ok_below", "1", "--recipe.defect_from", "1"),  # each valid frame passes its part
)


@dataclass(frozen=True)
class Kind:
    """``make`` one that ``mishaps`` can befall; ``missing``: why there can be none here, or None."""

    make: Callable[[], Breakable]
    missing: Callable[[], str | None]
    mishaps: Sequence[Mishap]


CAMERAS = {
    "HTTP camera": Kind(HttpCamera, lambda: None, MISHAPS),
    "RTSP camera": Kind(RtspCamera, rtsp_is_missing, MISHAPS),
    "V4L2 camera": Kind(VividCamera, vivid_is_missing, VIVID_MISHAPS),
}


@dataclass
class CameraResult:
    """Effects of one mishap of one camera, so many times; times are seconds."""

    what: str
    to_fault_s: list[float] = field(default_factory=list)
    """Since the last frame that passed a part: of damaged pictures some are whole."""
    since_mishap_s: list[float] = field(default_factory=list)
    """The same, since the mishap began."""
    back_s: list[float] = field(default_factory=list)
    unseen: int = 0
    parts_before: int = 0
    """While the camera had failed already and nothing was said."""
    passed_before: int = 0
    parts_during: int = 0
    """While the station said fault."""
    passed_during: int = 0
    """By frames of that time."""
    held: list[Footprint] = field(default_factory=list)
    """At first, and after each mishap."""

    @property
    def times(self) -> int:
        """The number of times."""
        return self.unseen + len(self.to_fault_s)


class Announcer:
    """Says on …/trigger every 100 ms that a part is here, and remembers when it said so."""

    def __init__(self, host: str, port: int, station: str) -> None:
        self._parts: list[tuple[str, float]] = []
        self._topic = f"inspection/{station}/trigger"
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"belt-{uuid.uuid4().hex}")
        self._client.connect(host, port)
        self._client.loop_start()
        self._done = Event()
        self._thread = Thread(target=self._run, name="belt")
        self._thread.start()

    def close(self) -> None:
        """No more parts."""
        self._done.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def between(self, begin: float, end: float) -> list[str]:
        """The parts that were announced in this time."""
        return [part for part, at in list(self._parts) if begin <= at < end]

    def _run(self) -> None:
        while not self._done.wait(PART_EVERY_S):
            part = f"part-{len(self._parts)}"
            self._parts.append((part, time.monotonic()))
            self._client.publish(self._topic, f'{{"part": "{part}"}}', qos=1)


class _Rig:
    """A daemon at a camera, parts for it, and a witness."""

    def __init__(self, broker: MosquittoBroker, folder: Path, station: str, camera: Breakable) -> None:
        self.camera = camera
        self.witness = Witness(broker.host, broker.port, station)
        self._daemon = start(
            broker.port, folder / f"{station}.sqlite", folder / f"{station}.log",
            "--station.name", station, *FLAGS, camera=("--camera.kind", "stream", "--camera.url", camera.url),
        )  # fmt: skip
        self.parts = Announcer(broker.host, broker.port, station)

    def held(self) -> Footprint:
        """By the daemon."""
        return footprint(self._daemon.pid)

    def said(self, state: str, since: float) -> float | None:
        """From when on the station was in a state, after some moment; None if it is not within a while."""

        def when() -> float | None:
            spans = spans_of(state, self.witness.states)
            return next((max(begin, since) for begin, end in spans if end > since), None)

        self.witness.wait(lambda: when() is not None, PATIENCE_S)
        return when()

    def close(self) -> None:
        """Take it all away."""
        self.parts.close()
        self._daemon.kill()
        self._daemon.wait()
        self.witness.close()
        self.camera.close()


def break_cameras(
    broker: MosquittoBroker,
    folder: Path,
    *,
    times: int,
    seed: int,
    kinds: Sequence[str] = tuple(CAMERAS),
    mishaps: Sequence[str] | None = None,
) -> list[CameraResult]:
    """Each mishap so many times, the kinds of cameras beside each other; those that are not here are said.

    ``mishaps``: the names of the only ones.
    """

    def one_kind(name: str) -> list[CameraResult]:
        kind = CAMERAS[name]
        if (reason := kind.missing()) is not None:
            print(f"{name}: left out, {reason}")
            return []
        with closing(_Rig(broker, folder, name.split(maxsplit=1)[0], kind.make())) as rig:
            if not rig.witness.wait(lambda: bool(rig.witness.passed_parts), PATIENCE_S):
                raise TimeoutError(f"{name}: no part passed within {PATIENCE_S:g} s")
            chance = random.Random(f"{seed} {name}")
            wanted = [each for each in kind.mishaps if mishaps is None or each.name in mishaps]
            return [_fail(rig, f"{name} {mishap.name}", mishap, times, chance) for mishap in wanted]

    with ThreadPoolExecutor(len(kinds)) as pool:
        return [result for results in pool.map(one_kind, kinds) for result in results]


def _fail(rig: _Rig, what: str, mishap: Mishap, times: int, chance: random.Random) -> CameraResult:
    time.sleep(SETTLE_S)
    result = CameraResult(what, held=[rig.held()])
    for _ in range(times):
        time.sleep(chance.uniform(0, PART_EVERY_S * 3))
        began, began_at = time.monotonic(), time.time()
        mishap.begin(rig.camera)
        fault = rig.said("fault", began)
        time.sleep(chance.uniform(FRAME_WITHIN_S, 3 * FRAME_WITHIN_S))
        ended = time.monotonic()
        mishap.end(rig.camera)
        back = rig.said("running", ended)
        result.held.append(rig.held())
        if fault is None or back is None:
            result.unseen += 1
            continue
        result.since_mishap_s.append(fault - began)
        fault_at = began_at + fault - began
        whole = [at for at in list(rig.witness.passing_frames) if began_at < at < fault_at]
        result.to_fault_s.append(fault_at - max([began_at, *whole]))
        result.back_s.append(back - ended)
        before = rig.parts.between(began, fault)
        during = [
            part
            for begin, end in spans_of("fault", rig.witness.states)
            for part in rig.parts.between(max(begin, fault), min(end, back) - FRAME_WITHIN_S)
        ]
        result.parts_before += len(before)
        result.parts_during += len(during)
        result.passed_before += len(rig.witness.passed_parts.intersection(before))
        faults = spans_of("fault", rig.witness.states_since)
        result.passed_during += frames_within(faults, rig.witness.passing_frames, since=began_at)
    return result


def frames_within(faults: Sequence[tuple[float, float]], frames: Sequence[float], *, since: float) -> int:
    """The number of frames captured while the station said fault that pass a part.

    All by the station's clock, so that no message that comes late counts. The frame that ends a fault is
    used, and may have been captured FRAME_AGE_S before.
    """
    return sum(
        any(begin <= captured < end - FRAME_AGE_S for begin, end in faults)
        for captured in list(frames)
        if captured >= since
    )


def spans_of(state: str, said: Sequence[tuple[float, str]]) -> list[tuple[float, float]]:
    """From when to when a state was what was said last; the last may last for ever."""
    ends = [at for at, _ in said[1:]] + [math.inf]
    return [(at, end) for (at, name), end in zip(list(said), ends, strict=False) if name == state]
