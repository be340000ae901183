"""Connect an input line of the device to a trigger."""

import time
from collections.abc import Callable, Sequence

from edge.settings.trigger import TriggerSettings
from edge.trigger.inputs import Edge, GpioPin, InputLine, LineAddress
from edge.trigger.trigger import P, Trigger


def open_input(
    settings: TriggerSettings, trigger: Trigger[P], *, is_stopped: Callable[[], bool]
) -> InputLine | None:
    """Return the line that announces parts to ``trigger`` unless the station is stopped; None if not set."""
    if settings.kind != "input":
        return None

    def announce(edges: Sequence[Edge]) -> None:
        if not is_stopped():
            for edge in edges:
                trigger.announce(None, edge.at)

    address = LineAddress(
        "trigger.kind",
        settings.chip,
        settings.line,
        settings.edge,
        settings.debounce_ms,
    )
    return InputLine(
        "trigger",
        lambda: GpioPin(address),
        on_edges=announce,
        on_trouble=lambda trouble: trigger.hear(trouble, time.monotonic()),
    )
