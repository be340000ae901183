"""`make camera-campaign`: cameras made to fail over and over under one guard, and what it cost.

Each row is one mishap of one camera, `--times` times: how long until the guard says fault, how long
until it works again once the mishap is over, and whether threads, open files or memory grew.
"""

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cv2

from edge.camera.guard import CameraGuard
from edge.camera.source import open_camera
from edge.settings.camera import StreamSettings
from testing.rigs.faults import BAD_PICTURES, MISHAPS, Breakable, Mishap
from testing.rigs.sources import HttpCamera, RtspCamera, rtsp_is_missing
from testing.rigs.vivid import VIVID_MISHAPS, VividCamera, vivid_is_missing

STALL_MS = 1000
LIMIT_S = STALL_MS / 1000 + 0.5  # the mishap begins somewhere between two frames, and machines are busy
PATIENCE_S = 30.0
_POLL_S = 0.002


@dataclass
class Row:
    """Effects of one mishap, times in seconds."""

    camera: str
    mishap: str
    to_fault: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    missed: int = 0
    before: tuple[int, int, int] = (0, 0, 0)
    after: tuple[int, int, int] = (0, 0, 0)

    def cells(self) -> list[str]:
        """The row as text."""
        late = sum(seconds > LIMIT_S for seconds in self.to_fault)
        grown = [f"{was} → {now}" for was, now in zip(self.before, self.after, strict=True)]
        return [
            self.camera,
            self.mishap,
            str(len(self.to_fault) + self.missed),
            str(self.missed),
            str(late),
            f"{max(self.to_fault, default=0):.2f}",
            f"{max(self.back, default=0):.2f}",
            *grown,
        ]


HEAD = (
    "camera", "mishap", "times", "not seen", f"later than {LIMIT_S:g} s", "worst to fault, s",
    "worst back, s", "threads", "open files", "memory, MiB",
)  # fmt: skip


def footprint() -> tuple[int, int, int]:
    """Threads, open files and resident MiB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks, files = (len(list(Path(f"/proc/self/{name}").iterdir())) for name in ("task", "fd"))
    return tasks, files, pages * 4096 // 2**20


def wait_until(condition: Callable[[], bool], seconds: float) -> float | None:
    """The time until it happened, or None when it did not."""
    since = time.monotonic()
    while not condition():
        if time.monotonic() - since > seconds:
            return None
        time.sleep(_POLL_S)
    return time.monotonic() - since


def run_mishap(name: str, camera: Breakable, guard: CameraGuard, mishap: Mishap, times: int) -> Row:
    """One row; a mishap that the guard does not see is counted and undone."""
    chance, row = random.Random(name + mishap.name), Row(name, mishap.name)
    row.before = footprint()
    for _ in range(times):
        time.sleep(chance.uniform(0, 0.3))
        mishap.begin(camera)
        seen = wait_until(lambda: guard.fault is not None, PATIENCE_S / 3)
        mishap.end(camera)
        back = wait_until(lambda: guard.fault is None, PATIENCE_S)
        if seen is None or back is None:
            row.missed += 1
            continue
        row.to_fault.append(seen)
        row.back.append(back)
    time.sleep(1)  # for the relays of the last connections to end
    row.after = footprint()
    return row


@contextmanager
def guarded(camera: Breakable) -> Iterator[CameraGuard]:
    """A guard that reads this camera, and a consumer that takes its frames."""
    settings = StreamSettings(
        url=camera.url, stall_ms=STALL_MS, open_timeout_ms=3000, reopen_max_ms=1000, settle_ms=200
    )
    guard = CameraGuard(lambda: open_camera(settings), settings)
    done = threading.Event()

    def consume() -> None:
        while not done.is_set():
            guard.next(0.1)

    guard.start()
    consumer = threading.Thread(target=consume)
    consumer.start()
    wait_until(lambda: guard.openings > 0 and guard.fault is None, PATIENCE_S)
    time.sleep(3)
    try:
        yield guard
    finally:
        done.set()
        guard.stop()
        camera.close()
        consumer.join()


KINDS: dict[str, tuple[str, Callable[[], Breakable], tuple[Mishap, ...], Callable[[], str | None]]] = {
    "http": ("HTTP, motion JPEG", HttpCamera, MISHAPS + BAD_PICTURES, lambda: None),
    "rtsp": ("RTSP, H.264", RtspCamera, MISHAPS, rtsp_is_missing),
    "vivid": ("V4L2, vivid", VividCamera, VIVID_MISHAPS, vivid_is_missing),
}


def campaign(kinds: Sequence[str], wanted: Sequence[str] | None, times: int) -> Iterator[Row]:
    """The rows of the wanted mishaps, or all; a kind of camera that is not here is said and left out."""
    for kind in kinds:
        name, make, mishaps, is_missing = KINDS[kind]
        if (missing := is_missing()) is not None:
            print(f"camera-campaign: {missing}", file=sys.stderr)
            continue
        camera = make()
        with guarded(camera) as guard:
            for mishap in (each for each in mishaps if wanted is None or each.name in wanted):
                yield run_mishap(name, camera, guard, mishap, times)


def main(argv: list[str] | None = None) -> int:
    """Write the table; 1 when a mishap was not seen, or seen too late."""
    parser = argparse.ArgumentParser(prog="camera-campaign", description=__doc__)
    parser.add_argument("--times", type=int, default=100, metavar="N", help="of each mishap")
    parser.add_argument("--cameras", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--mishaps", nargs="+", metavar="NAME", help="these alone; default: all")
    parser.add_argument("--out", type=Path, default=Path("docs/research/camera-campaign.md"), metavar="FILE")
    arguments = parser.parse_args(argv)
    lines = [
        "# Cameras made to fail",
        "",
        f"Made by `make camera-campaign` ({arguments.times} times each, {datetime.now(UTC):%Y-%m-%d}, "
        f"OpenCV {cv2.__version__}), with `camera.stall_ms` {STALL_MS}; a time is the worst of the row.",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{' --- |' * len(HEAD)}",
    ]
    failed = False
    for row in campaign(arguments.cameras, arguments.mishaps, arguments.times):
        failed |= bool(row.missed) or any(seconds > LIMIT_S for seconds in row.to_fault)
        lines.append(f"| {' | '.join(row.cells())} |")
        print(lines[-1], flush=True)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
