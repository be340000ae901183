"""The interface of whoever must have every result, for the outbox."""

from collections.abc import Hashable
from typing import Protocol

Receipt = Hashable
"""A result that was handed over; what acknowledges or refuses it carries an equal one."""


class Courier(Protocol):
    """Takes results over one connection after the other; any thread.

    The receipts go back to the results' own outbox, by ``acknowledged`` or ``refused``.
    """

    @property
    def consumer(self) -> str:
        """The name under which the journal keeps how far it is: of its own, and the same in every release."""

    @property
    def receiver(self) -> str:
        """The receiver's name for people, as "broker"."""

    @property
    def connection_number(self) -> int | None:
        """Which connection there is now; None if there is none. Each has another number."""

    @property
    def most_unacknowledged(self) -> int:
        """The number of results that the other side takes before it acknowledges one."""

    def takes(self, result: bytes) -> bool:
        """True if the other side takes results of this size."""

    def send(self, result: bytes) -> Receipt | None:
        """Hand a result over; None where that is not possible now."""
