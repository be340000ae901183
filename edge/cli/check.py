"""`edge --check`: tries everything that a station needs, and says what works and how to fix the rest."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge.alarms.watch import written_folders
from edge.camera.check import Seen, try_camera
from edge.camera.source import without_password
from edge.cli.check_fit import try_picture, try_products, try_times
from edge.cli.check_journal import try_journal
from edge.core.clock import clock_is_synchronised
from edge.core.errors import BundleError, JournalError, LinegateError, SettingsError
from edge.core.files import free_bytes
from edge.gate.policies import what_may_pass
from edge.inspection.inspector import Inspector
from edge.outputs.named import KINDS, Kind
from edge.outputs.output import Checked
from edge.records.journal_file import EarlierJournalError, check_folder, check_writable
from edge.settings.load_settings import read_toml
from edge.settings.settings import Settings


class _Warning(LinegateError):  # noqa: N818  no error: the check goes on to pass
    """Something that should be fixed, though the station works without it."""


class _NotTried(LinegateError):  # noqa: N818
    """Something that cannot be tried without what was tried before."""


class _Together:
    """Checks that need what was found before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: Seen | None = None
        self._inspectors: dict[str, Inspector] = {}
        self._bits = settings.camera.bits

    def camera(self) -> str:
        self._seen = try_camera(self._settings.camera, self._bits)
        return self._seen.text

    def recipes(self) -> str:
        if not Path(self._settings.model.path).exists():
            raise _NotTried
        products = try_products(self._settings)
        self._inspectors, self._bits = products.inspectors, products.bits
        return _say(products.checked)

    def picture(self) -> str:
        if self._seen is None or not self._inspectors:
            raise _NotTried
        return _say(try_picture(self._seen, self._inspectors))

    def times(self) -> str:
        if self._seen is None or not self._inspectors:
            raise _NotTried
        return _say(try_times(self._settings, self._seen, self._inspectors))


@dataclass(frozen=True)
class Finding:
    """One thing that was tried; ``text`` says what was seen, or what is wrong and how to fix it.

    ``warning``: it should be fixed, though the station works without it.
    """

    thing: str
    works: bool
    text: str
    warning: bool = False


def check(
    settings: Settings, load_inspector: Callable[[Settings], Inspector], file: Path | None = None
) -> list[Finding]:
    """Try every outside thing once; settings were valid, or there would be none.

    ``file`` is where they came from, if from a file.
    """
    together = _Together(settings)
    steps: dict[str, Callable[[], str]] = {
        "settings": lambda: _settings(settings, file),
        "bundle": lambda: _bundle(settings, load_inspector),
        "recipes": together.recipes,
        "camera": together.camera,
        "picture": together.picture,
        "times": together.times,
        "gate": lambda: _gate(settings),
        "journal": lambda: _journal(settings),
        "archive": lambda: _archive(settings),
        "disk": lambda: _disk(settings),
        "clock": _clock,
        "permissions": lambda: _permissions(settings, file),
    }
    steps |= {thing: partial(_output, kind, settings) for thing, kind in KINDS.items()}
    findings = []
    for thing, step in steps.items():
        try:
            findings.append(Finding(thing, works=True, text=step()))
        except _NotTried:
            continue  # what it needs does not work, and that is said already
        except _Warning as warning:
            findings.append(Finding(thing, works=True, text=str(warning), warning=True))
        except LinegateError as error:
            findings.append(Finding(thing, works=False, text=str(error)))
        except PermissionError as error:
            findings.append(
                Finding(thing, works=False, text=f"{error.filename}: this user may not look there")
            )
    return findings


def _say(checked: Checked) -> str:
    if checked.warnings:
        raise _Warning("; ".join((checked.text, *checked.warnings)))
    return checked.text


def _settings(settings: Settings, file: Path | None) -> str:
    for kind in KINDS.values():
        kind.refuse_unfit(settings)
    where = "no file, the defaults" if file is None else str(file.parent.resolve() / file.name)
    return f"{where}: valid; station {settings.station.name}"


def _bundle(settings: Settings, load_inspector: Callable[[Settings], Inspector]) -> str:
    inspector = load_inspector(settings)
    manifest = inspector.manifest
    same = "bit for bit" if inspector.model.golden_identical else "with the same verdicts"
    return (
        f"{settings.model.path}: {manifest.model_name}, {', '.join(manifest.classes)}; "
        f"its {len(manifest.golden)} golden examples come out {same}"
    )


def _gate(settings: Settings) -> str:
    gates = [settings.gate_of(name) for name in settings.recipe_names]
    lines = dict.fromkeys(line for gate in gates for line in what_may_pass(gate))
    if lines:
        raise _Warning("; ".join(lines))
    return "only parts that were found ok pass"


def _disk(settings: Settings) -> str:
    free = {folder: free_bytes(folder) for folder in written_folders(settings)}
    text = "; ".join(f"{folder}: {count / 1e9:.1f} GB free" for folder, count in free.items())
    least = settings.alarms.disk_free_mb * 1e6
    if min(free.values()) < least:
        raise JournalError(
            f"{text}; free at least {least / 1e9:g} GB (alarms.disk_free_mb), or set journal.path and "
            "archive.path to another disk"
        )
    return text


def _clock() -> str:
    synchronised = clock_is_synchronised()
    if synchronised is None:
        return "cannot tell whether it is synchronised"
    if not synchronised:
        raise _Warning(
            "not synchronised: times in messages may be wrong (the gate does not use them); "
            "sudo timedatectl set-ntp true"
        )
    return "synchronised"


def _permissions(settings: Settings, file: Path | None) -> str:
    if file is not None and _holds_password(file) and file.stat().st_mode & 0o077:
        raise SettingsError(f"{file}: holds a password and others may read it: chmod 600 {file}")
    bundles = {settings.bundle_of(name) for name in settings.recipe_names} | {settings.shadow.bundle} - {""}
    for bundle in map(Path, sorted(bundles)):
        if bundle.exists() and bundle.stat().st_mode & 0o002:
            raise BundleError(f"{bundle}: anybody may write it: chmod 644 {bundle}")
    key = Path(settings.mqtt.key_file or os.devnull)
    if key.is_file() and key.stat().st_mode & 0o007:
        raise SettingsError(f"{key}: anybody may read this key: chmod 640 {key}")
    return "no password lies open, and not everybody may change a bundle"


def _holds_password(file: Path) -> bool:
    values = read_toml(file)  # it was read before: these are settings
    addresses = [text for text in values.get("camera", {}).values() if isinstance(text, str)]
    return bool(values.get("mqtt", {}).get("password")) or any(
        without_password(text) != text for text in addresses
    )


def _journal(settings: Settings) -> str:
    path = Path(settings.journal.path)
    check_writable(path)
    if not path.exists():
        return f"{path}: can be written; the first start makes it"
    try:
        return f"{path}: can be written; {try_journal(settings)} verdicts wait for the broker"
    except EarlierJournalError as error:
        return str(error)


def _archive(settings: Settings) -> str:
    if not settings.archive.path:
        return "switched off (archive.path)"
    folder = Path(settings.archive.path)
    check_folder("archive.path", folder)
    return f"{folder}: can be written"


def _output(kind: Kind, settings: Settings) -> str:
    return _say(kind.check(settings))


def exit_status(findings: list[Finding]) -> int:
    """0 if everything works, else 1."""
    return 0 if all(finding.works for finding in findings) else 1
