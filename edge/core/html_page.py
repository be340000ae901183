"""HTML pages that are one file: their frame and style, and pieces of them, with their pictures inside."""

import base64
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.core.errors import InputError
from edge.core.files import write_whole
from edge.core.foreign_text import in_html
from edge.core.images import Image

INK = "#808890"  # readable on white and on black
GOOD, BAD = "#2a9d8f", "#e0653a"
THUMBNAIL = 160  # pixels of the longer side
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; } h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.warning { border-left: 4px solid #e0653a; padding: .4rem .8rem; background: #e0653a22; }
.headline { font-size: 1.25rem; } small, .small { font-size: .8rem; color: #808890; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start; margin: .5rem 0; }
.row > svg { flex: 1 1 22rem; min-width: 0; max-width: 30rem; height: auto; }
.row > .wide { max-width: 100%; } td:first-child { min-width: 7rem; }
figure { margin: 0; width: 10rem; } figure.pair { width: 20.3rem; max-width: 100%; }
figure img { width: 49%; max-height: 13rem; object-fit: contain; object-position: 0 0; vertical-align: top; }
figure img:only-of-type { width: 100%; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; color: #808890; }
details { margin: .5rem 0; } summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; }
@media (max-width: 56rem) { td.number { white-space: normal; } }
@media (max-width: 30rem) {
  th, td { padding-right: .5rem; font-size: .9rem; } td:first-child { min-width: 6rem; }
}
"""


def write_page(path: Path, title: str, sections: Sequence[str]) -> None:
    """Write the page whole or not at all; raises InputError where it cannot be written."""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{in_html(title)}</title><style>{_STYLE}</style>{''.join(sections)}</html>\n"
    )
    try:
        write_whole(path, page.encode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def section(title: str, *content: str) -> str:
    """A section, or nothing where it has no content."""
    inside = "".join(content)
    return f"<h2>{in_html(title)}</h2>{inside}" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """Plain text; ``kind``: a class of the style."""
    return f'<p class="{kind}">{in_html(text)}</p>' if kind else f"<p>{in_html(text)}</p>"


def row(content: Sequence[str]) -> str:
    """Pictures or drawings beside each other."""
    return f'<div class="row">{"".join(content)}</div>' if content else ""


def folded(title: str, content: str) -> str:
    """A section that only some want to see."""
    return f"<details><summary>{in_html(title)}</summary>{content}</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A table of plain text whose first ``words`` columns are words, and the others numbers."""

    def cells(kind: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{kind}>{in_html(value)}</{kind}>"
            if number < words
            else f'<{kind} class="number">{in_html(value)}</{kind}>'
            for number, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', values)}</tr>" for values in rows)
    return f'<div class="wide"><table><tr>{cells("th", head)}</tr>{body}</table></div>'


def captioned(images: Sequence[Image], caption: str) -> str:
    """One or two pictures over their caption."""
    words = in_html(caption)
    pictures = " ".join(
        f'<img src="data:image/jpeg;base64,{_jpeg(image)}" alt="{words}">' for image in images
    )
    kind = ' class="pair"' if len(images) > 1 else ""
    return f"<figure{kind}>{pictures}<figcaption>{words}</figcaption></figure>"


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None else f"{value:.2%}"


def small(image: Image) -> Image:
    """A copy whose longer side is THUMBNAIL pixels."""
    height, width = image.shape[:2]
    scale = THUMBNAIL / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rule = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=rule), np.uint8)


def _jpeg(image: Image) -> str:
    ordered = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return base64.b64encode(data.tobytes()).decode()
