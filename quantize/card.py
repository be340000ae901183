"""A model card in Markdown, made of what stands in a bundle (Mitchell et al. 2019, arXiv:1810.03993)."""

from collections.abc import Iterable, Sequence

from edge.core.bundle.bundle import Bundle, Manifest, Photographs, Results, Wrapped
from edge.core.foreign_text import in_markdown
from edge.core.metrics import Metrics, wilson_interval
from quantize.describe import (
    accepted_line,
    held_out_are,
    input_line,
    operators_line,
    output_line,
    rederived_lines,
    thresholds_line,
)


def model_card(bundle: Bundle) -> str:
    """A model card: what it learned from, its figures and on what, and what it is not for."""
    manifest = bundle.manifest
    parts = [
        _what_it_is(bundle),
        _learned_from(manifest),
        _how_well(manifest),
        _thresholds(manifest),
        _not_for(manifest),
        _section("Made with", _table(("what", "version"), manifest.versions.items())),
    ]
    return "\n\n".join(parts) + "\n"


def _what_it_is(bundle: Bundle) -> str:
    manifest = bundle.manifest
    rows = [
        ("model id", _Ours(f"`{bundle.sha256}`")),
        ("network", manifest.model_name),
        ("task", manifest.task),
        ("classes", ", ".join(manifest.classes)),
        ("OK class", manifest.ok_class or "none"),
        ("input", input_line(manifest)),
        ("output", output_line(manifest)),
        *([("operators", operators_line(manifest.operators))] if manifest.operators else []),
        ("size", f"{len(bundle.flatbuffer) / 1000:.0f} kB"),
    ]
    title = in_markdown(f"{manifest.model_name}: {', '.join(manifest.classes)}")
    return f"# {title}\n\n" + _table(("", ""), rows)


def _learned_from(manifest: Manifest) -> str:
    if manifest.wrapped is not None:
        return _section("What it learned from", _another_tool(manifest.wrapped))
    seen = manifest.photographs or Photographs(train={}, validation={}, fingerprint="")
    rows = [(name, seen.train.get(name, 0), seen.validation.get(name, 0)) for name in manifest.classes]
    settings = [(key.replace("_", " "), value) for key, value in manifest.training.items()]
    return _section(
        "What it learned from",
        _table(("photographs", "learned from", held_out_are(seen)), rows),
        f"Fingerprint of names and contents: {_hash(seen.fingerprint)}.",
        _table(("setting", "value"), settings),
    )


def _another_tool(wrapped: Wrapped) -> str:
    return (
        "Another tool made it; nothing is known of its photographs. The file was "
        f"{in_markdown(wrapped.file)} (SHA-256 {_hash(wrapped.sha256)}). Its input is "
        f"{in_markdown(wrapped.scale)}."
    )


def _how_well(manifest: Manifest) -> str:
    if manifest.wrapped is not None:
        return _section("How well it does", *_figures_of_wrapped(manifest, manifest.wrapped))
    if manifest.results is None:
        return _section("How well it does", "Nothing was measured.")
    results = manifest.results
    return _section(
        "How well it does",
        f"On {in_markdown(results.split)}.",
        _metrics_table({"float": results.float32, "int8": results.int8}, manifest),
        _INTERVALS,
        _int8(results),
    )


_INTERVALS = (
    "In brackets: 95 % Wilson interval. It counts photographs; where there are several of one part, the "
    "truth is less sure than that."
)


def _figures_of_wrapped(manifest: Manifest, wrapped: Wrapped) -> list[str]:
    if wrapped.metrics is None:
        return ["Nothing was measured: no folder told the truth about the images given with it."]
    return [
        f"On those of the {wrapped.images} images given with it whose folder tells the truth. "
        "It may have learned from them: then these figures say little.",
        _metrics_table({"as wrapped": wrapped.metrics}, manifest),
        _INTERVALS,
    ]


