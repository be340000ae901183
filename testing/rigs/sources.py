"""Network cameras as processes that can be killed and stopped, each behind a link that can fail."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from testing.cameras import free_port
from testing.rigs.faulty_link import FaultyLink

SYSTEM_PYTHON = Path("/usr/bin/python3")  # GStreamer's binding belongs to the system's Python
_RTSP_SERVER = Path(__file__).parent / "rtsp_server.py"
_ROOT = Path(__file__).parents[2]
_NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
RTSP_PACKAGES = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-ugly"
)


def rtsp_is_missing() -> str | None:
    """Why there can be no RTSP camera here, or None."""
    command = [str(SYSTEM_PYTHON), "-c", _NEEDED]
    if SYSTEM_PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return None
    return f"no RTSP server: sudo apt-get install {RTSP_PACKAGES}"


class NetworkCamera:
    """A camera's process and the link to it; ``url`` leads through the link."""

    def __init__(self, command: list[str], address: str) -> None:
        self.port = free_port()
        self._command = [*command, str(self.port)]
        self.switch_on()
        self.link = FaultyLink(self.port)
        self._address = address

    @property
    def url(self) -> str:
        return self._address.format(port=self.link.port)

    def switch_on(self) -> None:
        # In a session of its own: the kernel wakes stopped processes of a group that loses its shell.
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=_ROOT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", f"{self._command} did not start"

    def kill(self) -> None:
        """End it without a word, as when its power goes."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def freeze(self) -> None:
        """Stop it; connections stay open and nothing comes."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.link.close()
        self.kill()


class HttpCamera(NetworkCamera):
    """Motion JPEG over HTTP; ``send`` chooses what it shows."""

    def __init__(self) -> None:
        super().__init__(
            [sys.executable, "-m", "testing.rigs.mjpeg_server"], "http://127.0.0.1:{port}/stream.mjpg"
        )

    def send(self, kind: str) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/send/{kind}", timeout=5):
            pass


class RtspCamera(NetworkCamera):
    """H.264 or motion JPEG over RTSP: ``path`` "h264" or "mjpeg"."""

    def __init__(self, path: str = "h264") -> None:
        super().__init__([str(SYSTEM_PYTHON), str(_RTSP_SERVER)], f"rtsp://127.0.0.1:{{port}}/{path}")
