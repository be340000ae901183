"""The installer in a folder of its own, on a systemd that is played, killed at each step that it takes.

`python -m testing.rigs.killed_install SCENARIO EVERY` prints, as JSON, how many steps there were and after
which of them (of every so many) the same command again led to something else than it does without a kill.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # not the disk, however busy it is
INSTALL = Path(__file__).parents[2] / "systemd" / "install"
STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod", "os.truncate"}
FOREIGN = {
    "edgecore.service": "[Service]\nExecStart=/usr/bin/edgecore\n",
    "edgecore.service.d/gpio.conf": "[Service]\n",
    "edge-proxy.service.d/override.conf": "[Service]\n",
    "multi-user.target.wants/edge-proxy.service": "[Service]\n",
}


@cache
def load() -> Any:
    """The installer as a module."""
    sys.dont_write_bytecode = True
    loader = SourceFileLoader("linegate_install", str(INSTALL))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


class Device:
    """A folder that stands for a device: /etc, /opt, /var, systemd's units and what runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.units = root / "units"
        for name, text in FOREIGN.items():
            (self.units / name).parent.mkdir(parents=True, exist_ok=True)
            (self.units / name).write_text(text)
        for folder in ("opt", "etc", "var", "checkouts"):
            (root / folder).mkdir()

    def checkout(self, name: str) -> Path:
        """A checkout whose release starts if ``name`` begins with "good"."""
        folder = self.root / "checkouts" / name
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(f'[project]\nname = "linegate"\nversion = "{name}"\n')
        return folder

    def bundle(self, name: str) -> Path:
        """A bundle that starts if ``name`` begins with "good"."""
        file = self.root / "checkouts" / f"{name}.tflite"
        file.write_text(name)
        return file

    def install(self, arguments: Sequence[str], *, kill_after: int | None = None, umask: int = 0o022) -> int:
        """Run it in a process of its own, killed after so many steps; exit status, or minus the signal."""
        pid = os.fork()
        if pid == 0:
            os.umask(umask)
            sys.stdout = sys.stderr = (self.root / "said").open("a")
            status = 70
            try:
                status = self._main(arguments, kill_after)
                sys.stdout.flush()
                (self.root / "steps").write_text(str(self._steps))
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @property
    def steps(self) -> int:
        """The number of steps of the last run that was not killed."""
        return int((self.root / "steps").read_text())

    @property
    def said(self) -> str:
        """The output of all runs."""
        return (self.root / "said").read_text()

    def state(self) -> dict[str, str]:
        """All that lasts: files with mode and content, links, and what runs."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if name.split("/", maxsplit=1)[0] in ("checkouts", "said", "steps", "lock"):
                continue
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            else:
                text = path.read_text() if path.is_file() else "/"
                found[name] = f"{path.stat().st_mode & 0o777:o} {text}"
        return found

    def _main(self, arguments: Sequence[str], kill_after: int | None) -> int:
        self._steps, self._kill_after = 0, kill_after
        for name in ("sync", "fsync"):  # no power is cut here
            setattr(os, name, lambda *_: None)
        module = load()
        module.RELEASES = self.root / "opt" / "linegate"
        module.CURRENT, module.BEFORE = module.RELEASES / "current", module.RELEASES / "before"
        module.SETTINGS = self.root / "etc" / "linegate"
        module.STATE = (self.root / "var" / "linegate",)
        module.UNITS, module.OTHER_UNITS = self.units, ()
        module.LOCK, module.SETTLE_S = self.root / "lock", 0
        module.refuse = module.refuse_device = lambda *_: None
        module.subprocess = self
        sys.addaudithook(self._note)
        return int(module.main(arguments))

    def _note(self, event: str, details: Any) -> None:
        """A step is about to be taken."""
        inside = any(str(self.root) in str(detail) for detail in details[:2])
        if event in STEPS and inside and not (event == "open" and details[1] == "r"):
            self._step()

    def _step(self) -> None:
        if self._steps == self._kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        self._steps += 1

    def run(self, command: Sequence[str | Path], **_: object) -> "CompletedProcess[str]":
        """Stands for subprocess.run: pip, systemctl and the others."""
        self._step()
        words = [str(word) for word in command]
        program = Path(words[0]).name
        answer = ""
        if program == "systemctl":
            return self._systemctl(*[word for word in words[1:] if word != "--quiet"])
        if program == "systemd-run":
            answer = '{"findings": []}'
        elif "venv" in words:
            (Path(words[-1]) / "bin").mkdir(parents=True)
        elif "pip" in words:
            Path(words[0]).write_text(Path(words[-1]).name)  # which release it is
        elif "edge.settings.settings_document" in words:
            answer = '[model]\npath = ""\n[station]\nname = ""\n'
        self._step()
        return CompletedProcess(words, 0, answer, "")

    def _systemctl(self, verb: str, *units: str) -> "CompletedProcess[str]":
        status, answer, wants = 0, "", self.units / "multi-user.target.wants"
        for unit in units:
            link, runs = wants / unit, self.root / "runs" / unit
            runs.parent.mkdir(exist_ok=True)
            if verb == "enable":
                link.touch()
            elif verb == "disable":
                link.unlink(missing_ok=True)
            elif verb == "stop":
                for each in runs.parent.glob(unit):
                    each.unlink()
            elif verb == "restart" or (verb == "start" and not runs.exists()):
                status = self._start(unit, runs)
        if verb == "show":
            property_ = units[units.index("--property") + 1]
            is_active = (self.root / "runs" / units[-1]).exists()
            answer = {"NRestarts": "0", "ActiveState": "active" if is_active else "failed"}[property_]
        return CompletedProcess(verb, status, answer, "")

    def _start(self, unit: str, runs: Path) -> int:
        name = unit.removeprefix("edge@" if "@" in unit else "edge").removesuffix(".service")
        release = self.root / "opt" / "linegate" / "current" / "bin" / "python"
        what = release.read_text(), (self.root / "etc" / "linegate" / name / "part.tflite").read_text()
        runs.unlink(missing_ok=True)
        if not all(part.startswith("good") for part in what):
            return 1
        runs.write_text(" ".join(what))
        return 0


Command = Callable[[Device], list[str]]


def command(release: str, *flags: str, bundle: str | None = None) -> Command:
    """An install of this release, perhaps with a bundle."""
    return lambda device: [
        str(device.checkout(release)),
        *flags,
        *(["--bundle", str(device.bundle(bundle))] if bundle else []),
    ]


OLD = command("good-old", bundle="good-first")
LEFT = ("--station", "left", "--station", "right")
# What was there before, what is killed, and what is run then: the same again, or something else.
SCENARIOS: dict[str, tuple[list[Command], Command, Command | None]] = {
    "first": ([], OLD, None),
    "first that does not start": ([], command("bad", bundle="good-first"), None),
    "first without a start": ([], command("good-old", "--no-start", bundle="good-first"), None),
    "upgrade": ([OLD], command("good-new", bundle="good-second"), None),
    "upgrade that does not start": ([OLD], command("bad", bundle="bad"), None),
    "another bundle": ([OLD], command("good-old", bundle="good-second"), None),
    "another bundle that does not start": ([OLD], command("good-old", bundle="bad"), None),
    "bad upgrade, then the old release": ([OLD], command("bad", bundle="bad"), command("good-old")),
    "several": (
        [command("good-old", *LEFT, bundle="good-first")], command("bad", bundle="bad"), None,
    ),
    "pins": ([OLD], command("good-new", "--gpio"), None),
    "remove": ([OLD], lambda _: ["--remove"], None),
    "purge": ([command("good-old", "--gpio", bundle="good-first")], lambda _: ["--remove", "--purge"], None),
}  # fmt: skip


def kill_everywhere(name: str, folder: Path, every: int) -> dict[str, Any]:
    """Kill after every so many steps in turn, and after the last; what was wrong afterwards, by step.

    What is right is what the command leads to without a kill; where something else follows, what was there
    before, beside a release that nothing leads to and that the next upgrade takes away.
    """
    before, killed, then = SCENARIOS[name]
    whole = _run([*before, killed], folder / "whole")
    right = _named(whole if then is None else _run(before, folder / "before"))
    wrong = {}
    load()
    for step in [*range(0, whole.steps, every), whole.steps - 1]:
        device = _run(before, Path(tempfile.mkdtemp(dir=folder)) / "device")
        assert device.install(killed(device), kill_after=step) == -signal.SIGKILL
        device.install((then or killed)(device))
        state = {key: text for key, text in _named(device).items() if then is None or "/bad-" not in key}
        if state != right:
            wrong[step] = sorted(set(state.items()) ^ set(right.items()))
        shutil.rmtree(device.root)
    return {"steps": whole.steps, "wrong": wrong}


def _run(commands: Sequence[Command], root: Path) -> Device:
    root.mkdir()
    device = Device(root)
    for each in commands:
        device.install(each(device))
    return device


def _named(device: Device) -> dict[str, str]:
    return {key: text.replace(str(device.root), "") for key, text in device.state().items()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="linegate-install-", dir=MEMORY) as made:
        sys.stdout.write(json.dumps(kill_everywhere(sys.argv[1], Path(made), int(sys.argv[2]))))
