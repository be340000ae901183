"""`edge init`: a settings file of what differs from the defaults, each answer tried as soon as it is given.

Flags answer as well as a person does: `edge init --camera.kind device --mqtt.host broker`. Without a terminal
nothing is asked.
"""

import getpass
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.camera.check import try_camera
from edge.camera.source import without_password
from edge.core.command import show
from edge.core.errors import LinegateError, SettingsError
from edge.core.files import write_new
from edge.core.images import encode_png
from edge.gate.policies import what_may_pass
from edge.outputs.named import KINDS
from edge.settings.earlier import camera_of
from edge.settings.load_settings import load_settings
from edge.settings.settings import Settings
from edge.settings.settings_document import document_of

PICTURE = "first-picture.png"
Answers = dict[str, str]
"""Texts by "section.key", as flags have them."""
_CAMERAS = "a number or device, an address, a video or folder, or simulated"
_TRIGGERS = "free-run (each frame is a part), line-crossing (the camera sees it come), message (MQTT)"
_GATES = "reject-unless-ok (the PLC rejects what no pass came for) or reject-on-defect"
_ENCRYPTIONS = "auto (with a password), on, or off (the password goes in the clear)"


def init(file: Path, given: Mapping[str, str], load_inspector: Callable[[Settings], Any]) -> int:
    """Ask what the flags ``given`` leave open, try all of it, and write ``file``.

    Returns 0, or 1 where nobody could be asked and something does not work yet. Raises SettingsError where
    the file is there already, a setting is wrong, or the questions were broken off; nothing is written then.
    """
    if file.exists() or file.is_symlink():
        raise SettingsError(f"{file}: is there already and stays as it is; name another file with --config")
    if not file.parent.is_dir():
        raise SettingsError(f"{file}: there is no folder {file.parent}")
    answers = dict(given)
    load_settings(None, answers)
    trials = _Trials(file.parent, load_inspector)
    works = True
    if sys.stdin.isatty():
        answers |= _Interview(answers, trials).run()
    else:
        works = trials.all(load_settings(None, answers))
    _write(file, load_settings(None, answers), answers)
    return 0 if works else 1


def _write(file: Path, settings: Settings, answers: Mapping[str, str]) -> None:
    addresses = [text for key, text in answers.items() if key.startswith("camera.")]
    has_password = any(without_password(text) != text for text in addresses)
    has_password |= bool(settings.mqtt.password.get_secret_value())
    try:
        write_new(file, document_of(settings, answers).encode(), mode=0o600 if has_password else 0o644)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be written ({error.strerror})") from error
    show(f"\n{file}: written{', for your eyes alone: it holds a password' if has_password else ''}")
    show(f"next: edge --check --config {file}    tries everything once, and says how to fix what fails")
    show(f"      edge --config {file}            runs the station")


class _Trials:
    """Trials of answers; each returns False where one does not work, and says why."""

    def __init__(self, folder: Path, load_inspector: Callable[[Settings], Any]) -> None:
        self._folder = folder
        self._load_inspector = load_inspector

    def all(self, settings: Settings) -> bool:
        """Every trial, in the order of the questions."""
        found = [trial(settings) for trial in (self.camera, self.bundle, self.gate, self.broker)]
        return all(found)

    def camera(self, settings: Settings) -> bool:
        """A look at its pictures; the last one is kept, to be looked at."""
        return _tried("camera", lambda: self._camera(settings))

    def bundle(self, settings: Settings) -> bool:
        """Its golden examples are run."""
        return _tried("bundle", lambda: self._bundle(settings))

    def gate(self, settings: Settings) -> bool:
        """Nothing can be tried; but what it lets pass is said."""
        for line in what_may_pass(settings.gate):
            show(f"warn  gate        {line}")
        return True

    def broker(self, settings: Settings) -> bool:
        """Log in, subscribe, and write to every topic."""
        return _tried("broker", lambda: KINDS["broker"].check(settings).text)

    def _camera(self, settings: Settings) -> str:
        seen = try_camera(settings.camera, settings.camera.bits)
        number, picture = 1, self._folder / PICTURE
        while picture.exists():
            number += 1
            picture = self._folder / f"first-picture-{number}.png"
        write_new(picture, encode_png(seen.frame.image), mode=0o644)
        return f"{seen.text}; look at {picture}"

    def _bundle(self, settings: Settings) -> str:
        manifest = self._load_inspector(settings).manifest
        return f"{settings.model.path}: {manifest.model_name}, {', '.join(manifest.classes)}"


def _tried(thing: str, trial: Callable[[], str]) -> bool:
    try:
        show(f"ok    {thing:<11} {trial()}")
    except (LinegateError, OSError) as error:
        show(f"FAIL  {thing:<11} {error}")
        return False
    return True


class _Interview:
    """Questions at a terminal; one whose answer does not work is asked again, with that as its default."""

    def __init__(self, answers: Mapping[str, str], trials: _Trials) -> None:
        self._answers = dict(answers)
        self._trials = trials

    def run(self) -> Answers:
        """All questions that no flag has answered. Raises SettingsError where the input ends."""
        try:
            self._ask("station.name", "Name of the station, as it stands in topics", "station-1")
            self._ask("camera.kind", f"Camera: {_CAMERAS}", _found_camera(), camera_of, self._trials.camera)
            self._ask("trigger.kind", f"A part is here when: {_TRIGGERS}", "free-run")
            self._ask("model.path", "Bundle that decides", "samples/demo.tflite", trial=self._trials.bundle)
            self._ask("gate.mode", f"Gate: {_GATES}", "reject-unless-ok", trial=self._trials.gate)
            self._ask("gate.travel_ms", "Milliseconds from the camera to the ejector", "500")
            self._ask("mqtt.host", "Broker: name or address, with :port if not 1883", "127.0.0.1", _broker_of)
            self._ask("mqtt.username", "User at the broker, or nothing", "")
            if self._answers.get("mqtt.username") and "mqtt.password" not in self._answers:
                self._answers["mqtt.password"] = getpass.getpass("Password at the broker: ")
            if not self._trials.broker(self._settings({})) and self._answers.get("mqtt.username"):
                self._ask("mqtt.tls", f"Encryption: {_ENCRYPTIONS}", "auto", trial=self._trials.broker)
        except EOFError as error:
            raise SettingsError(
                "init: the input ended before the last question; nothing is written"
            ) from error
        return self._answers

    def _ask(
        self,
        key: str,
        question: str,
        default: str,
        read: Callable[[str], Answers] | None = None,
        trial: Callable[[Settings], bool] = lambda _: True,
    ) -> None:
        if key in self._answers:
            trial(self._settings({}))
            return
        failed = None
        while True:
            said = input(f"{question} [{default}]: ").strip() or default
            found = {name: value for name, value in (read(said) if read else {key: said}).items() if value}
            try:
                settings = self._settings(found)
            except SettingsError as error:
                show(f"FAIL  {error}")
                continue
            if said == failed or trial(settings):
                break
            show("Press Enter to keep it all the same, or give another.")
            default = failed = said
        self._answers |= found

    def _settings(self, more: Answers) -> Settings:
        return load_settings(None, self._answers | more)


def _found_camera() -> str:
    """The first video device of this computer, if it has one."""
    return next(map(str, sorted(Path("/dev").glob("video*"))), "simulated")


def _broker_of(text: str) -> Answers:
    host, colon, port = text.rpartition(":")
    is_port = bool(colon) and port.isdecimal() and (":" not in host or host.endswith("]"))
    return {"mqtt.host": host.strip("[]"), "mqtt.port": port} if is_port else {"mqtt.host": text}
