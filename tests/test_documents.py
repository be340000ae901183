"""Documents: every link leads somewhere, and the index leads to every page."""

import re
from pathlib import Path

import pytest

from benchmarks.architecture import FOLDER, PICTURES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
FRONT = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
PAGES = sorted(DOCS.rglob("*.md"))
READMES = sorted(
    path for room in ("edge", "quantize", "trainer") for path in ROOT.glob(f"{room}/**/README.md")
)
LINK = re.compile(r"\]\((?!https?://)([^)\s]*)\)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links_of(path: Path) -> list[tuple[Path, str]]:
    """The file that each link names, and the heading in it, which may be empty."""
    links = [target.partition("#") for target in LINK.findall(path.read_text("utf-8"))]
    return [((path.parent / file).resolve() if file else path, heading) for file, _, heading in links]


def anchors_of(path: Path) -> set[str]:
    """The headings of a page as GitHub and most other tools name them in links."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [*FRONT, *PAGES, *READMES], ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(path: Path) -> None:
    dead = [
        (name_of(file), heading)
        for file, heading in links_of(path)
        if not file.exists() or (heading and heading not in anchors_of(file))
    ]
    assert dead == []


def test_the_index_leads_to_every_page() -> None:
    listed = {
        file
        for index in (INDEX, DOCS / "decisions" / "README.md", DOCS / "extending.md")
        for file, _ in links_of(index)
    }
    assert [name_of(page) for page in PAGES if page != INDEX and page not in listed] == []


def test_the_front_page_leads_to_the_index() -> None:
    assert INDEX in {file for file, _ in links_of(ROOT / "README.md")}


@pytest.mark.parametrize("path", [*DOCS.glob("guides/*.md"), *DOCS.glob("reference/*.md")], ids=name_of)
def test_a_guide_or_reference_promises_and_leaves_measurements_to_research(path: Path) -> None:
    measured = re.findall(
        r"EPYC|Xeon|\bload \d|Measured by `make|Made by `make|AUROC", path.read_text("utf-8")
    )
    assert measured == []


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_architecture_are_those_of_the_sources(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == PICTURES[name](), "`make architecture` draws it again"


@pytest.mark.parametrize("path", [*FRONT, *PAGES, *READMES], ids=name_of)
def test_every_source_that_a_page_names_is_there(path: Path) -> None:
    rooms = "edge|trainer|quantize|tests|testing|benchmarks|systemd|samples"
    text = path.read_text("utf-8")
    named = re.findall(rf"`((?:{rooms})/[a-z0-9_./-]*)`", text)
    made = re.findall(r"`([^`]+)`, a new file:", text)
    assert [name for name in named if name not in made and not (ROOT / name).exists()] == []
