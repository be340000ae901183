"""The server with clients of other makers, and with such as mean no good."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any, cast

import pytest
from pymodbus.client import ModbusTcpClient

from edge.core.decision import Verdict
from edge.core.errors import RequestError
from edge.gate.gate import GateCommand
from edge.outputs.events import PartDecided, PartSeen
from edge.outputs.modbus.connection import LARGEST_FRAME
from edge.outputs.modbus.output import READ_S, SILENT_S, ModbusOutput
from edge.outputs.modbus.register_map import (
    HEAD,
    LOT_WORDS,
    RECENT_AT,
    RESET_AT,
    SLOT_WORDS,
    Command,
    Outcome,
)
from edge.outputs.modbus.server import MOST_CLIENTS
from edge.outputs.requests import Answer, Receiver, WaitingCommand
from edge.settings.load_settings import load_settings
from testing.brokers import free_port
from testing.modbus_clients import LibModbus, libmodbus_is_missing, modbus_serial
from testing.waiting import wait_for
from tests.edge.outputs.modbus.test_writes import in_words

RUN = "12345678abcd"
HIGH, LOW = 0x1234, 0x5678


class Asked:
    """Does what is asked at once."""

    def __init__(self) -> None:
        self.resets = 0
        self.lots: list[str | None] = []

    def command(self, waiting: WaitingCommand) -> None:
        if waiting.request is None or waiting.request.command != "reset":
            raise RequestError("a reset was expected")
        self.resets += 1
        waiting.answer(Answer(None, None, "running", "0" * 64, "default"))

    def lot_begins(self, lot: str | None) -> None:
        self.lots.append(lot)


class Rig:
    """A server on a port of its own, and the line behind it; its clock can be moved ahead."""

    def __init__(self, **flags: str) -> None:
        self.port = free_port()
        its = {"modbus.enabled": "true", "modbus.port": str(self.port), "modbus.writes": "true"}
        settings = load_settings(None, {**its, "gate.mode": "reject-unless-ok", **flags})
        self.line = Asked()
        self.ahead = 0.0
        self.output = ModbusOutput(
            settings, cast("Receiver", self.line), run=RUN, simulated=False, clock=self.now
        )
        self.output.start()
        wait_for(self.is_reachable)

    def now(self) -> float:
        return time.monotonic() + self.ahead

    def is_reachable(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def client(self) -> Any:
        client: Any = ModbusTcpClient("127.0.0.1", port=self.port, timeout=20)
        assert client.connect()
        return client

    def pass_part(self, number: int) -> bool:
        self.output.part_seen(PartSeen(f"A-{number}", number, 0.0))
        self.output.part_decided(PartDecided(f"A-{number}", number, Verdict.OK))
        due = self.now() + 60
        return self.output.command(GateCommand(f"A-{number}", "pass", due, due + 1, 50.0))


@pytest.fixture
def rigs() -> Iterator[Callable[..., Rig]]:
    with ExitStack() as stack:

        def start(**flags: str) -> Rig:
            rig = Rig(**flags)
            stack.callback(rig.output.stop)
            return rig

        yield start


def read_frame(unit: int = 1, address: int = 0, count: int = 120, function: int = 3) -> bytes:
    return struct.pack(">HHHBBHH", 7, 0, 6, unit, function, address, count)


def receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, "the server hung up"
        data += more
    return data


def answer_of(connection: socket.socket, frame: bytes) -> bytes:
    """The function and what follows it, of the answer to a frame."""
    connection.sendall(frame)
    head = receive(connection, 7)
    return receive(connection, int.from_bytes(head[4:6], "big") - 1)


def test_pymodbus_reads_state_and_parts_in_one_piece_by_both_functions(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    with closing(rig.client()) as client:
        client.read_holding_registers(0, count=120, device_id=1)
        assert rig.pass_part(1)
        for read in (client.read_holding_registers, client.read_input_registers):
            words = read(0, count=120, device_id=1).registers
            assert words[1:3] == [HIGH, LOW]
            assert words[RECENT_AT : RECENT_AT + 4] == [LOW, 1, 2, Command.PASS]
            assert 0 < words[RECENT_AT + 4] <= 60000


@pytest.mark.skipif(libmodbus_is_missing() is not None, reason=str(libmodbus_is_missing()))
def test_libmodbus_reads_and_writes(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    with closing(LibModbus(rig.port)) as client:
        client.read(0, 120)
        rig.pass_part(1)
        assert client.read(RECENT_AT, 4) == [LOW, 1, 2, Command.PASS]
        client.write(RESET_AT, [HIGH, LOW, 5])
        assert client.read(10, 2) == [5, Outcome.DONE]
        lot = in_words("lot-7")
        client.write(3100, [HIGH, LOW, 1, *lot, *[0] * (LOT_WORDS - len(lot))])
        with pytest.raises(OSError, match="Illegal data value"):
            client.write(RESET_AT, [HIGH, LOW + 1, 6])
        with pytest.raises(OSError, match="Illegal data address"):
            client.read(500, 1)
    assert (rig.line.resets, rig.line.lots) == (1, ["lot-7"])


def test_modbus_serial_reads_and_writes(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    said = modbus_serial(rig.port, reads=[(0, 120)], writes=[])
    rig.pass_part(1)
    said = modbus_serial(
        rig.port,
        reads=[(1, 2), (RECENT_AT, 4), (500, 1)],
        writes=[(RESET_AT, [HIGH, LOW, 5]), (RESET_AT, [HIGH, LOW, 0])],
    )
    assert said["reads"] == [
        [HIGH, LOW],
        [LOW, 1, 2, Command.PASS],
        "Modbus exception 2: Illegal data address (register not supported by device)",
    ]
    assert said["writes"][0] is None
    assert "Modbus exception 3" in said["writes"][1]
    assert rig.line.resets == 1


def test_a_command_is_told_only_to_somebody_who_reads_parts(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    assert not rig.pass_part(1)
    with closing(rig.client()) as client:
        client.read_holding_registers(0, count=len(HEAD), device_id=1)
        assert not rig.pass_part(2), "who reads the state alone acts on no part"
        client.read_holding_registers(0, count=120, device_id=1)
        assert rig.pass_part(3)
        client.read_holding_registers(1000, count=SLOT_WORDS, device_id=1)
        words = client.read_holding_registers(RECENT_AT, count=24, device_id=1).registers
        assert [words[3], words[11], words[19]] == [Command.PASS, Command.NONE, Command.NONE]
        rig.ahead += READ_S
        assert not rig.pass_part(4)


def test_a_command_that_is_too_late_is_shown_to_nobody(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    with closing(rig.client()) as client:
        client.read_holding_registers(0, count=120, device_id=1)
        rig.output.part_seen(PartSeen("A-1", 1, 0.0))
        due = rig.now() - 0.001
        assert not rig.output.command(GateCommand("A-1", "pass", due, due + 60, 50.0))
        words = client.read_holding_registers(RECENT_AT, count=SLOT_WORDS, device_id=1).registers
        assert words[3] == Command.NONE


def test_that_nobody_reads_is_said_after_a_while(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    assert rig.output.health.trouble is None
    rig.ahead += SILENT_S + 1
    assert "nobody has read the parts" in str(rig.output.health.trouble)
    with closing(rig.client()) as client:
        client.read_holding_registers(0, count=120, device_id=1)
        assert rig.output.health.trouble is None


def test_what_may_not_be_written_is_refused(rigs: Callable[..., Rig]) -> None:
    rig = rigs(**{"modbus.writes": "false"})
    with closing(rig.client()) as client:
        assert client.write_registers(RESET_AT, [HIGH, LOW, 1], device_id=1).exception_code == 1
    assert rig.line.resets == 0


def test_another_unit_is_not_answered_for(rigs: Callable[..., Rig]) -> None:
    rig = rigs(**{"modbus.unit": "17"})
    with closing(rig.connect()) as connection:
        assert answer_of(connection, read_frame(unit=1)) == bytes([0x83, 0x0B])
        assert answer_of(connection, read_frame(unit=17))[:2] == bytes([3, 240])


def test_unit_0_stands_for_all(rigs: Callable[..., Rig]) -> None:
    rig = rigs(**{"modbus.unit": "0"})
    with closing(rig.connect()) as connection:
        for unit in (0, 1, 255):
            assert answer_of(connection, read_frame(unit=unit))[:2] == bytes([3, 240])


@pytest.mark.parametrize("function", [0, 1, 2, 5, 6, 7, 8, 11, 12, 15, 17, 20, 21, 22, 23, 24, 43, 90, 127])
def test_other_functions_are_refused(rigs: Callable[..., Rig], function: int) -> None:
    with closing(rigs().connect()) as connection:
        assert answer_of(connection, read_frame(function=function)) == bytes([function | 0x80, 1])
        assert answer_of(connection, read_frame())[:2] == bytes([3, 240])


@pytest.mark.parametrize(
    "body",
    [
        b"\x03", b"\x03\0\0", b"\x03\0\0\0\0", b"\x03\0\0\0\x7e", b"\x03\0\0\xff\xff", b"\x04\0\0\0",
        b"\x10", b"\x10\x0b\xb8\0\x03\x06", b"\x10\x0b\xb8\0\x03\x06\0\0\0\0\0",
        b"\x10\x0b\xb8\0\x7b\xf6" + b"\0" * 246,
        b"\x10\x0b\xb8\0\x03\x04" + b"\0" * 6, b"\x10\x0b\xb8\0\0\0", b"\x10" + b"\xff" * 252,
    ],
)  # fmt: skip
def test_a_malformed_request_is_refused_and_the_next_one_answered(
    rigs: Callable[..., Rig], body: bytes
) -> None:
    rig = rigs()
    with closing(rig.connect()) as connection:
        frame = struct.pack(">HHHB", 7, 0, len(body) + 1, 1) + body
        answer = answer_of(connection, frame)
        assert answer[0] == body[0] | 0x80
        assert answer[1] in (2, 3)
        assert answer_of(connection, read_frame())[:2] == bytes([3, 240])
    assert (rig.line.resets, rig.line.lots) == (0, [])


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">HHHB", 1, 1, 6, 1) + b"\x03\0\0\0\1",
        struct.pack(">HHHB", 1, 0, 0xFFFF, 1),
        struct.pack(">HHHB", 1, 0, 0, 1),
        struct.pack(">HHHB", 1, 0, 1, 1),
        struct.pack(">HHHB", 1, 0, LARGEST_FRAME - 5, 1),
    ],
)
def test_who_sends_nonsense_is_hung_up_on(rigs: Callable[..., Rig], nonsense: bytes) -> None:
    rig = rigs()
    with closing(rig.connect()) as connection:
        connection.sendall(nonsense)
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert rig.is_reachable()


def test_frames_that_come_together_or_in_pieces_are_answered_in_order(rigs: Callable[..., Rig]) -> None:
    with closing(rigs().connect()) as connection:
        frames = b"".join(struct.pack(">HHHBBHH", number, 0, 6, 1, 3, 0, 1) for number in range(50))
        connection.sendall(frames[:7])
        for at in range(7, 40):
            connection.sendall(frames[at : at + 1])
        connection.sendall(frames[40:])
        answers = receive(connection, 50 * 11)
    assert [int.from_bytes(answers[at : at + 2], "big") for at in range(0, 550, 11)] == list(range(50))


def test_however_many_connect_a_plc_that_asks_is_answered(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    with ExitStack() as stack:
        plc = stack.enter_context(closing(rig.connect()))
        assert answer_of(plc, read_frame())[:2] == bytes([3, 240])
        for _ in range(3 * MOST_CLIENTS):
            stack.enter_context(closing(rig.connect()))
        assert answer_of(plc, read_frame())[:2] == bytes([3, 240]), "they ask nothing, and make room"
        newest = stack.enter_context(closing(rig.connect()))
        assert answer_of(newest, read_frame())[:2] == bytes([3, 240])


def test_where_all_places_are_taken_by_who_asks_nobody_more_is_taken(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    with ExitStack() as stack:
        asking = [stack.enter_context(closing(rig.connect())) for _ in range(MOST_CLIENTS)]
        for connection in asking:
            assert answer_of(connection, read_frame())[:2] == bytes([3, 240])
        refused = stack.enter_context(closing(rig.connect()))
        with suppress(ConnectionResetError):
            assert refused.recv(1) == b""
        for connection in asking:
            assert answer_of(connection, read_frame())[:2] == bytes([3, 240])


def test_who_asks_without_end_and_takes_no_answer_delays_nobody(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    ended = threading.Event()

    def flood() -> None:
        with closing(rig.connect()) as connection, suppress(OSError):
            connection.settimeout(0.1)
            while not ended.is_set():
                with suppress(TimeoutError):
                    connection.sendall(read_frame() * 1000)

    floods = [threading.Thread(target=flood) for _ in range(3)]
    for thread in floods:
        thread.start()
    try:
        with closing(rig.client()) as client:
            for number in range(1, 30):
                client.read_holding_registers(0, count=120, device_id=1)
                assert rig.pass_part(number)
                words = client.read_holding_registers(RECENT_AT, count=4, device_id=1).registers
                assert words == [LOW, number, 2, Command.PASS]
    finally:
        ended.set()
        for thread in floods:
            thread.join()


def test_a_port_that_is_taken_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, rigs: Callable[..., Rig]
) -> None:
    monkeypatch.setattr("edge.outputs.modbus.server.AGAIN_S", 0.05)
    first = rigs()
    settings = load_settings(None, {"modbus.enabled": "true", "modbus.port": str(first.port)})
    second = ModbusOutput(settings, cast("Receiver", Asked()), run="87654321abcd", simulated=False)
    second.start()
    try:
        wait_for(lambda: second.health.trouble is not None)
        assert f"127.0.0.1:{first.port}" in str(second.health.trouble)
        assert second.health.is_alive
        first.output.stop()
        wait_for(lambda: second.health.trouble is None)
        with closing(first.client()) as client:
            assert client.read_holding_registers(1, count=2, device_id=1).registers == [0x8765, 0x4321]
    finally:
        second.stop()


def test_at_the_end_everybody_is_hung_up_on(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    with closing(rig.connect()) as connection:
        answer_of(connection, read_frame())
        rig.output.stop()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert not rig.is_reachable()
    assert not rig.output.health.is_alive
