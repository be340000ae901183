"""All that a station and a PLC import, before one is forked."""

import edge.__main__
import edge.deployment.deployment
import edge.deployment.selection
import edge.inspection.inspector
import edge.outputs.modbus.protocol
import edge.records.recorder
import edge.service.logs
import edge.service.signals
import edge.settings.load_settings
import edge.station.app  # noqa: F401
from benchmarks.modbus import plc  # noqa: F401
