"""A real mosquitto for tests: on a port of its own, stopped and started at will."""

import base64
import hashlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"
SECONDS_TO_START = 10.0
SECONDS_TO_STOP = 10.0


class BrokerDidNotStartError(Exception):
    """Mosquitto ended, or took too long; the message holds what it logged."""


class MosquittoBroker:
    """One mosquitto, which keeps its port and its folder over restarts.

    ``config`` is added below the listener, so that it may hold settings of the listener (TLS), settings
    of the broker (``persistence true``) and further listeners. Without ``passwords`` everyone may
    connect; with them only those users may.
    """

    def __init__(
        self, program: Path, folder: Path, *, config: str = "", passwords: Mapping[str, str] | None = None
    ) -> None:
        self.host = HOST
        self.port = free_port()
        self._program = program
        self._folder = folder
        self._config = config
        self._passwords = passwords
        self._process: subprocess.Popen[bytes] | None = None
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> str:
        """All that it logged, over all its restarts."""
        file = self._folder / "mosquitto.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def is_running(self) -> bool:
        """True if the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return once it accepts connections; nothing to do if it runs."""
        if self.is_running():
            return
        config_file = self._folder / "mosquitto.conf"
        config_file.write_text(self._config_text())
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", config_file], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._accepts_connections():
            if not self.is_running() or time.monotonic() > deadline:
                self.stop()
                raise BrokerDidNotStartError(self.log)
            time.sleep(0.02)

    def stop(self) -> None:
        """Return once it is gone, having saved its state if it is persistent."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Take it away at once, as a power cut does: nothing is saved, no client is told."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """It keeps its connections and does nothing any more."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on, with what came meanwhile."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def change_passwords(self, passwords: Mapping[str, str]) -> None:
        """From its next start on only these users may connect."""
        self._passwords = passwords

    def restart(self) -> None:
        """Stop, and start on the same port."""
        self.stop()
        self.start()

    def _accepts_connections(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return self.is_running()

    def _config_text(self) -> str:
        lines = [
            # Started by root it would become another user, who may not read this folder.
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            f"persistence_location {self._folder}/",
            "log_dest stderr",
            "log_type all",
        ]
        if self._passwords is None:
            lines.append("allow_anonymous true")
        else:
            password_file = self._folder / "passwords"
            password_file.touch(mode=0o600)
            password_file.write_text("".join(password_line(*entry) for entry in self._passwords.items()))
            lines += ["allow_anonymous false", f"password_file {password_file}"]
        return "\n".join([*lines, f"listener {self.port} {self.host}", self._config, ""])


def find_mosquitto() -> Path | None:
    """The program, also where Debian hides daemons from a user's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("mosquitto", path=path)
    return None if found is None else Path(found)


def free_port() -> int:
    """A port that stays free while its broker is down: below those that the kernel gives to clients."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError("no free port among 100 between 20000 and 30000")


def password_line(user: str, password: str) -> str:
    """A line of a password file as ``mosquitto_passwd`` writes it: PBKDF2 with SHA-512."""
    rounds = 101
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"{user}:$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"
