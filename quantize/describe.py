"""The manifest of a bundle, in lines for people."""

from pathlib import Path

from edge.core.bundle.bundle import (
    AtThresholds,
    Bundle,
    Manifest,
    Operators,
    Photographs,
    Rederived,
    Results,
)
from edge.core.decision import Thresholds
from edge.core.foreign_text import one_line
from edge.core.metrics import Metrics


def describe(file: Path, bundle: Bundle) -> str:
    """The text of `quantize inspect`."""
    manifest = bundle.manifest
    lines = [
        ("model", f"{manifest.model_name}, {bundle.sha256}"),
        ("signed", "no" if bundle.signed_by is None else f"by {bundle.signed_by}"),
        ("size", f"{len(bundle.flatbuffer) / 1000:.0f} kB, without what is appended"),
        ("task", f"{manifest.task}: {', '.join(manifest.classes)}; OK: {manifest.ok_class or 'none'}"),
        ("input", input_line(manifest)),
        ("output", output_line(manifest)),
        *([("operators", operators_line(manifest.operators))] if manifest.operators else []),
        ("thresholds", thresholds_line(manifest.thresholds)),
        *(_origin(manifest)),
        *(_scores(manifest)),
        ("golden", f"{len(manifest.golden)} examples"),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
    ]
    return "\n".join(
        one_line(text).rstrip() for text in (str(file), *(f"{key:<11} {text}" for key, text in lines))
    )


def metrics_line(name: str, metrics: Metrics) -> str:
    """Figures of the verdicts of one model, in a line."""
    return (
        f"{name:<6} {metrics.correct} of {metrics.images} right"
        + (f" ({metrics.accuracy:.2%})" if metrics.accuracy is not None else "")
        + f", {metrics.escapes} escapes, {metrics.overkill} overkill"
    )


def input_line(manifest: Manifest) -> str:
    """The input of the graph."""
    spec = manifest.input
    shown = "" if spec.locate == "none" else f"; the {spec.locate} is located first"
    return f"{spec.width}x{spec.height}, {'grey' if spec.channels == 1 else 'RGB'}, uint8{shown}"


def output_line(manifest: Manifest) -> str:
    """The output of the graph."""
    output, heatmap = manifest.output, manifest.heatmap
    shown = f"; a heatmap of {heatmap.width}x{heatmap.height}" if heatmap else ""
    return f"{output.type} {output.values}{shown}"


def operators_line(operators: Operators) -> str:
    """For people: what is not as it should be, or that all is."""
    parts = [f"{operators.count} operators"]
    for what, found in (("not int8", operators.not_int8), ("not run by XNNPACK", operators.not_xnnpack)):
        if found:
            parts.append(f"{what}: " + ", ".join(f"{count} {kind}" for kind, count in found.items()))
    return "; ".join(parts) if len(parts) > 1 else f"{parts[0]}, all int8 and run by XNNPACK"


def thresholds_line(thresholds: Thresholds) -> str:
    """Where the verdicts begin, and who chose that."""
    return (
        f"ok below {thresholds.ok_below:.4f}, defect from {thresholds.defect_from:.4f} ({thresholds.chosen})"
    )


def rederived_lines(found: Rederived | None) -> list[str]:
    """Figures of the run's thresholds with int8, of int8's own ones, and which the bundle has."""
    if found is None:
        return []
    which = "taken" if found.is_taken else "not taken"
    return [
        f"thresholds of the run, {_cut(found.run.ok_below, found.run.defect_from)}: {_at_line(found.run)}",
        f"by the same rule from the int8 scores of the validation images, "
        f"{_cut(found.int8.ok_below, found.int8.defect_from)}, from their float scores "
        f"{_cut(*found.float32)}: {_at_line(found.int8)}; {which}",
    ]


def held_out_are(seen: Photographs) -> str:
    """The photographs behind the figures, beside those that were learned from."""
    return "the same, held out in turn" if seen.held_out_in_turn else "validation"


def _cut(ok_below: float, defect_from: float) -> str:
    return f"{ok_below:.4f}" if ok_below == defect_from else f"{ok_below:.4f} to {defect_from:.4f}"


def _at_line(found: AtThresholds) -> str:
    return (
        f"{found.flips} decisions changed, {found.escapes_new} new escapes; {found.escapes} escapes, "
        f"{found.overkill} overkill, {found.unsure} unsure"
    )


def _origin(manifest: Manifest) -> list[tuple[str, str]]:
    if manifest.wrapped is not None:
        wrapped = manifest.wrapped
        measured = "no figures" if wrapped.metrics is None else metrics_line("", wrapped.metrics).strip()
        return [
            ("wrapped", f"{wrapped.file}, SHA-256 {wrapped.sha256}; its input is {wrapped.scale}"),
            ("results on", f"the {wrapped.images} images given with it, which it may have learned from"),
            ("", measured),
        ]
    lines = []
    if manifest.photographs is not None:
        seen = manifest.photographs
        counts = (
            f"{name} {seen.train.get(name, 0)} + {seen.validation.get(name, 0)}" for name in manifest.classes
        )
        lines.append(("photographs", f"{', '.join(counts)} (learned from + {held_out_are(seen)})"))
    if manifest.results is not None:
        results = manifest.results
        lines += [
            ("results on", results.split),
            ("", metrics_line("float", results.float32)),
            ("", metrics_line("int8", results.int8)),
            (
                "",
                f"{results.flips} decisions changed by int8, largest score shift "
                f"{results.largest_score_shift:.4f}{accepted_line(results)}",
            ),
            *(("", line) for line in rederived_lines(results.rederived)),
        ]
    return lines


def _scores(manifest: Manifest) -> list[tuple[str, str]]:
    profile = manifest.ok_scores
    if profile is None:
        return []
    half = profile.scores[len(profile.scores) // 2]
    return [
        (
            "scores",
            f"of {profile.count} OK validation images of {profile.parts} parts: {half:.3g} is the median",
        )
    ]


def accepted_line(results: Results) -> str:
    """The changes by int8 that a person allowed, or nothing."""
    if not (results.flips_allowed or results.escapes_allowed):
        return ""
    return (
        f" {results.escapes_new} of these are new escapes. A person allowed up to {results.flips_allowed} "
        f"flips and {results.escapes_allowed} new escapes."
    )
