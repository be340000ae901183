"""The Modbus server's part of `edge --check`: whether the address is free, and who may reach it."""

import ipaddress

from edge.core.errors import InputError
from edge.outputs.output import Checked
from edge.settings.settings import Settings


def check_modbus(settings: Settings) -> Checked:
    """Try to listen where the station will; raises InputError or SettingsError, which say what is wrong."""
    its = settings.modbus
    if not its.enabled:
        return Checked("switched off (modbus.enabled)")
    from edge.outputs.modbus import protocol  # noqa: F401  the extra is there
    from edge.outputs.modbus.server import listening

    where = f"{its.address}:{its.port}"
    try:
        listening(its.address, its.port).close()
    except OSError as error:
        raise InputError(
            f"modbus.address, modbus.port: {where} cannot be used ({error.strerror}); "
            "a running station has it, or another program"
        ) from error
    may = "read and write" if its.writes else "read"
    warnings = () if _is_loopback(its.address) else (f"whoever reaches {where} may {may}: no passwords",)
    return Checked(f"{where} is free", warnings)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
