"""Whole scripts: the flawed ones are found out, and over ordinary ones nothing is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_vmsnapshot.lint import LintFinding, ScriptFile, Severity, Step, Subject, lint

from .asking import ALL, CONFIG

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
ORDINARY = sorted((HERE / "ordinary").glob("*.sh"))
GOOD = sorted(
    [
        *EXAMPLES.glob("reported_failures/*/corrected/*.sh"),
        *EXAMPLES.glob("databases/*/good/*.sh"),
        *EXAMPLES.glob("orders/deploy/*.sh"),
        *EXAMPLES.glob("minimal/*.sh"),
    ]
)
has_shellcheck = shutil.which("shellcheck") is not None
needed = pytest.mark.skipif(not has_shellcheck, reason="ShellCheck is not installed")


def found_in(path: Path, *shells: str) -> tuple[LintFinding, ...]:
    step: Step = "both"
    if path.name in ("pre.sh", "post.sh"):
        step = "pre" if path.name == "pre.sh" else "post"
    script = ScriptFile(path, path.read_bytes(), f"/opt/{path.name}", step)
    found = lint(Subject(Path("c.json"), CONFIG, (script,), shells or ALL))
    return tuple(each for each in found if each.code != "VMS027")


def name(path: Path) -> str:
    return "/".join(path.parts[-3:])


def test_there_are_scripts() -> None:
    assert len(ORDINARY) >= 15
    assert len(GOOD) >= 20


@pytest.mark.parametrize("path", [*ORDINARY, *GOOD], ids=name)
def test_nothing_is_said_over_good_scripts(path: Path) -> None:
    found = found_in(path, *ALL, "ksh", "mksh", "yash")
    assert [str(each) for each in found if each.severity is not Severity.NOTE] == []


def codes(path: str, *shells: str) -> set[str]:
    return {each.code for each in found_in(EXAMPLES / path, *shells)}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("reported_failures/mysql/flawed/pre.sh", {"VMS015"}),
        ("reported_failures/mysql/flawed/post.sh", {"VMS015"}),
        ("reported_failures/postgresql/flawed/pre.sh", {"VMS015"}),
        ("reported_failures/postgresql/flawed/post.sh", {"VMS015"}),
        ("reported_failures/cache/flawed/post.sh", {"VMS001"}),
        ("databases/mariadb/flawed/pre.sh", {"VMS015"}),
        ("databases/postgresql/flawed/pre.sh", {"VMS015"}),
        ("databases/sqlite/flawed/pre.sh", {"VMS015"}),
    ],
)
def test_flaws_are_found(path: str, expected: set[str]) -> None:
    assert codes(path) == expected


@needed
def test_a_test_that_cannot_be_parsed_is_found() -> None:
    assert codes("reported_failures/cache/flawed/pre.sh") == {"VMS001", "SC1072", "SC1073"}


@needed
def test_bash_is_wrong_on_debian_alone() -> None:
    oracle = "reported_failures/oracle/flawed/script.sh"
    compose = "reported_failures/compose/flawed/snapshot-hook.sh"
    assert codes(oracle, "debian") == {"VMS006", "SC2113", "SC3030", "SC3054"}
    assert codes(compose, "debian") == {"VMS006", "VMS018", "SC3030", "SC3047", "SC3054"}
    assert codes(oracle, "rhel") == set()
    assert codes(compose, "rhel") == set()


def test_bash_is_told_without_shellcheck_too(without_shellcheck: Path) -> None:
    assert codes("reported_failures/oracle/flawed/script.sh", "debian") == {"VMS006"}
    assert codes("reported_failures/compose/flawed/snapshot-hook.sh", "debian") == {
        "VMS006",
        "VMS018",
    }
