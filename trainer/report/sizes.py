"""Which backbones and sizes were tried before learning, for the report."""

from edge.core.html_page import paragraph, section, table
from trainer.run import Run
from trainer.text import with_interval


def tried_sizes(run: Run) -> str:
    """A section with a row for each; empty where nothing was tried."""
    if not run.tried:
        return ""
    rows = [
        [
            one.backbone,
            f"{one.width} x {one.height}{' with bars' if one.fit == 'letterbox' else ''}",
            with_interval(one.area, 3),
            f"{one.milliseconds:.2f}",
            str(one.kilobytes),
            "chosen" if one.is_chosen else "",
        ]
        for one in sorted(run.tried, key=lambda one: one.milliseconds)
    ]
    head = ["backbone", "pixels", "held-out area under ROC, 95 % interval", "ms", "kB", ""]
    return section(
        "What was tried",
        paragraph(f"Chosen: {run.training.get('chosen', '')}."),
        paragraph(
            "Each was asked about a sample of the photographs, with parts held out in turn. The strongest "
            "backbone at the largest size is taken, which holds on most kinds of parts, unless another is "
            "better beyond chance, or a cheaper one is shown to be as good. "
            "Milliseconds are of one picture in int8 on one thread of this machine, reckoned from "
            "those of one size; kilobytes are without what is learned on top."
        ),
        table(head, rows),
    )