def _metrics_table(columns: dict[str, Metrics], manifest: Manifest) -> str:
    rows = {
        "photographs": [str(metrics.images) for metrics in columns.values()],
        "right": [_share(metrics.correct, metrics.images) for metrics in columns.values()],
    }
    if manifest.ok_class is not None:
        ok = [_images_of(metrics, manifest.ok_class) for metrics in columns.values()]
        pairs = list(zip(columns.values(), ok, strict=True))
        rows["escapes among defects"] = [_share(f.escapes, f.images - good) for f, good in pairs]
        rows["overkill among OK"] = [_share(f.overkill, good) for f, good in pairs]
        rows["unsure"] = [_share(metrics.unsure, metrics.images) for metrics in columns.values()]
        rows["area under the ROC curve"] = [
            "" if metrics.auroc is None else f"{metrics.auroc:.4f}" for metrics in columns.values()
        ]
    for name in manifest.classes:
        rows[f"right among {name}"] = [
            _share(metrics.confusion.get(name, {}).get(name, 0), _images_of(metrics, name))
            for metrics in columns.values()
        ]
    return _table(("", *columns), [(name, *cells) for name, cells in rows.items()])


def _images_of(metrics: Metrics, name: str) -> int:
    return sum(metrics.confusion.get(name, {}).values())


def _share(hits: int, among: int) -> str:
    if not 0 <= hits <= max(0, among):
        return f"{hits} of {among}: the manifest contradicts itself"
    low, high = wilson_interval(hits, among)
    if low is None or high is None:
        return "none there"
    return f"{hits} of {among}, {hits / among:.2%} ({low:.2%} to {high:.2%})"


def _int8(results: Results) -> str:
    return (
        f"int8 changed {results.flips} of {results.int8.images} decisions. It shifted the score by "
        f"{results.mean_score_shift:.5f} on average and by {results.largest_score_shift:.4f} at most."
        f"{accepted_line(results)}"
    )


def _thresholds(manifest: Manifest) -> str:
    return _section(
        "Thresholds",
        "The score runs from 0 to 1, higher for defects: "
        f"{in_markdown(thresholds_line(manifest.thresholds))}. "
        "What lies between is `unsure`: a person looks.",
        _rederived(manifest.results),
    )


def _rederived(results: Results | None) -> str:
    if results is None or results.rederived is None:
        return ""
    return "\n".join(
        f"- {in_markdown(line[0].upper() + line[1:])}." for line in rederived_lines(results.rederived)
    )


def _not_for(manifest: Manifest) -> str:
    uses = [
        "For other parts, another camera, light or distance, before `edge --replay` has shown on new, "
        "labelled photographs what it is worth there.",
        "As the only check where an escape can hurt somebody.",
    ]
    if manifest.task == "anomaly":
        uses.append("To name a defect: it learned from OK parts alone, and says how strange a part is.")
    else:
        uses.append("For kinds of defects that are not among its photographs: it may call them OK.")
    if manifest.ok_class is None:
        uses.append("To pass parts: no class of it is OK.")
    if manifest.results is not None and "by part" not in manifest.results.split:
        uses.append(
            "As proof for new parts, where there are several photographs of one part: it was not measured on "
            "parts that training never saw."
        )
    if manifest.wrapped is not None:
        uses.append("On a line, before it was measured on photographs that it has not learned from.")
    return _section("What it must not be used for", "\n".join(f"- {use}" for use in uses))


def _section(title: str, *paragraphs: str) -> str:
    return "\n\n".join([f"## {title}", *(paragraph for paragraph in paragraphs if paragraph)])


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [[_cell(value) for value in row] for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(head), ["---"] * len(head), *lines])


def _hash(text: str) -> str:
    return f"`{text}`" if text.isalnum() else in_markdown(text)


class _Ours(str):
    """Markdown, and no foreign text."""


def _cell(value: object) -> str:
    return str(value) if isinstance(value, _Ours) else in_markdown(str(value))
