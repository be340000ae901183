"""The tags of a TIFF file's first picture. Pure. Sources: TIFF 6.0; BigTIFF as libtiff has it."""

import struct

Tags = dict[int, tuple[int, ...]]

_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MOST_VALUES = 16  # of a tag that is of interest here; others are long lists
_MOST_TAGS = 4096


def read_tags(data: bytes) -> Tags:
    """Whole numbers by tag; raises struct.error where the file ends before its directory does.

    A tag that stands there twice, or whose values are no whole numbers or too many, is left out.
    """
    tags: Tags = {}
    twice = set()
    try:
        entries = _entries(data)
    except OverflowError as error:  # of a place beyond what Python can count
        raise struct.error(str(error)) from error
    for tag, values in entries:
        if tag in tags:
            twice.add(tag)
        if values:
            tags[tag] = values
    return {tag: values for tag, values in tags.items() if tag not in twice}


def _entries(data: bytes) -> list[tuple[int, tuple[int, ...]]]:
    order = "<" if data.startswith(b"II") else ">"
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    is_big = version == 43
    head, counter, offset, inline = ("HHQ", "Q", "Q", 8) if is_big else ("HHI", "H", "I", 4)
    (at,) = struct.unpack_from(order + offset, data, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + counter, data, at)
    at += struct.calcsize(order + counter)
    size = struct.calcsize(order + head)
    found = []
    for number in range(min(count, _MOST_TAGS)):
        entry = at + number * (size + inline)
        tag, kind, many = struct.unpack_from(order + head, data, entry)
        values: tuple[int, ...] = ()
        if kind in _TYPES and 1 <= many <= _MOST_VALUES:
            layout = f"{order}{many}{_TYPES[kind]}"
            place = entry + size
            if struct.calcsize(layout) > inline:
                (place,) = struct.unpack_from(order + offset, data, place)
            values = struct.unpack_from(layout, data, place)
        found.append((tag, values))
    return found
