"""The findings of an audit, with the photographs."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.core.foreign_text import in_html
from edge.core.html_page import paragraph, percent, row, section, table, write_page
from trainer.audit.findings import Audit, AuditedPhoto
from trainer.audit.probes import Probe
from trainer.report.page import photograph, side_by_side

_PAIRS, _SUSPECTS, _UNREADABLE = 24, 48, 100


def write_audit(path: Path, name: str, found: Audit) -> None:
    """Write the page of an audit; raises InputError where it cannot be written."""
    findings = found.findings() or ["Nothing was found that would make a figure lie."]
    kind = "warning" if found.findings() else ""
    sections = [
        f"<h1>{in_html(name)}</h1>",
        paragraph(f"{len(found.photographs)} images, laid out as {found.recognised}.", "headline"),
        paragraph(f"{found.files}."),
        *(paragraph(finding, kind) for finding in findings),
        section("Classes", _classes(found)),
        _pairs("The same picture in training and in test", found.leaking, lambda photo: photo.part),
        _pairs("The same picture under more than one label", found.torn, lambda photo: photo.label),
        _suspects(found),
        _pairs("Copies", found.copies, lambda photo: photo.path),
        _pairs("Identical files", found.identical, lambda photo: photo.path),
        shortcuts(found.probes),
        _unreadable(found),
    ]
    write_page(path, f"{name}: Linegate audit", sections)


def _classes(found: Audit) -> str:
    counts = Counter((photo.label, photo.part) for photo in found.photographs)
    pictures: dict[str, set[int]] = {}
    for photo, group in zip(found.photographs, found.groups.tolist(), strict=True):
        pictures.setdefault(photo.label, set()).add(group)
    rows = [
        [label, str(counts[label, "train"]), str(counts[label, "test"]), str(len(pictures[label]))]
        for label in sorted(pictures)
    ]
    sizes = Counter(photo.size for photo in found.photographs).most_common(5)
    words = ", ".join(f"{width} x {height} ({count})" for (width, height), count in sizes)
    return table(["class", "train", "test", "different pictures"], rows) + paragraph(f"Sizes: {words}.")


def _pairs(title: str, groups: list[list[AuditedPhoto]], differ: Callable[[AuditedPhoto], object]) -> str:
    """Of each group its first photograph beside one that differs from it."""
    if not groups:
        return ""
    shown = []
    for group in groups[:_PAIRS]:
        first = group[0]
        second = next(photo for photo in group if differ(photo) != differ(first))
        more = f", and {len(group) - 2} more" if len(group) > 2 else ""
        words = f"{first.file} ({first.label}) and {second.file} ({second.label}){more}"
        shown.append(side_by_side(first.path, second.path, words))
    rest = f"The first {_PAIRS} are shown; --json lists all." if len(groups) > _PAIRS else ""
    return section(f"{title}: {len(groups)}", row(shown), paragraph(rest, "small") if rest else "")


def _suspects(found: Audit) -> str:
    if not found.suspects:
        return ""
    paths = {photo.file: photo.path for photo in found.photographs}
    shown = [photograph(paths[one.file], one.in_words()) for one in found.suspects[:_SUSPECTS]]
    return section(f"Likely mislabelled: {len(found.suspects)}, the clearest first", row(shown))


def shortcuts(probes: Sequence[Probe]) -> str:
    """The figures of trivial classifiers."""
    if not probes:
        return ""
    rows = [
        [
            probe.name,
            probe.split,
            f"{probe.correct} of {probe.images}",
            percent(probe.accuracy),
            percent(probe.balanced_accuracy),
            percent(probe.chance),
        ]
        for probe in probes
    ]
    head = ["shortcut", "on", "right", "accuracy", "balanced", "guessing"]
    words = "Trivial classifiers that should fail on honest photographs: a low figure is good."
    return section("Shortcuts", paragraph(words), table(head, rows, words=2))


def _unreadable(found: Audit) -> str:
    if not found.unreadable:
        return ""
    rows = [[file, reason] for file, reason in list(found.unreadable.items())[:_UNREADABLE]]
    return section(
        f"Files that cannot be used: {len(found.unreadable)}", table(["file", "why"], rows, words=2)
    )
