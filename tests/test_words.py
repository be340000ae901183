"""Code and documents use the field's words: names of before are found nowhere but where they are read."""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_phrases import ROOT, WORDED, name_of

IDENTIFIERS = {
    "Line": "App, or the thing's own name", "GateKeeper": "GateController", "Flight": "TrackedPart",
    "Sighting": "PartContext", "Look": "PartFrame, or the thing's own name", "Announced": "ExternalTrigger",
    "SeenPart": "LineCrossing", "EveryFrame": "FreeRun", "Served": "Deployment",
    "Changer": "DeploymentManager", "Kept": "PersistedSelection", "Trial": "Canary",
    "Trouble": "AlarmLatch", "ALARMS": "Alarm", "Strangeness": "AnomalyTerm", "Normality": "PatchGaussians",
    "Dependence": "HarmfulAugmentation", "Figures": "Metrics", "ForeignGraph": "ExternalModel",
    "tend": "poll", "obey": "process", "deaf": "subscription_error",
    "without_chatter": "native_stderr_filtered",
    "compute_figures": "compute_metrics", "sighting": "context", "keeper": "controller", "flight": "tracked",
}  # fmt: skip
MODULES = (
    "edge/changes", "edge/line", "edge/trouble", "edge/figures", "edge/core/figures", "edge/core/chatter",
    "edge/alarms/trouble", "edge/alarms/surroundings", "edge/deployment/served", "edge/deployment/changer",
    "edge/deployment/trial", "edge/deployment/choice", "edge/gate/gatekeeper", "edge/trigger/announced",
    "edge/trigger/seen", "edge/trigger/every_frame", "edge/station/station", "quantize/foreign",
    "quantize/gate", "quantize/rederive", "trainer/scoring", "trainer/validate", "trainer/dependence",
    "trainer/methods/frozen/look",
)  # fmt: skip
PUBLISHED = {
    r"linegate\.command\.v1": "linegate.gate-command.v1, linegate.station-command.v1",
    r"linegate\.request\.v1": "linegate.station-command.v1",
    r"\bmodel_id\b": "bundle_sha256",
    r"\bcamera\.rate\b": "camera.replay_fps",
    r"(?<!edge\.)\btrigger\.input_(chip|line|edge|debounce_ms)\b": "trigger.chip and so on",
    r'\bcamera\.source( =|")': "camera.kind and its own settings",
}
READ_AS_BEFORE = ("edge/settings/earlier.py", "edge/records/export.py", "docs/decisions/")
"""Where names of before are read, or told of; so do the tests of these."""
ALSO = ("tests/test_words.py", "tests/edge/settings/test_earlier.py", "tests/edge/records/test_export.py")
CODE = [path for path in WORDED if path.suffix == ".py"]
TESTS = [path for path in CODE if name_of(path).startswith(("tests/", "benchmarks/", "testing/"))]
OURS = ("self", "cls")
OF_LIBRARIES = ("_replace", "_asdict", "_fields", "_actions")  # namedtuple; argparse, which has no other way
EXIT = ("os", "_exit")  # the usual way to end a process at once


@cache
def tokens(path: Path) -> list[tokenize.TokenInfo]:
    return [*tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)]


def names(path: Path) -> Iterator[tuple[str, int]]:
    return ((token.string, token.start[0]) for token in tokens(path) if token.type == tokenize.NAME)


def test_no_identifier_is_a_name_of_before() -> None:
    found = [
        f"{name_of(path)}:{line}: {name}; write: {IDENTIFIERS[name]}"
        for path in CODE
        for name, line in names(path)
        if name in IDENTIFIERS
    ]
    assert found == []


@pytest.mark.parametrize("module", MODULES)
def test_no_module_of_before_is_there_or_named(module: str) -> None:
    assert not (ROOT / module).exists()
    assert not (ROOT / f"{module}.py").exists()
    named = re.compile(rf"(?<![\w/.])({re.escape(module)}\.py|{re.escape(module.replace('/', '.'))})(?![\w])")
    found = [
        name_of(path)
        for path in WORDED
        if name_of(path) not in ALSO and named.search(path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_published_name_of_before_is_left_but_where_it_is_read(name: str) -> None:
    schemas = [*(ROOT / "docs" / "reference").rglob("*.json")]
    found = [
        f"{name_of(path)}: {match[0]}; write: {PUBLISHED[name]}"
        for path in [*WORDED, *schemas]
        if not name_of(path).startswith(READ_AS_BEFORE) and name_of(path) not in ALSO
        for match in re.finditer(name, path.read_text("utf-8"))
    ]
    assert found == []


def reaches_into_privates(path: Path) -> Iterator[str]:
    """Each ``other._name`` that is not of the test's own object."""
    meant = [token for token in tokens(path) if token.type not in (tokenize.NL, tokenize.NEWLINE)]
    for before, dot, name in zip(meant, meant[1:], meant[2:], strict=False):
        is_private = re.match(r"_[a-z]", name.string) and name.string not in OF_LIBRARIES
        is_ours = before.string in (*OURS, ")")  # super()._name
        if dot.string == "." and is_private and not is_ours and (before.string, name.string) != EXIT:
            yield f"{name_of(path)}:{name.start[0]}: {before.string}.{name.string}"


def test_no_test_reaches_into_privates() -> None:
    assert [found for path in TESTS for found in reaches_into_privates(path)] == []


def test_no_test_replaces_what_is_private() -> None:
    private = re.compile(r"""setattr\(\s*(?:[\w.]+,\s*["']_[A-Za-z]|["'][\w.]+\._[A-Za-z])""")
    found = [
        f"{name_of(path)}: {match[0]}"
        for path in TESTS
        for match in private.finditer(path.read_text("utf-8"))
        if not match[0].startswith('setattr(os, "_e')
    ]
    assert found == []
