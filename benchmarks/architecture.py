"""`make architecture`: the pictures of docs/architecture.md.

The rooms are read from the import contract in pyproject.toml and from what each room says of itself.
"""

import ast
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "architecture"

Kind = Literal["line", "thread", "outside", "file"]
COLOURS: dict[Kind, tuple[str, str]] = {
    "line": ("#ffffff", "#24292f"),
    "thread": ("#ddf4ff", "#0969da"),
    "outside": ("#f0f0f0", "#8c959f"),
    "file": ("#fff8c5", "#9a6700"),
}
_LETTER = 6.6  # pixels a letter of 12 px takes, about


@dataclass(frozen=True)
class Box:
    """A box with a title and lines of text; pixels."""

    x: int
    y: int
    width: int
    title: str
    text: str = ""
    kind: Kind = "line"

    @property
    def lines(self) -> list[str]:
        """The text, wrapped to the width."""
        return textwrap.wrap(self.text, int((self.width - 16) / _LETTER))

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return 28 + 16 * len(self.lines)

    def side(self, which: str) -> tuple[float, float]:
        """The middle of "top" or "bottom"; of "left" or "right" where the title is, so that rows align."""
        if which in ("left", "right"):
            return self.x + (self.width if which == "right" else 0), self.y + 14
        return self.x + self.width / 2, self.y + (self.height if which == "bottom" else 0)


@dataclass(frozen=True)
class Arrow:
    """From a side of one box to a side of another, straight or round one corner; a word beside it."""

    begin: tuple[Box, str]
    end: tuple[Box, str]
    label: str = ""


