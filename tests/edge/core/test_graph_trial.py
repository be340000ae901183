"""Graphs that end the process which runs them, tried in another one."""

import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.core import graph_child, graph_trial
from edge.core.errors import BundleError
from edge.core.graph_trial import try_graph
from edge.core.runtime import load_model
from testing.toy_model import deadly_flatbuffer, toy_bundle, toy_flatbuffer
from tests.edge.deployment.bundles import store_deadly

ENDS = r"its graph ends the process that runs it \(SIG(SEGV|BUS|ABRT)\)"


def test_a_whole_graph_runs() -> None:
    try_graph(toy_flatbuffer(), threads=1, name="toy", pictures=[np.zeros((32, 32, 1), np.uint8)])
    try_graph(toy_flatbuffer(), threads=2, name="toy", pictures=[np.zeros((9, 9, 3), np.uint8)])


def test_a_graph_that_ends_its_process_is_refused_with_the_name_of_the_signal() -> None:
    with pytest.raises(BundleError, match=f"^toy: {ENDS}$"):
        try_graph(deadly_flatbuffer(), threads=1, name="toy")


def test_what_no_runtime_loads_is_refused_in_its_words() -> None:
    with pytest.raises(BundleError, match=r"^toy: the TFLite runtime cannot load it \(.+\)$"):
        try_graph(b"\0\0\0\0TFL3" + bytes(100), threads=1, name="toy")


def test_a_bundle_is_loaded_here_only_after_it_ran_there(tmp_path: Path) -> None:
    deadly = store_deadly(tmp_path / "deadly.tflite")
    with pytest.raises(BundleError, match=rf"deadly\.tflite: {ENDS}$"):
        load_model(deadly.path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSYS])
def test_any_signal_is_named(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    dies = f"import os; os.kill(os.getpid(), {int(number)})"
    monkeypatch.setattr(graph_trial, "COMMAND", (sys.executable, "-c", dies))
    with pytest.raises(BundleError, match=rf"\({number.name}\)"):
        try_graph(toy_flatbuffer(), threads=1, name="toy")


def test_a_graph_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_trial, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(graph_trial, "LONGEST_S", 0.2)
    with pytest.raises(BundleError, match=r"toy: its graph does not end within 0\.2 s"):
        try_graph(toy_flatbuffer(), threads=1, name="toy")


def test_a_child_that_says_nothing_is_no_good_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_trial, "COMMAND", (sys.executable, "-c", ""))
    with pytest.raises(BundleError, match="toy: its trial said nothing"):
        try_graph(toy_flatbuffer(), threads=1, name="toy")


def test_the_child_is_started_beside_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of ours in the current folder must not be taken for a module of Python's."""
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    try_graph(toy_flatbuffer(), threads=1, name="toy")


def test_what_is_proven_is_not_run_elsewhere_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = toy_bundle(tmp_path / "toy.tflite")
    bundle_sha256 = load_model(path).bundle.sha256
    monkeypatch.setattr(graph_trial, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    load_model(path, proven={bundle_sha256})
    with pytest.raises(BundleError, match="exit status 1"):
        load_model(path)


def test_the_trial_goes_on_where_the_unit_forbids_limits_and_priorities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SystemCallFilter=~@resources of systemd/edge.service."""

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    for where in ("os.nice", "resource.setrlimit", "pathlib.Path.write_text"):
        monkeypatch.setattr(where, forbidden)
    graph_child.expect_the_worst()
