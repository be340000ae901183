"""The states of a station."""

from typing import Literal

State = Literal["starting", "ready", "running", "fault", "stopped", "offline"]
