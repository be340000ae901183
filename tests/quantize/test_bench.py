"""The time of a graph: on how many threads, in how much memory, beside LiteRT's own tool."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from quantize import bench as module
from quantize.__main__ import main
from quantize.bench import bench, bench_table, measure

DEMO = Path(__file__).parents[2] / "samples" / "demo.tflite"


def test_every_number_of_threads_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(DEMO), "--threads", "2", "--runs", "30", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["bytes"] == DEMO.stat().st_size
    assert [row["threads"] for row in result["timings"]] == [1, 2]
    for row in result["timings"]:
        assert row["runs"] == 30
        assert 0 < row["median_ms"] <= row["p99_ms"]
        assert row["memory_mb"] is None or row["memory_mb"] > 0
        assert (row["litert_median_ms"] is None) == (result["missing"] is not None)


def test_a_slow_graph_gets_fewer_runs_but_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    assert measure(DEMO, threads=1, runs=1000).runs == module.LEAST_RUNS


def test_where_litert_has_no_tool_it_says_so_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOOL", "ai_edge_litert.absent")
    result = bench(DEMO, runs=5, threads=1)
    assert result.timings[0].litert_median_ms is None
    assert bench_table(result).splitlines()[-1] == "LiteRT's own benchmark tool is not installed"


def test_where_litert_s_tool_fails_the_last_thing_that_it_said_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(command: list[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="Traceback\nno accelerator\n")

    monkeypatch.setattr("quantize.bench.try_graph", lambda *_, **__: None)
    monkeypatch.setattr(subprocess, "run", fail)
    assert bench(DEMO, runs=5, threads=1).missing == "LiteRT's own benchmark tool fails: no accelerator"


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"GIF89a", "the TFLite runtime cannot load it")]
)
def test_a_file_that_is_no_graph_is_refused(
    tmp_path: Path, content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "x.tflite").write_bytes(content)
    assert main(["bench", str(tmp_path / "x.tflite")]) == 2
    assert said in capsys.readouterr().err
