"""A Debian with systemd as its first process, in a container: a device to install on."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

PACKAGES = "systemd,systemd-sysv,dbus,libnss-systemd,ca-certificates,python3,python3-venv"
NEEDED = ("debootstrap", "systemd-nspawn", "nsenter")


def why_not() -> str | None:
    """Why there can be no such container here, or None."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"missing: {', '.join(missing)}; apt-get install debootstrap systemd-container"
    return "debootstrap and systemd-nspawn need root" if os.geteuid() != 0 else None


def make_root(root: Path) -> str | None:
    """Put a bare Debian 12 into ``root``; returns why it is not available, or None."""
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-300:]


class BootedDebian:
    """Boots ``root``; ``shared`` folders are seen inside, read-only.

    ``changes``: "overlay" forgets what was changed in the root, "no" keeps it. Without ``network`` there is
    none but its own loopback.
    """

    def __init__(
        self,
        root: Path,
        shared: Mapping[Path, str],
        environment: Mapping[str, str],
        changes: Literal["overlay", "no"] = "overlay",
        *,
        network: bool = True,
    ) -> None:
        self._environment = environment
        self._limit = Path(f"/sys/fs/cgroup/memory/linegate-{os.getpid()}")
        binds = [f"--bind-ro={outside}:{inside}" for outside, inside in shared.items()]
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--volatile={changes}"]
        command += ["--console=pipe", f"--directory={root}", f"--machine=linegate-{os.getpid()}", *binds]
        command += [] if network else ["--private-network"]
        self._process = subprocess.Popen(
            [*command, "--boot"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._first: int | None = None
        if not wait_until(self._is_up, seconds=60):
            self.close()
            raise RuntimeError(f"the container does not boot: {self._said()}")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root."""
        enter = ["nsenter", f"--target={self._first}", "-m", "-u", "-i", "-n", "-p", "-C", "--wdns=/"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **self._environment}
        return subprocess.run(
            [*enter, *command], capture_output=True, text=True, check=False, env=environment, timeout=280
        )

    def output(self, *command: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.output("systemctl", "show", "--property", name, "--value", unit)

    def limit_memory(self, unit: str, bytes_: int) -> None:
        """Hold the main process of a unit to so much, where this container's systemd cannot.

        That is so under the cgroups of version 1: a container gets none for memory, so one is made outside.
        """
        if self.show(unit, "MemoryCurrent").isdigit():
            self.output(
                "systemctl", "set-property", "--runtime", unit, f"MemoryMax={bytes_}", "MemorySwapMax=0"
            )
            return
        self._limit.mkdir(exist_ok=True)
        (self._limit / "memory.limit_in_bytes").write_text(str(bytes_))
        (self._limit / "cgroup.procs").write_text(str(self.outside_pid(unit)))

    def was_killed_for_memory(self, unit: str) -> bool:
        """True if the kernel ended a process of this unit at such a limit."""
        if self._limit.is_dir():
            return "oom_kill 0" not in (self._limit / "memory.oom_control").read_text().splitlines()
        return "OOM killer" in self.output("journalctl", "--unit", unit, "--no-pager", "--output", "cat")

    def outside_pid(self, unit: str) -> int:
        """The main process of a unit, by the number that it has outside."""
        inside = self.show(unit, "MainPID")
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):  # it goes meanwhile
                numbers = next(
                    line.split() for line in status.read_text().splitlines() if line.startswith("NSpid:")
                )
                if numbers[-1] == inside and self._is_inside(int(numbers[1])):
                    return int(numbers[1])
        raise LookupError(f"{unit} does not run")

    def _is_inside(self, process: int) -> bool:
        return Path(f"/proc/{process}/ns/pid").readlink() == Path(f"/proc/{self._first}/ns/pid").readlink()

    def close(self) -> None:
        """Switch it off, as with its button."""
        if self._process.poll() is None:
            if self._first is not None:
                self.run("systemctl", "poweroff")
            else:
                self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._limit.is_dir():
            self._limit.rmdir()

    def _is_up(self) -> bool:
        if self._first is None:
            self._first = _child(self._process.pid)
            return False
        done = self.run("systemctl", "is-system-running")
        return done.stdout.strip() in ("running", "degraded")

    def _said(self) -> str:
        return self._process.stderr.read().decode()[-500:] if self._process.stderr else ""


def wait_until(condition: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    """True if it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.1)
    return True


def _child(process: int) -> int | None:
    """The container's first process, once it is systemd."""
    children: Sequence[str] = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for child in children:
        if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
            return int(child)
    return None
