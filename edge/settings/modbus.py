"""[modbus]: a Modbus TCP server for a PLC."""

from pydantic import Field

from edge.settings.section import Section


class ModbusSettings(Section):
    """Registers for a PLC that speaks Modbus TCP (extra modbus); nobody is asked for a password."""

    enabled: bool = Field(
        default=False, description="true: serve Modbus TCP; docs/guides/modbus.md says what a PLC does"
    )
    address: str = Field(
        "127.0.0.1",
        min_length=1,
        description="of which network; that of the PLC alone, if you can: whoever reaches it may read",
    )
    port: int = Field(
        1502, ge=1, le=65535, description="502 is usual, and needs rights of its own below 1024"
    )
    unit: int = Field(1, ge=0, le=255, description="unit id to answer to; 0 answers to each")
    writes: bool = Field(
        default=False, description="true: whoever reaches it may also reset a fault and say the lot"
    )
