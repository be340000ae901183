"""`make modbus` in short: a PLC that compares takes nothing stale, and its judge sees what is."""

from pathlib import Path

import pytest

from benchmarks.modbus.__main__ import replaced
from benchmarks.modbus.kills import ModbusKills, judge, kill_both
from testing.brokers import MosquittoBroker
from testing.modbus_clients import libmodbus_is_missing

NOTES = """A
T a 1.0
T b 1.1
T c 1.2
T d 1.3
M c
P a 1.2
P b 1.7
P c 1.3
E d
"""


def test_the_judge_sees_passes_that_are_late_or_of_parts_that_did_not_pass() -> None:
    found = judge(ModbusKills(), NOTES, {"a": "reject", "b": "pass", "d": "pass"})
    assert (found.parts, found.passed, found.ejected) == (4, 3, 1)
    assert (found.stale, found.wrong, found.unknown, found.passes_missed) == (["b"], ["a"], [], 1)
    assert judge(ModbusKills(), NOTES, {"a": "pass"}).unknown == ["b"]


def test_rows_of_a_page_are_replaced_by_name() -> None:
    page = "# A\n| kills | old |\n| station | kept |\n"
    assert replaced(page, {"kills": "| kills | new |"}) == "# A\n| kills | new |\n| station | kept |\n"


@pytest.mark.broker
@pytest.mark.skipif(libmodbus_is_missing() is not None, reason=str(libmodbus_is_missing()))
def test_killed_on_either_side_no_stale_result_lets_a_part_pass(
    broker: MosquittoBroker, tmp_path: Path
) -> None:
    found = kill_both(broker, tmp_path, times=3, seed=1)
    assert found.station_kills + found.plc_kills == 3
    assert found.passed > 0
    assert (found.stale, found.wrong, found.unknown) == ([], [], [])
