"""The words of the page, in the reader's language; a language is a file in languages/."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"
FIRST = "en"
"""Spoken where a reader asks for none of ours."""


class Words:
    """The texts of one language, by "group.name"."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """The text, with values in place of {names}; raises KeyError where there is none."""
        return self.texts[key].format(**values)

    def of(self, group: str, name: str) -> str | None:
        """A text that there may be, such as of an alarm that a later version knows."""
        return self.texts.get(f"{group}.{name}")

    def number(self, value: float | None, digits: int = 2) -> str:
        """A number as it is written here."""
        return "-" if value is None else f"{value:.{digits}f}".replace(".", self.texts["number.point"])

    def per_cent(self, share: float | None, digits: int = 1) -> str:
        """A share in per cent."""
        return "-" if share is None else f"{self.number(share * 100, digits)} %"


@cache
def languages() -> dict[str, Words]:
    """All languages, by the code that browsers use."""
    return {file.stem: Words(file.stem, _read(file)) for file in sorted(FOLDER.glob("*.toml"))}


def choose(chosen: str | None, accepted: str) -> Words:
    """The words of the language that was chosen, else the first that the browser accepts and we have."""
    known = languages()
    if chosen in known:
        return known[chosen]
    for wanted in accepted[:200].split(","):
        code = wanted.partition(";")[0].strip().lower().partition("-")[0]
        if code in known:
            return known[code]
    return known[FIRST]


def _read(file: Path) -> dict[str, str]:
    groups = tomllib.loads(file.read_text("utf-8"))
    return {f"{group}.{name}": text for group, texts in groups.items() for name, text in texts.items()}
