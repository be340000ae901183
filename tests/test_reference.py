"""The reference is that of the code: what is not generated is compared with it."""

import re
from pathlib import Path
from typing import get_args

import pytest

from benchmarks import commands
from edge.camera.faults import FaultName
from edge.core.bundle.bundle import Manifest
from edge.core.state import State
from edge.outputs.mqtt.asyncapi import channels
from edge.outputs.requests import CommandRequest
from edge.settings.settings import KINDS, Settings, setting_fields
from edge.settings.settings_document import settings_document

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SETTINGS = {key for key, _ in setting_fields()}
STATISTICS = DOCS / "reference" / "statistics.md"
OTHER_NAMES = (STATISTICS, DOCS / "reference" / "files.md")  # of statistics and of files
PROMISES = [
    path for path in sorted(DOCS.glob("*/*.md")) if path.parent.name != "research" and path not in OTHER_NAMES
]


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def rows(text: str, heading: str = "") -> list[list[str]]:
    """The cells of every row of the tables below a heading, without those at their tops."""
    below = text.partition(f"{heading}\n")[2].partition("\n## ")[0] if heading else text
    lines = [line for line in below.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    rules = [number for number, line in enumerate(lines) if re.fullmatch(r"[| -]+", line)]
    tops = {*rules, *(number - 1 for number in rules)}
    return [row for number, row in enumerate(cells) if number not in tops]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_page_of_commands_is_that_of_the_parsers() -> None:
    assert commands.DOCUMENT.read_text("utf-8") == commands.document(), "`make commands` writes it again"


def test_the_settings_file_is_that_of_the_settings() -> None:
    assert (ROOT / "config.toml").read_text("utf-8") == settings_document(), "`make config` writes it again"


@pytest.mark.parametrize("path", PROMISES, ids=lambda path: path.name)
def test_every_setting_that_a_page_names_is_one(path: Path) -> None:
    sections = "|".join(Settings.model_fields)
    named = re.findall(rf"`((?:{sections})\.[a-z_]+)(?:`| =|:)", path.read_text("utf-8"))
    known = {*SETTINGS, *quoted(STATISTICS.read_text("utf-8"))}
    assert [key for key in named if key not in known and not key.startswith("recipes.")] == []


def test_every_topic_is_listed_with_its_schema_and_how_it_is_sent() -> None:
    text = page("reference/mqtt.md").partition("\n## ")[0]
    listed = {}
    for row in rows(text):
        for topic in quoted(row[0]):
            schema = re.search(r"\(schemas/([\w.-]+)\.json\)", " ".join(row))
            assert schema is not None, topic
            sent = (int(row[1]), row[2] == "yes") if row[1].isdecimal() else None
            listed[topic.removeprefix("…/")] = (schema[1], sent)
    expected = {
        channel.name: (
            channel.model.model_fields["schema_"].default
            if "schema_" in channel.model.model_fields
            else f"linegate.{re.sub('command', 'station-command', channel.name)}.v1",
            (channel.qos, channel.retain) if channel.action == "send" else None,
        )
        for channel in channels()
    }
    assert listed == expected


def test_every_state_and_every_command_is_explained() -> None:
    text = page("reference/mqtt.md")
    assert [name for row in rows(text, "## States") for name in quoted(row[0])] == list(get_args(State))
    explained = {name for row in rows(text, "## Commands") for name in quoted(row[0])}
    assert explained == set(get_args(CommandRequest.model_fields["command"].annotation))


def test_every_field_of_the_manifest_is_explained() -> None:
    explained = [
        name for row in rows(page("reference/bundle.md"), "## The manifest") for name in quoted(row[0])
    ]
    assert sorted(explained) == sorted(Manifest.model_fields)


@pytest.mark.parametrize(
    ("section", "name"), [("camera", "guides/cameras.md"), ("trigger", "guides/gate.md")]
)
def test_every_kind_of_camera_and_trigger_is_explained(section: str, name: str) -> None:
    explained = {word.strip('"') for row in rows(page(name)) for word in quoted(row[0])}
    assert set(KINDS[section]) <= explained


def test_every_fault_of_the_camera_is_explained() -> None:
    explained = [row[0] for row in rows(page("guides/cameras.md"), "## Faults")]
    assert sorted(explained) == sorted(get_args(FaultName))


def test_every_file_is_made_or_read_where_the_page_says() -> None:
    listed = [row for row in rows(page("reference/files.md")) if len(row) == 3]
    assert len(listed) > 25
    for row in listed:
        (module,) = quoted(row[2])
        source = (ROOT / module).read_text("utf-8")
        for name in quoted(row[0]):
            literal = re.sub(r"^.*(?:TIME-ID|/golden/)|^journal\.sqlite(?=.)|TIME$|/$|000\.png$", "", name)
            words = [word for word in re.split(r"[A-Z_$]+|/", literal) if word.strip("./")]
            assert all(word.removesuffix(".png") in source for word in words), f"{name}: not in {module}"