def drawing(width: int, height: int, boxes: list[Box], arrows: list[Arrow], legend: dict[Kind, str]) -> str:
    """The picture as SVG."""
    shapes = [_arrow(arrow) for arrow in arrows]
    shapes += [_box(box) for box in boxes]
    for number, (kind, meaning) in enumerate(legend.items()):
        x = 20 + number * 240
        fill, stroke = COLOURS[kind]
        shapes.append(
            f'<rect x="{x}" y="{height - 30}" width="16" height="16" fill="{fill}" stroke="{stroke}"/>'
        )
        shapes.append(_text(x + 24, height - 17, meaning, colour="#57606a"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}"'
        ' font-family="Helvetica, Arial, sans-serif" font-size="12">\n'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def _box(box: Box) -> str:
    fill, stroke = COLOURS[box.kind]
    parts = [
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="4" fill="{fill}"'
        f' stroke="{stroke}"/>',
        _text(box.x + 8, box.y + 19, box.title, weight="bold"),
    ]
    parts += [_text(box.x + 8, box.y + 36 + 16 * number, line) for number, line in enumerate(box.lines)]
    return "\n".join(parts)


def _arrow(arrow: Arrow) -> str:
    (box, side), (other, other_side) = arrow.begin, arrow.end
    (x1, y1), (x2, y2) = box.side(side), other.side(other_side)
    if x1 == x2 or y1 == y2:
        path = f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
    elif side in ("left", "right") and other_side in ("left", "right"):
        middle = (x1 + x2) / 2
        path = f"M{x1:g} {y1:g}H{middle:g}V{y2:g}H{x2:g}"
    elif side in ("left", "right"):
        path = f"M{x1:g} {y1:g}H{x2:g}V{y2:g}"
    elif other_side in ("left", "right"):
        path = f"M{x1:g} {y1:g}V{y2:g}H{x2:g}"
    else:
        middle = (y1 + y2) / 2
        path = f"M{x1:g} {y1:g}V{middle:g}H{x2:g}V{y2:g}"
    line = f'<path d="{path}" fill="none" stroke="#57606a" marker-end="url(#head)"/>'
    if not arrow.label:
        return line
    x, y = ((x1 + x2) / 2, y2 - 6) if y1 == y2 else (x2 + 6, (y1 + y2) / 2 - 5)
    anchor = "middle" if y1 == y2 else "start"
    return f"{line}\n{_text(x, y, arrow.label, colour='#57606a', anchor=anchor)}"


def _text(
    x: float, y: float, text: str, *, weight: str = "normal", colour: str = "#24292f", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def job_of(room: Path) -> str:
    """The first sentence of the room's own words."""
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("`", "").removesuffix(".")


def rooms_picture() -> str:
    """Floors of `edge` from the top down, and who else stands on the lowest one."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers: list[str] = next(one["layers"] for one in contracts if one["type"] == "layers")
    boxes: list[Box] = []
    y = 20
    for layer in layers:
        rooms = [room.strip() for room in layer.split("|")]
        if rooms == ["__main__"]:
            continue
        width = 1000 if rooms == ["core"] else 700
        each = (width - 10 * (len(rooms) - 1)) // len(rooms)
        row = [
            Box(20 + number * (each + 10), y, each, room, job_of(ROOT / "edge" / room))
            for number, room in enumerate(rooms)
        ]
        boxes += row
        y += max(box.height for box in row) + 8
    core = boxes[-1]
    beside = [
        Box(740 + number * 145, core.y - 320, 135, name, text)
        for number, (name, text) in enumerate(
            (
                ("trainer", "from photographs to a network, thresholds and a report; on a desktop"),
                ("quantize", "from that to one int8 file, compared with float; on a desktop"),
            )
        )
    ]
    arrows = [Arrow((box, "bottom"), (Box(box.x, core.y, box.width, ""), "top")) for box in beside]
    return drawing(1040, y + 12, [*boxes, *beside], arrows, {})


def part_picture() -> str:
    """From the camera to the gate, and what follows once the gate knows."""
    camera = Box(20, 40, 110, "camera", kind="outside")
    guard = Box(170, 40, 170, "camera guard", "judges pictures, opens the camera again", "thread")
    trigger = Box(390, 40, 160, "trigger", "says which frames are of which part")
    inspector = Box(600, 40, 190, "inspector", "preprocess, model, decision; several frames vote")
    decided = Box(850, 40, 170, "verdict", "ok, defect, unsure, fault")
    gate = Box(
        390, 190, 260, "gate", "parts on their way; what is due when; a late verdict is a fault", "thread"
    )
    commands = Box(720, 190, 300, "outputs: commands", "pins, MQTT, Modbus: in time or not at all", "thread")
    plc = Box(780, 300, 180, "ejector, PLC", kind="outside")
    results = Box(20, 300, 240, "results", "once the gate knows it, everybody else is told; nobody waits")
    journal = Box(20, 430, 150, "journal", "every inspection, in SQLite", "thread")
    outbox = Box(200, 430, 150, "outbox", "verdicts in order, until acknowledged", "thread")
    archive = Box(380, 430, 130, "archive", "images, within a quota", "thread")
    alarms = Box(540, 430, 130, "alarms", "rejects, drift, disk, clock", "thread")
    shadow = Box(700, 430, 140, "shadow", "a second bundle looks on", "thread")
    page = Box(870, 430, 150, "live view", "for the page, a process of its own", "thread")
    broker = Box(215, 540, 120, "MQTT broker", kind="outside")
    followers = [journal, archive, alarms, shadow, page]
    arrows = [
        Arrow((camera, "right"), (guard, "left"), ""),
        Arrow((guard, "right"), (trigger, "left"), "frames"),
        Arrow((trigger, "right"), (inspector, "left")),
        Arrow((inspector, "right"), (decided, "left")),
        Arrow((trigger, "bottom"), (Box(390, 190, 160, ""), "top"), "a part is here"),
        Arrow((decided, "bottom"), (Box(520, 190, 160, ""), "top"), "its verdict"),
        Arrow((gate, "right"), (commands, "left")),
        Arrow((commands, "bottom"), (plc, "top")),
        Arrow((gate, "bottom"), (results, "right")),
        Arrow((journal, "right"), (outbox, "left")),
        Arrow((outbox, "bottom"), (broker, "top")),
        *[Arrow((results, "bottom"), (box, "top")) for box in followers],
    ]
    boxes = [
        camera,
        guard,
        trigger,
        inspector,
        decided,
        gate,
        commands,
        plc,
        results,
        outbox,
        broker,
        *followers,
    ]
    return drawing(
        1040,
        620,
        boxes,
        arrows,
        {"line": "on the line's own thread", "thread": "on a thread of its own", "outside": "outside"},
    )


def photograph_picture() -> str:
    """From a folder of photographs to what decides on the line."""
    photographs = Box(20, 40, 150, "photographs", "a folder a class, or OK parts alone", "file")
    audit = Box(
        220, 40, 190, "trainer audit", "layouts, copies, torn labels, shortcuts; parts are told apart"
    )
    maps = Box(
        460, 40, 240, "backbone", "each photograph as on the device, through a network in whole numbers"
    )
    held = Box(
        760, 40, 260, "held out in turn", "each part once: thresholds, figures, curves, doubted labels"
    )
    learned = Box(760, 160, 260, "learned from all parts", "the network that is written")
    run = Box(460, 160, 240, "run", "network, run.json, report.html", "file")
    convert = Box(
        220, 160, 190, "quantize", "one int8 graph; decides like float on every photograph, or is refused"
    )
    bundle = Box(20, 160, 150, "bundle", "part.tflite: manifest, golden examples", "file")
    tried = Box(
        20, 300, 190, "tried on the device", "in a process of its own: signature, hashes, golden examples"
    )
    canary = Box(
        270, 300, 190, "canary", "must do its work on the first frames, or the last good one is back"
    )
    decides = Box(520, 300, 180, "decides", "the inspector of the line")
    review = Box(760, 300, 260, "archive", "images with their verdicts, to be sorted by a person", "file")
    arrows = [
        Arrow((photographs, "right"), (audit, "left")),
        Arrow((audit, "right"), (maps, "left")),
        Arrow((maps, "right"), (held, "left")),
        Arrow((held, "bottom"), (learned, "top")),
        Arrow((learned, "left"), (run, "right")),
        Arrow((run, "left"), (convert, "right")),
        Arrow((convert, "left"), (bundle, "right")),
        Arrow((bundle, "bottom"), (Box(20, 300, 150, ""), "top")),
        Arrow((tried, "right"), (canary, "left")),
        Arrow((canary, "right"), (decides, "left")),
        Arrow((decides, "right"), (review, "left")),
    ]
    boxes = [photographs, audit, maps, held, learned, run, convert, bundle, tried, canary, decides, review]
    return drawing(1040, 430, boxes, arrows, {"line": "a step", "file": "files"})


PICTURES = {
    "rooms.svg": rooms_picture,
    "part.svg": part_picture,
    "photograph.svg": photograph_picture,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), "utf-8")
