"""`make results DATA=…`: real photographs through a user's commands; writes docs/research/results.md.

Castings go through the whole chain, with a mosquitto and a subscriber that is not ours, and int8 is compared
with float for networks that are learned whole. Commands and figures are those of this run. The table of
unseen parts is made by benchmarks/unseen.py.
"""

import argparse
import json
import os
import platform
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.core.photographs.layouts import read_layout

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "results"
DOCUMENT = ROOT / "docs" / "research" / "results.md"
SEED = 11
HELD_BACK = 0.2
INT8_WHOLE_NETWORKS = (
    ("magnetic_tile", "scratch --size 96 --epochs 20 --task binary"),
    ("magnetic_tile", "mobilenet_v1 --size 96 --epochs 8 --task binary"),
    ("magnetic_tile", "baseline --size 64 --epochs 15 --task binary"),
    ("neu", "scratch --size 96 --epochs 15"),
    ("casting", "scratch --size 96 --epochs 6"),
    ("casting", "mobilenet_v1 --size 96 --epochs 4"),
    ("casting", "baseline --size 64 --epochs 15"),
)
_INT8_HEAD = """\
| data | options | images | flips | float right | int8 right | mean shift of the score | largest | kB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
_ANY = ["--allow-flips", "10000", "--allow-escapes", "10000"]  # to see them, however many there are
_SBIN = os.pathsep + "/usr/sbin"  # Debian keeps daemons out of a user's PATH


def main(argv: list[str] | None = None) -> int:
    """Run the chain and write the document; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make results", description=__doc__)
    parser.add_argument("data", type=Path, help="a folder that holds casting/ok_front and casting/def_front")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has found")
    parser.add_argument("--int8", action="store_true", help="only the section on int8, the rest as it stands")
    arguments = parser.parse_args(argv)
    if not arguments.resume:
        shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    write_section(DOCUMENT, "int8", int8_section(arguments.data))
    if arguments.int8:
        return 0
    shutil.rmtree(BUILD / "casting", ignore_errors=True)
    counts = hold_back(arguments.data / "casting", BUILD / "casting")
    commands = Commands(keep=False)
    trained = commands.run("trainer", "train", "casting/train", "--out", "casting/run", "--groups", "none")
    quantized = commands.run("quantize", "casting/run", "--out", "casting.tflite")
    float32 = commands.run("trainer", "evaluate", "casting/run", "casting/held-back")
    with mosquitto(BUILD) as port, subscriber(port, BUILD / "received.txt"):
        replayed = commands.run(
            "edge", "--replay", "casting/held-back", "--model", "casting.tflite",
            "--publish", "--mqtt.port", str(port),
        )  # fmt: skip
        received = _received(BUILD / "received.txt", replayed["inspected"])
    latency = subprocess.run(
        [sys.executable, "-m", "benchmarks.performance.inspector", "--bundle", BUILD / "casting.tflite"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    chain = chain_section(counts, commands.lines, trained, quantized, float32, replayed, received, latency)
    write_section(DOCUMENT, "chain", chain)
    return 0


def write_section(document: Path, name: str, text: str) -> None:
    """Put a text between the marks of this name in a document; raises ValueError where it has none."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = document.read_text("utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{document}: no {start} and {end}")
    document.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}", "utf-8")


def int8_section(data: Path) -> str:
    """The section on decisions of networks that are learned whole which int8 changes, by part."""
    commands = Commands(keep=True)
    rows = []
    for name, words in INT8_WHOLE_NETWORKS:
        model, *options = words.split()
        out, what = f"int8-{name}-{model}", f"{name} | `{words}`"
        rows.append(_int8_row(commands, data / name, out, what, 1, "--model", model, *options))
    table = "\n".join(rows)
    return f"""\
Networks that are learned whole, seed 1, on {machine()}; few epochs leave many scores at the threshold.
Figures are of the validation images, flips of all photographs. A flip is another verdict or class.

{_INT8_HEAD}
{table}
"""


def _int8_row(commands: "Commands", photographs: Path, out: str, what: str, seed: int, *options: str) -> str:
    seeded = ("--seed", str(seed))
    commands.run("trainer", "train", str(photographs), "--out", out, *seeded, *options)
    found = commands.run("quantize", out, "--out", f"{out}.tflite", *seeded, *_ANY)
    before, after = found["float32"], found["int8"]
    return (
        f"| {what} | {after['images']} | {len(found['flips'])} | "
        f"{before['accuracy']:.2%} | {after['accuracy']:.2%} | {found['mean_score_shift']:.6f} | "
        f"{found['largest_score_shift']:.5f} | {found['bytes'] / 1000:.0f} |"
    )


def hold_back(source: Path, target: Path) -> dict[str, dict[str, int]]:
    """Deal the images of each class to train/ and held-back/; returns how many went where."""
    chance = random.Random(SEED)
    counts: dict[str, dict[str, int]] = {"train": {}, "held-back": {}}
    by_class: dict[str, list[Path]] = {}
    for item in read_layout(source).items:
        by_class.setdefault(item.label, []).append(item.path)
    for label, images in sorted(by_class.items()):
        images.sort()
        chance.shuffle(images)
        cut = round(len(images) * HELD_BACK)
        for part, chosen in (("held-back", images[:cut]), ("train", images[cut:])):
            (target / part / label).mkdir(parents=True)
            counts[part][label] = len(chosen)
            for image in chosen:
                shutil.copyfile(image, target / part / label / image.name)
    return counts


class Commands:
    """Runs Linegate's commands in the build folder and remembers their lines.

    With ``keep`` a command whose result is there already, from an interrupted run, is not run again.
    """

    def __init__(self, *, keep: bool) -> None:
        self.lines: list[str] = []
        self._keep = keep

    def run(self, command: str, *arguments: str) -> dict[str, Any]:
        """The JSON document that the command prints."""
        words = [command, *arguments, "--json"]
        self.lines.append(" ".join(words))
        print(self.lines[-1], file=sys.stderr)
        file = BUILD / f"{'_'.join(words).replace('/', '-')}.json"
        if self._keep and file.exists():
            kept: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return kept
        program = [sys.executable, "-m", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(program, cwd=BUILD, env=environment, stdout=subprocess.PIPE, check=True)
        file.write_bytes(done.stdout)
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A broker on a free loopback port, which is yielded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with _process(["mosquitto", "-c", str(config)], folder / "mosquitto.log"):
        _wait(lambda: _connects(port), "mosquitto does not answer")
        yield port


@contextmanager
def subscriber(port: int, file: Path) -> Iterator[None]:
    """mosquitto_sub, which writes all of the station's topics and payloads to ``file``."""
    command = ["mosquitto_sub", "-p", str(port), "-v", "-q", "1", "-t", "inspection/#", "-t", "probe"]
    with _process(command, file):

        def heard() -> bool:
            subprocess.run(["mosquitto_pub", "-p", str(port), "-t", "probe", "-m", "?"], check=True)
            return "probe" in file.read_text()

        _wait(heard, "mosquitto_sub hears nothing")
        yield


@contextmanager
def _process(command: Sequence[str], output: Path) -> Iterator[None]:
    program = shutil.which(command[0], path=os.environ["PATH"] + _SBIN)
    if program is None:
        sys.exit(f"{command[0]}: not installed (apt-get install mosquitto mosquitto-clients)")
    with output.open("wb") as file:
        process = subprocess.Popen([program, *command[1:]], stdout=file, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _connects(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def _wait(condition: Any, complaint: str, limit_s: float = 20.0) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until:
            sys.exit(complaint)
        time.sleep(0.05)


def _received(file: Path, expected: int) -> dict[str, int]:
    """Verdicts that mosquitto_sub wrote down, and their different ids."""

    def verdicts() -> list[str]:
        return [line.split(" ", 1)[1] for line in file.read_text().splitlines() if "/verdict {" in line]

    _wait(lambda: len(verdicts()) >= expected, "not every verdict arrived")
    received = verdicts()
    return {"verdicts": len(received), "ids": len({json.loads(text)["id"] for text in received})}


def chain_section(
    counts: dict[str, dict[str, int]],
    lines: list[str],
    trained: dict[str, Any],
    quantized: dict[str, Any],
    float32: dict[str, Any],
    replayed: dict[str, Any],
    received: dict[str, int],
    latency: str,
) -> str:
    """The whole chain on castings."""
    commands = "\n".join(lines)
    dealt = "; ".join(
        f"{part}: " + ", ".join(f"{number} {name}" for name, number in classes.items())
        for part, classes in counts.items()
    )
    quantiles = ", ".join(f"{name} {value:.2f}" for name, value in replayed["latency_ms"].items())
    return f"""\
Pump impellers from above (Dabhi, "casting product image data for quality inspection", 2020), 300x300 grey.
One in five images of each class was held back, by chance; {dealt}.

**Read this figure as the best case.** Most of these images are rotated or shifted copies of few
photographs, so nearly every held-back image has a sibling among the training images. What a model
does on parts that it never saw is another figure, and a lower one.

```
{commands}
```

| | images | right | accuracy (95 % interval) | balanced | escapes | overkill |
| --- | --- | --- | --- | --- | --- | --- |
{_row("float, held out in turn", quantized["float32"])}
{_row("int8, held out in turn", quantized["int8"])}
{_row("float, held back (`trainer evaluate`)", float32)}
{_row("int8, held back (`edge --replay`)", replayed["labelled"])}

- {trained["split"]}, of the training part.
- int8 changed {len(quantized["flips"])} decisions on all photographs;
  score shift: largest {quantized["largest_score_shift"]:.4f}, mean {quantized["mean_score_shift"]:.5f}.
- The bundle has {quantized["bytes"] / 1000:.0f} kB.
- Replay with publishing: {replayed["inspected"]} images in {replayed["seconds"]:.1f} s;
  frame to decision in ms: {quantiles}.
- `mosquitto_sub` received {received["verdicts"]} verdicts with {received["ids"]} different ids.

### Latency of this bundle

Simulated frames; times of one run, the kinds in turn.

```
{latency.strip()}
```
"""


def _row(name: str, metrics: dict[str, Any]) -> str:
    return (
        f"| {name} | {metrics['images']} | {metrics['correct']} | {metrics['accuracy']:.2%} "
        f"({metrics['accuracy_low']:.2%} to {metrics['accuracy_high']:.2%}) | "
        f"{metrics['balanced_accuracy']:.2%} | {metrics['escapes']} | {metrics['overkill']} |"
    )


def machine() -> str:
    """In words, what this runs on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{model} ({os.cpu_count()} shared cores), Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
