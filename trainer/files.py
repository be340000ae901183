"""The account of all files that a command was given."""

from edge.core.photographs.census import Census
from edge.core.photographs.layouts import Layout
from edge.core.photographs.listing import FURTHER_PAGES, LeftOut, unreadable
from trainer.dataset import Dataset


def count_files(layout: Layout, *datasets: Dataset) -> Census:
    """Count the files of a layout from which these data sets were read."""
    used = {photograph.file for dataset in datasets for photograph in dataset.photographs}
    errors = {file: error for dataset in datasets for file, error in dataset.left_out.items()}
    left_out = [*layout.unused]
    left_out += [LeftOut(file, FURTHER_PAGES, pages) for one in datasets for file, pages in one.pages.items()]
    for item in layout.items:
        file = layout.file(item)
        if file in errors:
            left_out.append(unreadable(file, errors[file], item.path))
        elif file not in used:
            left_out.append(LeftOut(file, f"photographs kept for {item.part or 'train'}ing"))
    return Census.of(len(used), left_out)
