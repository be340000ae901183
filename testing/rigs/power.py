"""A disk whose power can be cut: ext4 on a loop device, shut down without writing anything back."""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_WITHOUT_FLUSH = 2
_MEGABYTES = 64
_ATTEMPTS = 300


def power_cut_is_missing() -> str | None:
    """Why no power can be cut here, or None."""
    if os.geteuid() != 0:
        return "only root can mount a disk"
    if shutil.which("mkfs.ext4") is None:
        return "e2fsprogs is not installed"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return None


class CuttableDisk:
    """A small disk in a file, mounted at ``path``; CalledProcessError where that is not allowed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "disk"
        self._image = folder / "disk.img"
        self._is_mounted = False
        self.path.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(_MEGABYTES * 2**20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", self._image)
        self._mount()

    def cut(self) -> None:
        """The power goes: what the disk was not made to keep is gone, and every write fails."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSH))
        finally:
            os.close(handle)

    def power_up(self) -> None:
        """The power is back: the file system is what its own journal makes of it.

        A container that starts meanwhile keeps a copy of the mount, and with it the dead file system:
        what is mounted again must be a living one.
        """
        for _ in range(_ATTEMPTS):
            _run("umount", self.path)
            self._mount()
            if self.is_alive():
                return
            time.sleep(1)
        raise TimeoutError(f"{self.path}: still without power after {_ATTEMPTS} s")

    def close(self) -> None:
        """Take the disk away."""
        if self._is_mounted:
            _run("umount", "-l", self.path)
        self._image.unlink()

    def is_alive(self) -> bool:
        """True if it can be written."""
        probe = self.path / "probe"
        try:
            probe.touch()
            probe.unlink()
        except OSError:
            return False
        return True

    def _mount(self) -> None:
        _run("mount", "-o", "loop", self._image, self.path)
        self._is_mounted = True


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
