"""`make demo`: a newcomer's first look."""

import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.cli.demo import Scoreboard
from testing.waiting import wait_for

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


def test_it_is_the_first_word_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--log.level", "warning", "demo"]) == 2
    assert "demo: expected as the first word" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    assert "usage: edge demo" in capsys.readouterr().out


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


@pytest.mark.parametrize("after_s", [0.0, 0.3])
def test_an_interrupt_in_the_first_moments_is_no_traceback(after_s: float, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    code = (
        "import sys; sys.argv[0] = 'edge/cli/demo.py'; import edge.core.start; "
        f"open({str(begun)!r}, 'w').close(); from edge.cli.demo import main; raise SystemExit(main())"
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background inherits "ignored"
    demo = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_for(begun.exists)
    time.sleep(after_s)
    demo.send_signal(signal.SIGINT)
    _, said = demo.communicate(timeout=60)
    assert demo.returncode in (0, 130, -signal.SIGINT)
    assert said in ("", "demo: interrupted\n")
