"""A new model beside the bundle that it is to replace, on parts that neither learned from.

What counts are parts: one is right if all its photographs are, and escapes if one of a defect passes as ok.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from edge.core.decision import Thresholds, Verdict, decide, has_one_logit
from edge.core.errors import ImageError, InputError
from edge.core.images import decode_image, read_bytes
from edge.core.metrics import Labelled, exact_mcnemar, is_right
from edge.core.model_spec import ModelSpec
from edge.core.photographs.layouts import read_photographs
from edge.core.photographs.listing import name_below
from edge.core.photographs.truths import tell_truths
from edge.core.preprocess import preprocess
from edge.core.runtime import BundleModel, Model
from edge.core.tables import read_rows

MARGIN = 0.05
_DOUBT = 0.05  # a one-sided bound of 95 %
_SHOWN = 20


@dataclass(frozen=True)
class Decider:
    """A model with the thresholds by which it decides."""

    model: Model
    thresholds: Thresholds

    @property
    def spec(self) -> ModelSpec:
        """Classes, task and input."""
        return self.model.spec

    def decide(self, path: Path, label: str, bits: int | None) -> Labelled:
        """Its decision on a photograph; a picture that it cannot use is a fault. Raises ImageError."""
        image = decode_image(read_bytes(path), str(path), bits=bits)
        try:
            prediction = self.model.predict(preprocess(image, self.spec.input))
        except ImageError:
            return Labelled(label, Verdict.FAULT, None, None)
        verdict = decide(prediction.score, self.thresholds)
        named = prediction.predicted
        if has_one_logit(self.spec.task):
            named = self.spec.classes[0 if verdict == Verdict.OK else 1]
        return Labelled(label, verdict, named, prediction.score)


@dataclass(frozen=True)
class Difference:
    """A photograph that the two decide otherwise."""

    file: str
    label: str
    old: Verdict
    new: Verdict


@dataclass(frozen=True)
class Against:
    """Counts of parts; ``only_…``: those that one of the two alone had right, or let pass."""

    old_sha256: str
    parts: int
    defects: int
    old_right: int
    new_right: int
    only_old_right: int
    only_new_right: int
    only_old_escapes: int
    only_new_escapes: int
    differing: list[Difference]

    @property
    def p_value(self) -> float:
        """Exact McNemar test of the parts that one of the two alone has right."""
        return exact_mcnemar(self.only_old_right, self.only_new_right)

    @property
    def escapes_may_rise(self) -> float:
        """The upper 95 % bound of how much more of the defective parts pass; 1 where none is known.

        Of two Clopper-Pearson bounds: the share of defective parts on which the two differ, and the share of
        these on which the new one is the one that errs.
        """
        if self.defects == 0:
            return 1.0
        changed = self.only_old_escapes + self.only_new_escapes
        worse = _upper(self.only_new_escapes, changed)
        share = _upper(changed, self.defects) if worse > 0.5 else changed / self.defects
        return share * (2 * worse - 1)

    def refusal(self, margin: float) -> str | None:
        """Why the new one must not take over, in words, or None."""
        rise = self.escapes_may_rise
        if rise <= margin:
            return None
        return (
            f"of {self.defects} defective parts it lets {self.only_new_escapes} pass that the old bundle "
            f"rejects, and {self.only_old_escapes} the other way: escapes may rise by {rise:.1%} of them "
            f"(95 %), more than --max-escape-rise {margin:g}; more reviewed defects may show otherwise"
        )

    def document(self) -> dict[str, JsonValue]:
        """For the manifest and for `--json`."""
        return {
            "bundle_sha256": self.old_sha256,
            "parts": self.parts,
            "defective_parts": self.defects,
            "old_right": self.old_right,
            "new_right": self.new_right,
            "only_old_right": self.only_old_right,
            "only_new_right": self.only_new_right,
            "only_old_escapes": self.only_old_escapes,
            "only_new_escapes": self.only_new_escapes,
            "p_value": self.p_value,
            "escapes_may_rise": self.escapes_may_rise,
        }

    def lines(self) -> list[str]:
        """For people."""
        lines = [
            f"beside {self.old_sha256[:12]}, on {self.parts} parts: {self.new_right} right, it had "
            f"{self.old_right}; right alone: the new one {self.only_new_right}, the old one "
            f"{self.only_old_right} (exact McNemar test: p = {self.p_value:.2g})",
            f"  escapes may rise by at most {self.escapes_may_rise:.1%} of {self.defects} defective parts "
            "(95 %)",
        ]
        lines += [
            f"  {one.file} ({one.label}): old {one.old}, new {one.new}" for one in self.differing[:_SHOWN]
        ]
        more = len(self.differing) - _SHOWN
        return [*lines, f"  … and {more} more"] if more > 0 else lines


def compare_with(old: BundleModel, new: Decider, folder: Path) -> Against:
    """Both on the photographs of ``folder``, one folder a class; raises InputError where they tell no truth.

    A file beside it with its name and `.csv`, as `edge --export-review` writes it, says which photographs are
    of one part; without it each is a part of its own.
    """
    manifest = old.bundle.manifest
    former = Decider(old, manifest.thresholds)
    layout = read_photographs(folder)
    known = [one for one in tell_truths(layout, new.spec) if one.label is not None]
    if not known:
        raise InputError(f"--on {folder}: tells no truth of any photograph; expected one folder a class")
    groups = _groups(folder.with_name(f"{folder.name}.csv"))
    by_part: dict[str, list[tuple[Labelled, Labelled]]] = defaultdict(list)
    differing = []
    for one in known:
        file = name_below(layout.root, one.path)
        pair = (
            former.decide(one.path, str(one.label), manifest.input.bits),
            new.decide(one.path, str(one.label), new.spec.input.bits),
        )
        by_part[groups.get(file, file)].append(pair)
        if pair[0].verdict != pair[1].verdict:
            differing.append(Difference(file, str(one.label), pair[0].verdict, pair[1].verdict))
    parts = [_Part.of(pairs, former.spec, new.spec) for pairs in by_part.values()]
    return Against(
        old.bundle.sha256,
        parts=len(parts),
        defects=sum(part.is_defect for part in parts),
        old_right=sum(part.old_right for part in parts),
        new_right=sum(part.new_right for part in parts),
        only_old_right=sum(part.old_right and not part.new_right for part in parts),
        only_new_right=sum(part.new_right and not part.old_right for part in parts),
        only_old_escapes=sum(part.old_escapes and not part.new_escapes for part in parts),
        only_new_escapes=sum(part.new_escapes and not part.old_escapes for part in parts),
        differing=differing,
    )


@dataclass(frozen=True)
class _Part:
    is_defect: bool
    old_right: bool
    new_right: bool
    old_escapes: bool
    new_escapes: bool

    @classmethod
    def of(cls, pairs: list[tuple[Labelled, Labelled]], old: ModelSpec, new: ModelSpec) -> "_Part":
        is_defect = any(one.label != new.ok_class for one, _ in pairs)
        return cls(
            is_defect,
            all(_is_right(one, old) for one, _ in pairs),
            all(_is_right(one, new) for _, one in pairs),
            is_defect and any(one.verdict == Verdict.OK for one, _ in pairs if one.label != new.ok_class),
            is_defect and any(one.verdict == Verdict.OK for _, one in pairs if one.label != new.ok_class),
        )


def _is_right(one: Labelled, spec: ModelSpec) -> bool:
    return is_right(one, task=spec.task, classes=spec.classes, ok_class=spec.ok_class)


def _groups(file: Path) -> dict[str, str]:
    return {row["file"]: row["group"] for row in read_rows(file, {"file", "group"})} if file.is_file() else {}


def _upper(successes: int, trials: int) -> float:
    """The one-sided upper bound of a share (Clopper and Pearson 1934, Biometrika 26)."""
    from scipy.stats import beta

    if successes >= trials:
        return 1.0
    return float(beta.ppf(1 - _DOUBT, successes + 1, trials - successes))
