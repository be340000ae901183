"""Messages to systemd, by sd_notify(3)'s protocol: one datagram a message, no library."""

import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Says that the daemon is ready, alive and so on; where nobody listens, nothing is said.

    No method waits or raises: a full socket loses the message, and the next one comes soon.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # The first sign of an address in the abstract namespace is written as @.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environment) if address else None
        """In how many seconds systemd must hear from us again, or None where it does not watch."""
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def ready(self) -> None:
        """The start is done."""
        self._send("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        with suppress(OSError):  # nobody listens, or not fast enough: the line is not to wait for that
            self._socket.sendto(message.encode("utf-8", "replace"), self._address)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """The limit, if it is meant for this process and not for its parent."""
    period = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()) or not re.fullmatch(
        "[0-9]{1,18}", period
    ):
        return None
    return int(period) / 1e6 or None
