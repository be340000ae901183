"""The checks of things together in `edge --check`: recipes and bundles, picture and bundle, time and gate."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from edge.camera.check import Seen
from edge.core.errors import BundleError, SettingsError
from edge.deployment.deployment import first_deployment, load_shadow
from edge.deployment.load import load_inspector
from edge.deployment.selection import selection_file
from edge.inspection.inspector import Inspection, Inspector
from edge.outputs.output import Checked
from edge.settings.recipe import DEFAULT_RECIPE
from edge.settings.settings import Settings

TIMED = 20


@dataclass(frozen=True)
class Products:
    """Text for a person, the inspector of each recipe, and the bits by which the camera is read at first."""

    checked: Checked
    inspectors: dict[str, Inspector]
    bits: int | None


def try_products(settings: Settings) -> Products:
    """Load the bundles of all recipes and the shadow's, and say which decides at the start.

    Raises BundleError, which names the setting.
    """
    inspectors = {}
    for name in settings.recipe_names:
        try:
            inspectors[name] = load_inspector(settings, name)
        except BundleError as error:
            key = "model.path" if name == DEFAULT_RECIPE else f"recipes.{name}.bundle"
            raise BundleError(f"{key}: {error}") from error
    load_shadow(settings)
    deployment, notes = first_deployment(settings, selection_file(Path(settings.journal.path)))
    count = len(inspectors)
    text = f"{count} recipe{'s' if count > 1 else ''}; at the start {deployment.path} decides"
    text += f", by recipe {deployment.inspector.recipe}" if count > 1 else ""
    checked = Checked(text, (*notes, *_folder(Path(settings.model.folder))))
    return Products(checked, inspectors, deployment.inspector.bits)


def _folder(folder: Path) -> list[str]:
    """Whoever may write the allowed folder, or one above it, decides what can be activated."""
    try:
        if not folder.exists():
            return []
    except PermissionError:
        return [f"{folder}: this user may not look there (model.folder)"]
    for place in (folder, folder.absolute().parent):
        mode = place.stat().st_mode
        if mode & 0o002 and not mode & 0o1000:
            raise BundleError(f"model.folder: anybody may write {place}: chmod o-w {place}")
    loose = [path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o002]
    return [f"anybody may write {folder / loose[0]}: chmod o-w {folder}/*"] if loose else []


def try_picture(seen: Seen, inspectors: dict[str, Inspector]) -> Checked:
    """Have every recipe inspect the camera's picture.

    Raises SettingsError where a region lies outside of it, BundleError where inspection fails.
    """
    height, width = seen.frame.image.shape[:2]
    texts, warnings = [], []
    for name, inspector in inspectors.items():
        if None not in (seen.frame.bits, inspector.bits) and seen.frame.bits != inspector.bits:
            texts.append(f"{name}: not tried, takes {inspector.bits} of 16 bits for white")
            continue
        entry = inspector.manifest.input
        region = inspector.region or entry.region
        key = "recipe.region" if name == DEFAULT_RECIPE else f"recipes.{name}.region"
        if region is not None and (region.x + region.width > width or region.y + region.height > height):
            raise SettingsError(
                f"{key}: {region.width}x{region.height}+{region.x}+{region.y} lies outside the "
                f"{width}x{height} picture; set it, or camera.width and camera.height"
            )
        shown = (region.width, region.height) if region is not None else (width, height)
        if entry.locate == "none" and (shown[0] < entry.width or shown[1] < entry.height):
            warnings.append(
                f"{name}: {shown[0]}x{shown[1]} pixels are blown up to the bundle's "
                f"{entry.width}x{entry.height}: bring the camera nearer, or raise camera.width and .height"
            )
        if entry.channels == 3 and seen.frame.image.ndim == 2:
            warnings.append(f"{name}: the bundle looks at colours, and the camera's pictures are grey")
        inspection = _inspect(inspector, seen)
        score = f", score {inspection.score:.3f}" if inspection.score is not None else ""
        reason = f" ({inspection.reason})" if inspection.reason is not None else ""
        texts.append(f"{name}: {inspection.verdict}{score}{reason}")
        if inspection.reason is not None:
            warnings.append(f"{name}: this picture is a fault: {inspection.reason}; is a part in view?")
    return Checked("; ".join(texts), tuple(warnings))


def try_times(settings: Settings, seen: Seen, inspectors: dict[str, Inspector]) -> Checked:
    """Time inspections, and hold them against the gate of every recipe. Raises SettingsError."""
    texts, warnings = [], list[str]()
    for name, inspector in inspectors.items():
        took_ms = _time_inspections(inspector, seen)
        checked = hold_against_gate(settings, name, took_ms=took_ms, rate=_rate(settings, seen))
        texts.append(checked.text)
        warnings += checked.warnings
    return Checked("; ".join(texts), tuple(warnings))


def hold_against_gate(settings: Settings, recipe: str, *, took_ms: float, rate: float | None) -> Checked:
    """True if verdicts can be in time; ``took_ms`` for a frame, ``rate`` frames a second, where known. Pure.

    Raises SettingsError, which names the setting to change.
    """
    gate, trigger = settings.gate_of(recipe), settings.trigger
    between_ms = 1000 / rate if rate is not None else 0.0
    told = trigger if trigger.kind == "message" or trigger.kind == "input" else None
    waits_ms = told.delay_ms if told is not None else 0.0
    needed_ms = waits_ms + trigger.frames * took_ms + (trigger.frames - 1) * between_ms
    if rate is not None:
        if trigger.kind == "free-run" and between_ms < gate.min_gap_ms and gate.belt != "encoder":
            raise SettingsError(
                f"gate.min_gap_ms: {gate.min_gap_ms:g}, but frames, each of them a part, come every "
                f"{between_ms:.1f} ms: none would pass; less, with gate.window_ms, or a slower camera"
            )
        if took_ms > between_ms:
            raise SettingsError(
                f"camera.fps: a frame comes every {between_ms:.1f} ms and takes {took_ms:.1f} ms to inspect: "
                "some would be dropped; ask for fewer, or a smaller bundle"
            )
    if gate.belt == "encoder":
        return Checked(f"{recipe}: {needed_ms:.1f} ms to a verdict; gate.travel_counts was not checked")
    left_ms = gate.travel_ms - gate.margin_ms - needed_ms
    if left_ms <= 0:
        raise SettingsError(
            f"gate.travel_ms: {gate.travel_ms:g}, but a verdict takes {needed_ms:.1f} ms and leaves "
            f"{gate.margin_ms:g} ms before (gate.margin_ms): none would be in time; move the ejector away"
        )
    if rate is not None and gate.travel_ms / between_ms > gate.max_parts and trigger.kind == "free-run":
        raise SettingsError(
            f"gate.max_parts: {gate.max_parts}, but {gate.travel_ms / between_ms:.0f} parts are on their way "
            "at once; expected at least as many"
        )
    warnings = []
    if left_ms < needed_ms:
        warnings.append(f"{recipe}: only {left_ms:.1f} ms are left where {needed_ms:.1f} ms are needed")
    if told is not None and waits_ms + told.timeout_ms > gate.travel_ms - gate.margin_ms:
        warnings.append("trigger.timeout_ms: a part is at the ejector before its frame is given up")
    text = f"{recipe}: {needed_ms:.1f} ms to a verdict, {left_ms:.0f} ms to spare"
    return Checked(text, tuple(warnings))


def _inspect(inspector: Inspector, seen: Seen) -> Inspection:
    try:
        return inspector.inspect(seen.frame)
    except Exception as error:  # whatever the runtime raises, the check goes on
        raise BundleError(f"inspection fails: {type(error).__name__}: {error}") from error


def _rate(settings: Settings, seen: Seen) -> float | None:
    """Frames a second; of stored and simulated ones what is set."""
    camera = settings.camera
    return camera.replay_fps if camera.kind == "simulated" or camera.kind == "file" else seen.rate


def _time_inspections(inspector: Inspector, seen: Seen) -> float:
    """Milliseconds that one in twenty inspections takes at least."""
    times = []
    for _ in range(TIMED):
        begun = time.perf_counter()
        _inspect(inspector, seen)
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(times, n=20)[-1]
