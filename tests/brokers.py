"""A real mosquitto for tests, which can be killed and started again on the same port."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

START_LIMIT_S = 10.0


def mosquitto_path() -> str | None:
    """Where mosquitto is; Debian puts it where users do not look."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def require_mosquitto() -> str:
    """The path of mosquitto; skips the test without it, or fails where LINEGATE_REQUIRE_BROKER is set."""
    path = mosquitto_path()
    if path is None:
        reason = "needs mosquitto: apt install mosquitto mosquitto-clients"
        if os.environ.get("LINEGATE_REQUIRE_BROKER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """One broker on the loopback address, persistent over restarts."""

    def __init__(self, folder: Path, *, settings: str = "allow_anonymous true") -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self._path = require_mosquitto()
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        state = folder / "broker"
        state.mkdir()
        state.chmod(0o777)
        self._config.write_text(
            f"listener {self.port} {self.host}\n{settings}\npersistence true\n"
            f"persistence_location {state}/\nuser root\nmax_queued_messages 0\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._path, "-c", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"mosquitto did not start: {self._log.read_text()}")

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
