"""The daemon under something that listens as systemd does."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# An inspector that hangs for good from the third part on.
HANGS = """
import sys, threading
import edge.inspection.inspector
inspect, seen = edge.inspection.inspector.Inspector.inspect, []
def hang(self, frame):
    seen.append(frame)
    if len(seen) > 2:
        threading.Event().wait()
    return inspect(self, frame)
edge.inspection.inspector.Inspector.inspect = hang
from edge.__main__ import main
sys.exit(main())
"""
# The same, where no bytecode of the main thread runs any more, and so no signal handler of Python's.
HANGS_IN_C = HANGS.replace("import sys, threading", "import ctypes, sys").replace(
    "threading.Event().wait()",
    "mutex = ctypes.create_string_buffer(64)\n"
    "        while True:\n"
    "            ctypes.CDLL(None).pthread_mutex_lock(mutex)",
)


class Listener:
    """Starts daemons, and keeps what they say to systemd with the time at which it came."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._folder = folder
        self.heard: list[tuple[float, str]] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self, bundle: Path, *flags: str, program: str | None = None) -> "subprocess.Popen[str]":
        command = ["-m", "edge"] if program is None else ["-c", program]
        journal = ["--journal.path", str(self._folder / "journal.sqlite"), "--mqtt.enabled", "false"]
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": self._socket.getsockname(),
            "WATCHDOG_USEC": "2000000",
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [sys.executable, *command, "--config", "/dev/null", "--model", str(bundle), *journal, *flags],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        return self.process

    def wait_for(self, message: str, seconds: float = 60.0) -> bool:
        """True if it is heard, from now on, in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                text = self._socket.recv(4096).decode()
            except TimeoutError:
                return False
            self.heard.append((time.monotonic(), text))
            if text.startswith(message):
                return True
        return False

    def close(self) -> None:
        self._socket.close()
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(tmp_path)
    yield listener
    listener.close()


def test_it_is_ready_once_frames_flow_and_fed_while_they_do(systemd: Listener, bundle: Path) -> None:
    systemd.start(bundle)
    assert systemd.wait_for("READY=1")
    for _ in range(4):
        assert systemd.wait_for("WATCHDOG=1")
    assert systemd.wait_for("STATUS=running; ")


def test_a_missing_camera_holds_up_neither_the_start_nor_the_feeding(systemd: Listener, bundle: Path) -> None:
    systemd.start(bundle, "--camera.kind", "device", "--camera.device", "/dev/video-none")
    assert systemd.wait_for("READY=1")
    assert any(text.startswith("STATUS=fault: ") for _, text in systemd.heard) or systemd.wait_for(
        "STATUS=fault: "
    )
    for _ in range(4):
        assert systemd.wait_for("WATCHDOG=1")


def test_an_inference_that_hangs_is_fed_no_more_and_abort_shows_where(
    systemd: Listener, bundle: Path
) -> None:
    process = systemd.start(bundle, "--camera.replay_fps", "20", program=HANGS)
    assert systemd.wait_for("READY=1")
    while systemd.wait_for("WATCHDOG=1", seconds=4):
        assert len(systemd.heard) < 20, "it is still fed"
    process.send_signal(signal.SIGABRT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGABRT
    assert "in hang" in said


def test_user_signal_1_writes_the_stacks_of_all_threads_and_nothing_ends(
    systemd: Listener, bundle: Path
) -> None:
    process = systemd.start(bundle)
    assert systemd.wait_for("READY=1")
    process.send_signal(signal.SIGUSR1)
    assert systemd.wait_for("WATCHDOG=1")
    process.send_signal(signal.SIGTERM)
    assert systemd.wait_for("STOPPING=1")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "in run" in said
    assert said.count("Thread 0x") >= 3


def test_user_signal_1_shows_where_a_line_hangs_that_runs_no_python(systemd: Listener, bundle: Path) -> None:
    process = systemd.start(bundle, "--camera.replay_fps", "20", program=HANGS_IN_C)
    assert systemd.wait_for("READY=1")
    while systemd.wait_for("WATCHDOG=1", seconds=4):
        assert len(systemd.heard) < 20, "it is still fed"
    process.send_signal(signal.SIGUSR1)
    said: list[str] = []
    while "in hang" not in (said or [""])[-1]:
        said.append(process.stderr.readline())  # type: ignore[union-attr]
        assert said[-1], "it ended"
    assert process.poll() is None


def test_any_number_of_user_signals_1_ends_nothing_and_is_written_once_a_second(
    systemd: Listener, bundle: Path
) -> None:
    process = systemd.start(bundle, "--camera.replay_fps", "50")
    assert systemd.wait_for("READY=1")
    began = time.monotonic()
    for _ in range(2000):
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.0005)  # else the kernel makes one of them
    assert systemd.wait_for("WATCHDOG=1")
    process.send_signal(signal.SIGTERM)
    assert systemd.wait_for("STOPPING=1")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert 1 <= said.count("(MainThread)") <= time.monotonic() - began + 1


def test_hang_up_does_not_end_it(systemd: Listener, bundle: Path) -> None:
    process = systemd.start(bundle)
    assert systemd.wait_for("READY=1")
    process.send_signal(signal.SIGHUP)
    assert systemd.wait_for("WATCHDOG=1")
    assert process.poll() is None


def test_a_journal_that_another_process_still_holds_asks_for_a_new_process(
    systemd: Listener, bundle: Path
) -> None:
    systemd.start(bundle)
    assert systemd.wait_for("READY=1")
    first = systemd.process
    second = systemd.start(bundle)
    try:
        _, said = second.communicate(timeout=60)
    finally:
        systemd.process = first
    assert second.returncode == 3
    assert "journal" in said
    assert "Traceback" not in said
