"""Text that strangers wrote - names of files, classes and parts, what a bundle says - where it is shown.

In a terminal, a log or a page raw control characters move the cursor, colour, hide or turn round what stands
there, and HTML or Markdown is taken for ours. Cells of CSV files: see edge.core.csv_cells.
"""

import re
from html import escape

from edge.core.errors import one_line

__all__ = ["in_html", "in_markdown", "one_line", "shown"]

_MARKDOWN = re.compile(r"[\\`|\[\]]")


def shown(text: str) -> str:
    """Lines for people: what cannot be printed in them is spelled out."""
    return "\n".join(map(one_line, text.split("\n")))


def in_html(text: str) -> str:
    """Lines that a page shows as they are, also within an attribute in quotes."""
    return escape(shown(text))


def in_markdown(text: str) -> str:
    """One line that a Markdown page shows as it is: no HTML, link, code or cell of a table begins in it."""
    return _MARKDOWN.sub(r"\\\g<0>", escape(" ".join(one_line(text).split()), quote=False))
