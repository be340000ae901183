"""The outputs that there are, each named once: how a station makes it, and how `edge --check` tries it."""

from collections.abc import Callable
from dataclasses import dataclass

from edge.gate.gate import GateCommand
from edge.outputs.live.output import check_live_view, live_view
from edge.outputs.modbus.output import modbus_output
from edge.outputs.modbus.server_check import check_modbus
from edge.outputs.mqtt.broker_check import check_broker
from edge.outputs.mqtt.output import mqtt_output
from edge.outputs.mqtt.subscriptions import refuse_without_broker
from edge.outputs.output import Checked, Output, Results
from edge.outputs.pins.pin_check import check_lines
from edge.outputs.pins.pins import pins_output
from edge.outputs.requests import Receiver
from edge.records.journal_file import BROKER
from edge.settings.settings import Settings


@dataclass(frozen=True)
class Wiring:
    """The things of its station that an output may need.

    ``results`` gives a consumer of results, by its name in the journal, where it says what became of them.
    ``undelivered`` is called with a command that the gate did not get though ``command`` said so, ``missed``
    with how many were not carried out in time. ``run`` is what the ids of this start's results begin with.
    """

    settings: Settings
    run: str
    receiver: Receiver
    results: Callable[[str], Results]
    undelivered: Callable[[GateCommand], None]
    missed: Callable[[int], None]
    simulated: bool


@dataclass(frozen=True)
class Kind:
    """An output that there can be.

    ``make`` returns None where the settings don't ask for it, and raises SettingsError where they don't fit.
    ``check`` raises LinegateError, which says what does not work; ``refuse_unfit`` SettingsError where the
    line needs this output and the settings leave it out.
    """

    make: Callable[[Wiring], Output | None]
    check: Callable[[Settings], Checked]
    refuse_unfit: Callable[[Settings], None] = lambda _: None


KINDS: dict[str, Kind] = {
    "pins": Kind(
        lambda its: pins_output(its.settings, its.receiver, its.missed, simulated=its.simulated),
        check_lines,
    ),
    "broker": Kind(
        lambda its: mqtt_output(
            its.settings, its.receiver, its.results(BROKER), its.undelivered, simulated=its.simulated
        ),
        check_broker,
        refuse_without_broker,
    ),
    "page": Kind(lambda its: live_view(its.settings, simulated=its.simulated), check_live_view),
    "modbus": Kind(
        lambda its: modbus_output(its.settings, its.receiver, run=its.run, simulated=its.simulated),
        check_modbus,
    ),
}
"""By the name of the thing in `edge --check`."""


def make_outputs(wiring: Wiring) -> list[Output]:
    """The outputs that the settings ask for."""
    made = (kind.make(wiring) for kind in KINDS.values())
    return [output for output in made if output is not None]
