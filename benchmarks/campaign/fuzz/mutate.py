"""Seeded ways to spoil bytes, from a flipped bit to a number of a thousand digits."""

import random
import re
from collections.abc import Callable, Sequence

MOST_CHANGES = 8
LARGEST_BYTES = 100_000

_LITERAL = re.compile(rb'-?\d+(?:\.\d+)?|"[^"\n]{0,200}"|true|false|null|\[[^\[\]\n]{0,200}\]')
_LITERALS = (
    *(b"0", b"-1", b"1", b"255", b"256", b"65536", b"2147483648", b"-9223372036854775809", b"9" * 400),
    *(b"9" * 5000, b"1e999", b"-1e-999", b"-0.0", b"nan", b"inf", b"-inf", b"NaN", b"Infinity", b"0x7f"),
    *(b'""', b'"\\u0000"', b'"\\ud800"', b'"\\uFFFF"', b'"../../etc/passwd"', b'"a/b"', b'"\xff"'),
    *(b"null", b"true", b"false", b"[]", b"{}", b"[null]", b'{"a":1}', b"[" * 3000, b'{"a":' * 3000),
    *(b'"' + b"A" * 5000 + b'"', b"2026-11-21T10:00:00Z", b"1979-05-27", b"'''\n'''", b"[[0]]"),
)
_NUMBERS = (
    *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00" * 4, b"\xff" * 4),
    *(b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"),
)

Change = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """``data`` after one change, half as often two, and so on; ``others`` are inputs to take pieces of."""
    for _ in range(MOST_CHANGES):
        data = chance.choice(_CHANGES)(data, chance, others)[:LARGEST_BYTES]
        if chance.random() < 0.5:
            break
    return data


def _flip(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    at, piece = chance.randint(0, len(data)), chance.choice(_NUMBERS)
    return data[:at] + piece + data[at + len(piece) :]


def _insert(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.randbytes(chance.randint(1, 8)) + data[at:]


def _delete(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + data[at + chance.randint(1, 16) :]


def _truncate(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _repeat(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    start = chance.randint(0, len(data))
    piece = data[start : start + chance.randint(1, 64)]
    return data[:start] + piece * chance.choice((2, 3, 50)) + data[start:]


def _splice(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _swap_lines(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _replace_literal(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    """Another value in the place of one of JSON or TOML."""
    found = list(_LITERAL.finditer(data))
    if not found:
        return _insert(data, chance, _others)
    place = chance.choice(found)
    value = chance.choice((*_LITERALS, b"%d" % chance.randint(-300, 300), b"%.3f" % chance.random()))
    if chance.random() < 0.3:  # of the same kind, so that more of it is taken
        value = b'"%s"' % _word(chance) if place[0].startswith(b'"') else b"%d" % chance.randint(0, 99)
    return data[: place.start()] + value + data[place.end() :]


def _word(chance: random.Random) -> bytes:
    return bytes(chance.choices(b"abcXYZ019._:-", k=chance.randint(1, 70)))


_CHANGES: tuple[Change, ...] = (
    *(_flip, _overwrite, _insert, _delete, _truncate, _repeat, _splice, _swap_lines),
    *(_replace_literal,) * 8,
)
