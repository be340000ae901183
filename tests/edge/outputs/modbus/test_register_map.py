"""The documents show the map that the server has."""

import re
from itertools import pairwise
from pathlib import Path

from edge.outputs.modbus.register_map import (
    HEAD,
    LOT,
    LOT_ALL_WORDS,
    LOT_AT,
    RECENT_AT,
    RECENT_SLOTS,
    RESET,
    RESET_AT,
    RESET_WORDS,
    RING_AT,
    RING_SLOTS,
    SLOT,
    SLOT_WORDS,
    tables,
)

DOCS = Path(__file__).parents[4] / "docs"


def test_the_reference_shows_the_map_of_the_code() -> None:
    assert tables() in (DOCS / "reference" / "modbus.md").read_text("utf-8")


def test_each_block_is_without_gaps_and_none_overlaps_another() -> None:
    for block in (HEAD, SLOT, RESET, LOT):
        assert [register.offset for register in block] == list(range(len(block)))
    blocks = [
        (0, RECENT_AT), (RECENT_AT, RECENT_SLOTS * SLOT_WORDS), (RING_AT, RING_SLOTS * SLOT_WORDS),
        (RESET_AT, RESET_WORDS), (LOT_AT, LOT_ALL_WORDS),
    ]  # fmt: skip
    assert all(at + words <= following for (at, words), (following, _) in pairwise(blocks))
    assert RECENT_AT + RECENT_SLOTS * SLOT_WORDS <= 125, "read by one request"
    assert 65536 % RING_SLOTS == 0, "a counter that wraps keeps its places"


def test_addresses_and_numbers_in_the_guide_are_those_of_the_map() -> None:
    guide = (DOCS / "guides" / "modbus.md").read_text("utf-8")
    at = {register.name: register.offset for register in (*HEAD, *SLOT)}
    assert f"{RING_AT} + {SLOT_WORDS} (n mod {RING_SLOTS})" in guide
    assert f"0 to {RECENT_AT + RECENT_SLOTS * SLOT_WORDS - 1}" in guide
    assert f"latest {RECENT_SLOTS} parts" in guide
    assert f"{RESET_AT} to {RESET_AT + RESET_WORDS - 1}" in guide
    assert f"{LOT_AT} to {LOT_AT + LOT_ALL_WORDS - 1}" in guide
    for text, name in [
        ("Registers[6]", "parts"),
        ("Registers[5]", "bits"),
        ("Registers[At + 3] = 2", "command"),
    ]:
        assert text in guide
        assert re.findall(r"\d+", text)[0] == str(at[name])
    for text, name in [("Registers[At + 4]", "due_in_ms"), ("Registers[At + 5]", "valid_for_ms")]:
        assert text in guide
        assert re.findall(r"\d+", text) == [str(at[name])]
