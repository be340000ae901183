"""Targets of fuzzing: each takes bytes, and tells in a few words what became of them.

An exception that comes out of a target is a failure: bad input is refused in one line, or taken.
"""

import logging
import os
import struct
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from edge.core.bundle.bundle import LABELS, MANIFEST, append_archive, decode_bundle
from edge.core.errors import BundleError, ImageError, RequestError, SettingsError
from edge.core.images import MIN_SIDE, decode_image, encode_png
from edge.core.runtime import BundleModel
from edge.gate.belt import Direction
from edge.gate.controller import GateController
from edge.outputs.mqtt.client import Incoming
from edge.outputs.mqtt.inbox import Inbox
from edge.outputs.mqtt.requests import REQUESTS
from edge.outputs.requests import CommandQueue, WaitingCommand
from edge.settings.gate import GateSettings
from edge.settings.load_settings import load_settings
from testing.toy_model import toy_bundle_bytes

ROOT = Path(__file__).parents[3]
TAKEN = "taken"
Run = Callable[[bytes], str]

_LONGEST_REFUSAL = 20_000
_KIND_CHARACTERS = 60
_SIDE = 16
_MESSAGES = {
    "trigger": (b'{"part":"a-1"}', b'{"part":"A.b:7","count":1234}'),
    "command": (
        b'{"id":"1","command":"reset"}',
        b'{"id":"2","command":"activate","bundle":"b.tflite","sha256":"' + b"0a" * 32 + b'"}',
        b'{"id":"3","command":"recipe","recipe":"small"}',
    ),
    "belt": (b'{"direction":"forward"}', b'{"direction":"stopped"}', b'{"direction":"reverse"}'),
    "encoder": (b'{"count":0}', b'{"count":-17}', b'{"count":9007199254740992}'),
    "bin": (b"{}", b'{"at":"now"}'),
    "lot": (b'{"lot":"2026-11"}', b'{"lot":null}'),
}


@dataclass(frozen=True)
class Target:
    """Seeds to start from, and what makes a fresh one to run; ``share`` is its part of all inputs."""

    name: str
    seeds: tuple[bytes, ...]
    open: Callable[[], Run]
    share: float


def targets() -> list[Target]:
    """All of them."""
    whole = (toy_bundle_bytes(size=_SIDE), toy_bundle_bytes(task="classes", size=_SIDE))
    others = [
        Target("settings", _settings_seeds(), _settings, 0.05),
        Target("image", _image_seeds(), lambda: _image, 0.2),
        Target("image bomb", _bomb_seeds(), lambda: _image, 0.05),
        Target("bundle", whole, lambda: _bundle, 0.15),
        Target("manifest", tuple(map(_manifest_of, whole)), _Manifest, 0.05),
    ]
    share = (1 - sum(target.share for target in others)) / len(REQUESTS)
    messages = [Target(kind, _MESSAGES[kind], _message(kind), share) for kind in REQUESTS]
    return [*messages, *others]


def kind_of(refusal: str) -> str:
    """The kind of a refusal, without most of what is particular to this input."""
    if "\n" in refusal or len(refusal) > _LONGEST_REFUSAL:
        raise AssertionError(f"a refusal must be one line: {refusal[:200]!r}")
    return "".join("0" if c.isdigit() else c for c in refusal[:_KIND_CHARACTERS])


class _Line:
    """A gate with an encoder or a belt that tells where it goes, and parts on it."""

    def __init__(self, belt: Literal["encoder", "message"]) -> None:
        settings = GateSettings(
            belt=belt, travel_counts=100, min_gap_counts=10, min_gap_ms=40, confirm_ms=50, max_parts=100
        )
        self._controller = GateController(settings, send=lambda _command: True)
        self._controller.watch(time.monotonic())
        self.commands = CommandQueue()

    def triggered(self, part: str, at: float, count: int | None) -> None:
        if self._controller.in_flight >= 100:
            raise RequestError("too many parts wait for their frame")
        self._controller.expect(part, at, count=count)

    def belt_moves(self, direction: Direction, at: float) -> None:
        self._controller.move(direction, at)

    def belt_counts(self, count: int, at: float) -> None:
        self._controller.count(count, at)

    def confirmed(self) -> None:
        self._controller.confirm()

    def lot_begins(self, lot: str | None) -> None:
        pass

    def triggers_heard(self, trouble: str | None, at: float) -> None:
        pass

    def belt_lost(self, reason: str) -> None:
        self._controller.lose(reason)

    def command(self, waiting: WaitingCommand) -> None:
        self.commands.put(waiting)


