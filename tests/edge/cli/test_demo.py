"""`make demo`: a newcomer's first look."""

import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from edge.cli.demo import Scoreboard

ROOT = Path(__file__).parents[3]


def message(part: str, verdict: str, truth: str, action: str) -> bytes:
    return json.dumps(
        {"part": part, "sequence": 1, "verdict": verdict, "truth": truth, "action": action, "score": 0.5}
    ).encode()


def test_the_scoreboard_tells_escapes_from_overkill() -> None:
    output = io.StringIO()
    board = Scoreboard(output)
    board.on_message("inspection/demo/reject", message("c", "", "", "reject"))
    for part, verdict, truth in (("a", "ok", "ok"), ("b", "ok", "defect"), ("c", "unsure", "ok")):
        board.on_message("inspection/demo/verdict", message(part, verdict, truth, "reject"))
    assert "<- escape" in output.getvalue().splitlines()[1]
    assert "<- overkill" in output.getvalue().splitlines()[2]
    assert "3 verdicts received over MQTT, 1 rejects" in board.summary({})
    assert "right 1 (33.3%), escapes 1, overkill 1" in board.summary({})


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "edge.cli.demo", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_ends_by_itself_with_every_verdict_and_its_truth() -> None:
    demo = start("--parts", "30", "--rate", "20")
    seen, said = demo.communicate(timeout=60)
    assert demo.returncode == 0, said
    assert len(re.findall(r"^part +\d+ .* truth: [a-z_]+", seen, re.MULTILINE)) == 30
    assert "30 verdicts received over MQTT" in seen
    assert "capture to decision: p50" in seen
    assert said == ""


def test_an_interrupt_ends_it_cleanly() -> None:
    demo = start("--rate", "20")
    assert demo.stdout is not None
    while "truth:" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    seen, said = demo.communicate(timeout=30)
    assert demo.returncode == 0, said
    assert "verdicts received over MQTT" in seen
    assert said == ""
