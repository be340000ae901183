"""Every program around its work: quiet ends, one line for an error, and no locale."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.core.command import run_command
from edge.core.errors import InputError

HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
PROGRAMS = ("edge", "trainer", "quantize")


def run(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "words",
    [
        ["edge", "--replay", "parts", "--model", "toy.tflite"],
        ["edge", "--replay", "parts", "--model", "toy.tflite", "--json"],
        ["edge", "--check", "--model", "toy.tflite", "--mqtt.enabled", "false"],
        ["edge", "--help"],
        ["quantize", "inspect", "toy.tflite"],
        ["quantize", "inspect", "toy.tflite", "--json"],
        ["trainer", "audit", "parts"],
    ],
)
def test_output_to_a_full_disk_is_one_line_and_status_2(words: list[str], bundle: Path, parts: Path) -> None:
    assert (bundle.name, parts.name) == ("toy.tflite", "parts")
    with Path("/dev/full").open("wb") as full:
        done = run(*words, stdout=full)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1:] == [
        f"{words[0]}: standard output: cannot be used (No space left on device)"
    ]
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_without_standard_files_no_file_of_ours_gets_what_is_said(bundle: Path, tmp_path: Path) -> None:
    """Who opens a journal with the number 2 has the stacks of its threads in it."""
    words = (
        f"-m edge --check --model {bundle} --mqtt.enabled false --journal.path journal.sqlite --camera.size x"
    )
    shell = f"exec {sys.executable} {words} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", shell], check=False, cwd=tmp_path, env=HERE).returncode == 2
    code = (
        "import os\nfrom edge.core.command import run_command\n"
        "def work():\n    return os.open('own', os.O_CREAT | os.O_WRONLY) - 3\n"
        "os._exit(run_command('x', work))"
    )
    shell = f'exec {sys.executable} -c "{code}" <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", shell], check=False, cwd=tmp_path, env=HERE).returncode == 0


def test_what_is_half_written_on_a_full_disk_is_removed(bundle: Path, parts: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "inspections.csv").write_text("the last one")
    limited = (
        f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (100, 100)); from edge.__main__ import main; \
main(['--replay', {str(parts)!r}, '--model', {str(bundle)!r}, '--report', 'report'])"
    )
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=False)
    assert "--report report: cannot be written (File too large)" in done.stderr
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["inspections.csv"]
    assert (tmp_path / "report" / "inspections.csv").read_text() == "the last one"


@pytest.mark.parametrize("size", ["64", "128"])
def test_a_picture_that_finds_no_room_leaves_nothing_of_itself(tmp_path: Path, size: str) -> None:
    limited = (
        f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (999, 999)); from edge.__main__ import main; \
main(['--capture', 'out/ok', '--count', '2', '--camera.size', {size!r}])"
    )
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=False)
    assert done.stderr == "edge: out/ok/000000.png: cannot be written (File too large)\n"
    assert not (tmp_path / "out").exists()


# Python's ways to have a locale whose encoding is not UTF-8, wherever no such locale is installed.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("locale", [{"LC_ALL": "C.UTF-8"}, ASCII, {**ASCII, "PYTHONIOENCODING": "latin-1"}])
@pytest.mark.parametrize("folder", ["Größe", "ひび"])
def test_the_locale_decides_neither_names_nor_output(
    tmp_path: Path, bundle: Path, locale: dict[str, str], folder: str
) -> None:
    (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / folder / "ü….png"), np.full((48, 48), 200, np.uint8))
    environment = {**os.environ, **locale}
    words = ("edge", "--replay", folder, "--model", bundle)
    done = run(*words, "--report", "rep", "--json", stdout=subprocess.PIPE, env=environment)
    assert [one["file"] for one in json.loads(done.stdout)["inspections"]] == ["ü….png"]
    assert "ü….png" in (tmp_path / "rep" / "inspections.csv").read_text("utf-8-sig")
    done = run("edge", "--replay", f"no {folder}", "--model", bundle, env=environment)
    assert done.stderr.decode() == f"edge: no {folder}: no such folder, image or video\n"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2])
def test_an_interrupt_in_the_first_moments_is_one_line(
    program: str, after_s: float, tmp_path: Path, bundle: Path, parts: Path
) -> None:
    # From its first import on, after which it makes a file; as the installed script has it.
    begun = tmp_path / "begun"
    code = (
        f"import sys; sys.argv[0] = {program!r}; import edge.core.start; open({str(begun)!r}, 'w').close(); \
from {program}.__main__ import main; raise SystemExit(main())"
    )
    words = {
        "edge": ["--replay", str(parts), "--model", str(bundle)],
        "trainer": ["train", str(parts), "--out", "run"],
        "quantize": ["inspect", str(bundle)],
    }[program]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background inherits "ignored"
    running = subprocess.Popen(
        [sys.executable, "-c", code, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    while not begun.exists():
        time.sleep(0.001)
    time.sleep(after_s)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert "Traceback" not in said
    assert running.returncode in (0, 130, -signal.SIGINT)
    assert said.count("\n") == (running.returncode == 130)
    assert said.startswith(f"{program}: interrupted") == (running.returncode == 130)
    assert "goes on" not in said


def test_what_is_wrong_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def wrong() -> int:
        raise InputError("parts: no such folder")

    def unreadable() -> int:
        raise PermissionError(13, "Permission denied", "/root/x")

    assert [run_command("edge", wrong), run_command("edge", unreadable)] == [2, 2]
    assert capsys.readouterr().err == (
        "edge: parts: no such folder\nedge: /root/x: cannot be used (Permission denied)\n"
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libx.so: failed to map segment from shared object"),
        ImportError("libx.so: cannot allocate memory in static TLS block"),
        RuntimeError("can't start new thread"),
    ],
)
def test_too_little_memory_is_one_line_whoever_finds_it(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert run_command("trainer", work) == 2
    assert capsys.readouterr().err == "trainer: memory does not suffice\n"


def test_another_error_of_an_import_is_not_hidden() -> None:
    def work() -> int:
        raise ImportError("no module named x")

    with pytest.raises(ImportError):
        run_command("trainer", work)
