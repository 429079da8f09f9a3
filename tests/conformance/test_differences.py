"""Differences are precise: both rule sets are run, and one is told where they part, and only there.

What the rule sets can part in is the verdict; and, for each script, whether it is stopped at its
limit or runs on, how often it is launched, and which program runs it.
"""

from __future__ import annotations

import re

import pytest

from pytest_vmsnapshot import Backup, ScriptRun, Status, VmFactory

from .vector import Vector, back_up


def verdict(backup: Backup) -> tuple[object, ...]:
    return backup.status, backup.consistency, backup.extension.error


def program(vector: Vector, run: ScriptRun) -> str:
    """What ran a script: the shell, or what its first line names."""
    if run.argv[0] != run.path:
        return "sh"
    contents = {row["path"]: row.get("content", "") for row in vector.facts["files"]}
    first = str(contents.get(run.path, "")).split("\n", 1)[0]
    named = first.removeprefix("#!").split(" ")[-1].rpartition("/")[2]
    return "sh" if named in ("sh", vector.facts["sh"]) else named


def conduct(vector: Vector, run: ScriptRun | None, *, stops: bool) -> tuple[object, ...]:
    if run is None:
        return ("not run",)
    at_limit = ("stopped" if stops else "runs on") if run.timed_out else "ends"
    return at_limit, run.attempt_count, program(vector, run)


def everything(vector: Vector, backup: Backup) -> tuple[object, ...]:
    stops = backup.rules == "documented"
    scripts = [conduct(vector, run, stops=stops) for run in (backup.pre, backup.post)]
    return verdict(backup), *scripts


def check_consequences(here: Backup, there: Backup) -> None:
    """Where a difference says for certain what the backup would be, it is that."""
    for difference in map(str, here.differences):
        if "would be the same" in difference:
            assert verdict(here) == verdict(there), difference
        elif " would fail with " in difference:
            assert there.status is Status.FAILED, difference
            assert f"({there.extension.error})" in difference
        elif "was not seen" not in difference:
            assert f"would be {there.consistency.value}-consistent" in difference
            told = re.findall(r"\((\d+)\)$", difference)
            reported = there.extension.error
            assert told == ([str(reported)] if reported not in (0, 1) else []), difference


@pytest.mark.vm(allow=["processes", "missing-command"])
def test_vector(vector: Vector, vm_factory: VmFactory, request: pytest.FixtureRequest) -> None:
    if vector.changes_owners and not request.getfixturevalue("real_owners"):
        pytest.skip("a command of this vector changes owners: needs root, or subordinate ids")
    documented = back_up(vector, vm_factory, "documented")
    shipped = back_up(vector, vm_factory, "shipped")
    told = [*map(str, documented.differences), *map(str, shipped.differences)]
    if everything(vector, documented) == everything(vector, shipped):
        assert told == [], "both rule sets agree"
    check_consequences(documented, shipped)
    check_consequences(shipped, documented)
    if verdict(documented) != verdict(shipped):
        for backup in (documented, shipped):
            assert backup.differences, f"the {backup.rules} backup tells of no difference"
