"""From a frame to its answer, by pymodbus: three functions, and an exception for all else."""

import logging
from collections.abc import Callable

from edge.core.errors import SettingsError
from edge.outputs.modbus.registers import NoSuchRegisterError, Registers
from edge.outputs.modbus.writes import Refusal, RefusedError, Writes

try:
    from pymodbus.exceptions import ModbusException
    from pymodbus.framer import FramerSocket
    from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
    from pymodbus.pdu.register_message import (
        ReadHoldingRegistersResponse,
        ReadInputRegistersResponse,
        WriteMultipleRegistersRequest,
        WriteMultipleRegistersResponse,
    )
except ImportError as error:
    raise SettingsError("modbus.enabled: needs the extra modbus: pip install 'linegate[modbus]'") from error

# It logs each frame that it cannot read: whoever sends nonsense would fill the log.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

READ_HOLDING, READ_INPUT, WRITE = 3, 4, 16
_UNIT_AT, _FUNCTION_AT = 6, 7


class Protocol:
    """Answers frames of one length each; ``writes`` is None where nothing may be written.

    ``unit`` is the only one that is answered, 0 stands for all. ``on_read`` is called with the first register
    and how many, when they were read.
    """

    def __init__(
        self,
        registers: Registers,
        writes: Writes | None,
        *,
        unit: int,
        on_read: Callable[[int, int], None] = lambda _first, _count: None,
    ) -> None:
        self._registers = registers
        self._writes = writes
        self._unit = unit
        self._on_read = on_read
        self._framer = FramerSocket(DecodePDU(is_server=True))

    def answer(self, frame: bytes) -> bytes:
        """The answer to a whole frame."""
        function, unit = frame[_FUNCTION_AT], frame[_UNIT_AT]
        try:
            response = self._respond(frame, function, unit)
        except RefusedError as error:
            response = ExceptionResponse(function, error.refusal)
        response.dev_id, response.transaction_id = unit, int.from_bytes(frame[:2], "big")
        return self._framer.buildFrame(response)

    def _respond(self, frame: bytes, function: int, unit: int) -> ModbusPDU:
        if self._unit not in (0, unit):
            raise RefusedError(Refusal.UNIT)
        if function not in (READ_HOLDING, READ_INPUT, *([WRITE] if self._writes else [])):
            raise RefusedError(Refusal.FUNCTION)
        try:
            _, request = self._framer.handleFrame(frame, 0, 0)
        except ModbusException:
            request = None
        if request is None:
            raise RefusedError(Refusal.VALUE)
        if isinstance(request, WriteMultipleRegistersRequest):
            return self._write(request)
        return self._read(request, function)

    def _read(self, request: ModbusPDU, function: int) -> ModbusPDU:
        try:
            words = self._registers.read(request.address, request.count)
        except NoSuchRegisterError:
            raise RefusedError(Refusal.ADDRESS) from None
        self._on_read(request.address, request.count)
        kind = ReadHoldingRegistersResponse if function == READ_HOLDING else ReadInputRegistersResponse
        return kind(registers=words)

    def _write(self, request: WriteMultipleRegistersRequest) -> ModbusPDU:
        if (
            self._writes is None
            or not request.count == len(request.registers) == (request.byte_count or 0) / 2
        ):
            raise RefusedError(Refusal.VALUE)
        self._writes.write(request.address, request.registers)
        return WriteMultipleRegistersResponse(address=request.address, count=request.count)