class _Unexpected(logging.Handler):
    """Raises again what the inbox catches so that the daemon goes on."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            raise record.exc_info[1]


def _message(kind: str) -> Callable[[], Run]:
    def open_inbox() -> Run:
        line = _Line("encoder" if kind in ("encoder", "trigger") else "message")
        inbox = Inbox(line, lambda *_: None)
        log = logging.getLogger("edge.outputs.mqtt.inbox")
        log.handlers, log.propagate = [_Unexpected()], False

        def run(data: bytes) -> str:
            before = inbox.refused
            inbox.receive(Incoming(kind, data, retained=False, received=time.monotonic()))
            if len(data) % 8:  # else they pile up for once
                while line.commands.next() is not None:
                    pass
            return TAKEN if inbox.refused == before else kind_of(_refusal_of(kind, data))

        return run

    return open_inbox


def _refusal_of(kind: str, data: bytes) -> str:
    from edge.outputs.mqtt.requests import parse

    try:
        parse(REQUESTS[kind], data)
    except RequestError as error:
        return str(error)
    return "by the line"


def _settings_seeds() -> tuple[bytes, ...]:
    small = b'[camera]\nsource = "simulated"\nrate = 50\n\n[recipes.small]\nok_below = 0.2\n'
    small += b"defect_from = 0.7\nregion = { x = 1, y = 2, width = 30, height = 40 }\n"
    small += b"[recipes.small.gate]\ntravel_ms = 400\n"
    return small, (ROOT / "config.toml").read_bytes()


def _settings() -> Run:
    for name in [name for name in os.environ if name.startswith("EDGE_")]:
        del os.environ[name]
    folder = tempfile.TemporaryDirectory(prefix="linegate-fuzz-")
    file = Path(folder.name) / "config.toml"

    def run(data: bytes, _folder: object = folder) -> str:
        file.write_bytes(data)
        try:
            load_settings(file, {})
        except SettingsError as error:
            return kind_of(str(error).removeprefix(f"{file}: "))
        return TAKEN

    return run


def _image_seeds() -> tuple[bytes, ...]:
    chance = np.random.default_rng(1)
    grey = chance.integers(0, 256, (16, 20), np.uint8)
    colour = chance.integers(0, 256, (16, 20, 4), np.uint8)
    pictures = [
        *((kind, grey) for kind in (".png", ".jpg", ".bmp", ".pgm", ".tiff")),
        *((kind, colour[:, :, :3]) for kind in (".png", ".jpg", ".bmp", ".ppm", ".tiff", ".webp")),
        (".png", colour),
        (".png", grey.astype(np.uint16) * 257),
    ]
    return tuple(cv2.imencode(kind, picture)[1].tobytes() for kind, picture in pictures)


def _bomb_seeds() -> tuple[bytes, ...]:
    """Some bytes of each kind that claim 900 million pixels; a JPEG's also behind bytes passed over."""
    side, flat = 30_000, np.full((64, 64), 128, np.uint8)
    jpeg, bmp = (cv2.imencode(kind, flat)[1].tobytes() for kind in (".jpg", ".bmp"))
    webp = cv2.imencode(".webp", flat, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
    at = jpeg.index(b"\xff\xc0")
    claims = struct.pack(">HH", side, side)
    seeds = [
        jpeg[:at] + stray + frame + jpeg[at + 2 : at + 5] + claims + jpeg[at + 9 :]
        for stray in (b"", b"\0", b"\xff\0")
        for frame in (b"\xff\xc0", b"\xff\xc2")
    ]
    seeds.append(bmp[:18] + struct.pack("<ii", side, side) + bmp[26:])
    seeds.append(webp[:26] + struct.pack("<HH", side // 2, side // 2) + webp[30:])
    seeds += [b"P5 #a remark\r30000 30000 255\n20 33\n255\n" + bytes(660), b"P6\n30000 30000\n255\n"]
    seeds.append(b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff,")
    return tuple(seeds)


def _image(data: bytes) -> str:
    try:
        image = decode_image(data, "fuzz")
    except ImageError as error:
        return kind_of(str(error))
    assert image.dtype == np.uint8
    assert min(image.shape[:2]) >= MIN_SIDE
    return f"{TAKEN}, {image.ndim} axes"


def _bundle(data: bytes) -> str:
    """The bytes of the whole file."""
    try:
        decode_bundle(data, "fuzz")
    except BundleError as error:
        return kind_of(str(error))
    return TAKEN


def _manifest_of(bundle: bytes) -> bytes:
    return decode_bundle(bundle, "seed").manifest.model_dump_json(indent=1).encode()


class _Manifest:
    """A manifest in a bundle that is right otherwise; where it is taken, the model is loaded and tried."""

    def __init__(self) -> None:
        bundle = decode_bundle(toy_bundle_bytes(size=_SIDE), "seed")
        self._flatbuffer = bundle.flatbuffer
        self._golden = {
            example.file: encode_png(pixels[:, :, 0])
            for example, pixels in zip(bundle.manifest.golden, bundle.golden_inputs, strict=True)
        }

    def __call__(self, data: bytes) -> str:
        members = {MANIFEST: data, LABELS: b"ok\ndefect\n", **self._golden}
        try:
            bundle = decode_bundle(append_archive(self._flatbuffer, members), "fuzz")
            BundleModel(bundle, threads=1, name="fuzz").verify_golden()
        except BundleError as error:
            return kind_of(str(error))
        return TAKEN
