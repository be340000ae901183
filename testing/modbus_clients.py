"""Modbus clients of other makers: libmodbus (C) and modbus-serial (Node.js)."""

import ctypes
import ctypes.util
import json
import subprocess
from collections.abc import Sequence
from typing import Any

from testing.nodes import node_modules

_SCRIPT = """
const ModbusRTU = require("modbus-serial");
const { port, reads, writes } = JSON.parse(process.argv[1]);
const client = new ModbusRTU();
const said = { reads: [], writes: [] };
(async () => {
  await client.connectTCP("127.0.0.1", { port });
  client.setID(1);
  client.setTimeout(20000);
  for (const [address, count] of reads) {
    try { said.reads.push((await client.readHoldingRegisters(address, count)).data); }
    catch (error) { said.reads.push(error.message); }
  }
  for (const [address, values] of writes) {
    try { await client.writeRegisters(address, values); said.writes.push(null); }
    catch (error) { said.writes.push(error.message); }
  }
  console.log(JSON.stringify(said));
  client.close(() => process.exit(0));
})();
"""


def libmodbus_is_missing() -> str | None:
    """Why there is no libmodbus here, or None."""
    if ctypes.util.find_library("modbus") is None:
        return "libmodbus is not installed: apt-get install libmodbus5"
    return None


class LibModbus:
    """A connection of libmodbus; whatever goes wrong, refusals too, is an OSError."""

    def __init__(self, port: int, *, unit: int = 1, timeout_s: float = 20.0) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("modbus"), use_errno=True)
        self._library.modbus_new_tcp.restype = ctypes.c_void_p
        self._library.modbus_strerror.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.modbus_new_tcp(b"127.0.0.1", port))
        seconds, rest = divmod(timeout_s, 1)
        set_timeout = self._library.modbus_set_response_timeout
        self._check(set_timeout(self._context, int(seconds), int(rest * 1e6)))
        self._check(self._library.modbus_set_slave(self._context, unit))
        self._check(self._library.modbus_connect(self._context))

    def read(self, address: int, count: int) -> list[int]:
        """Holding registers."""
        words = (ctypes.c_uint16 * count)()
        self._check(self._library.modbus_read_registers(self._context, address, count, words))
        return list(words)

    def write(self, address: int, values: Sequence[int]) -> None:
        """Write them all at once."""
        words = (ctypes.c_uint16 * len(values))(*values)
        self._check(self._library.modbus_write_registers(self._context, address, len(values), words))

    def close(self) -> None:
        self._library.modbus_close(self._context)
        self._library.modbus_free(self._context)

    def _check(self, result: int) -> None:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, self._library.modbus_strerror(number).decode())


def modbus_serial(
    port: int, *, reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, list[int]]]
) -> dict[str, Any]:
    """The registers that modbus-serial reads, then the answers to its writes; a text is an error."""
    modules = node_modules("modbus-serial")
    asked = json.dumps({"port": port, "reads": reads, "writes": writes})
    done = subprocess.run(
        ["node", "-e", _SCRIPT, asked],
        cwd=modules.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(json.loads(done.stdout))
