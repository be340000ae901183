"""Forbidden things are not in the product's code; and the threat model names tests that are there."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.audit_packages import judge

ROOT = Path(__file__).parents[1]
PRODUCT = sorted(path for part in ("edge", "trainer", "quantize") for path in (ROOT / part).rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "pty"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"}
FORBIDDEN_ARGUMENTS = {("shell", True), ("allow_pickle", True), ("safe_mode", False), ("weights_only", False)}
FORBIDDEN_NAMES = {
    "CERT_NONE",
    "CERT_OPTIONAL",
    "check_hostname",
    "tls_insecure_set",
    "_create_unverified_context",
}
# Who may start another program: Python itself, with a module of ours.
MAY_START_PROGRAMS = {"quantize/bench.py", "edge/core/graph_trial.py", "edge/cli/demo.py"}
# Who may read pickles: with an unpickler that knows four names, of a file whose SHA-256 is pinned.
MAY_UNPICKLE = {"trainer/backbones/torch_file.py"}
OPENS_BUNDLES = {"load_model", "read_bundle", "decode_bundle"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text("utf-8")))


def imported(node: ast.AST) -> set[str]:
    """The top modules that an import names."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {node.module.split(".")[0]} if isinstance(node, ast.ImportFrom) and node.module else set()


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_no_pickle_no_shell_no_eval_and_no_unverified_tls(path: Path) -> None:
    for node in nodes(path):
        modules = imported(node)
        allowed = {"pickle"} if name_of(path) in MAY_UNPICKLE else set()
        assert not modules & FORBIDDEN_MODULES - allowed
        assert "subprocess" not in modules or name_of(path) in MAY_START_PROGRAMS
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in FORBIDDEN_CALLS
            given = {
                (word.arg, word.value.value) for word in node.keywords if isinstance(word.value, ast.Constant)
            }
            assert not given & FORBIDDEN_ARGUMENTS
        if isinstance(node, ast.Attribute):
            assert node.attr not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", [path for path in PRODUCT if name_of(path).startswith("edge/")], ids=name_of)
def test_a_device_opens_no_bundle_without_asking_who_signed_it(path: Path) -> None:
    for node in nodes(path):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in OPENS_BUNDLES:
            assert "trusted_keys" in {word.arg for word in node.keywords}


def test_the_rules_of_ruff_against_the_same_are_on() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in rules["select"]
    assert [rule for rule in rules["ignore"] if re.fullmatch(r"S\d*", rule)] == []
    lenient = {files for files, ignored in rules["per-file-ignores"].items() if {"S"} & set(ignored)}
    assert lenient == {"tests/**", "testing/**", "benchmarks/**"}


def test_every_test_that_the_threat_model_names_is_there() -> None:
    text = (ROOT / "docs" / "guides" / "security.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 20
    for file, function in named:
        functions = {node.name for node in nodes(ROOT / file) if isinstance(node, ast.FunctionDef)}
        assert not function or function in functions, f"{file}::{function}"
    shortened = set(re.findall(r"`::(\w+)`", text))
    everywhere = {
        node.name for path in (ROOT / "tests").rglob("test_*.py") for node in nodes(path)
        if isinstance(node, ast.FunctionDef)
    }  # fmt: skip
    assert shortened <= everywhere


def test_an_audit_that_could_look_nothing_up_is_no_good_news() -> None:
    unknown = {"name": "a", "version": "1", "skip_reason": "not found"}
    clean = {"name": "b", "version": "2", "vulns": []}
    weak = {"name": "c", "version": "3", "vulns": [{"id": "CVE-1", "fix_versions": ["4"]}]}
    for nothing in ([], [unknown]):
        status, text = judge(nothing)
        assert (status, "SKIPPED" in text) == (0, True)
    assert judge([unknown, clean]) == (0, "audit: 1 packages looked up, 1 unknown, 0 weaknesses")
    status, text = judge([clean, weak])
    assert status == 1
    assert "c 3: CVE-1; fixed in 4" in text
