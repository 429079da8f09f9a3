"""Running what a log tells of again, on VMs of the harness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..declared.toml_file import TomlFile
from ..errors import CommandFailed, ShellMissing, UsageError
from ..scenario.case import Case
from ..scenario.case import cases_of as read_cases
from ..scenario.run import CaseResult, run_alone
from .as_scenario import WrittenCase, cases_of, scenario_text
from .backups import LoggedBackup
from .comparison import Compared, Outcome, compare, outcome

if TYPE_CHECKING:
    from ..backup import Backup
    from .case_files import Given
    from .logged import Logged

Runner = Callable[[Sequence[Case]], Iterator[CaseResult]]
"""Runs cases, each on a fresh VM, and gives what came of them in order."""

_ALONE = "reproduced.vmsnapshot.toml"
"""How a scenario file is called that is not kept."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What became of one backup of a log.

    Args:
        logged: what the log says of it.
        case: the case that was written.
        outcome: whether the same happened.
        fields: both compared; nothing where it was not run.
        backup: what happened on the VM; None where it was not run.
        mismatches: what of the case's expectations was not met, each a sentence.
        why: why it was not run, or nothing.
    """

    logged: LoggedBackup
    case: WrittenCase
    outcome: Outcome
    fields: tuple[Compared, ...] = ()
    backup: Backup | None = None
    mismatches: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The scenario file of a log.

    Args:
        cases: its cases, one for each backup.
        text: its content; empty where no backup can be expressed.
    """

    cases: tuple[WrittenCase, ...]
    text: str


def write(logged: Logged, given: Given | None = None) -> Written:
    """Write a scenario file with a case for each backup that can be expressed.

    Args:
        logged: the log.
        given: the author's own config and scripts; None for stand-ins.
    """
    cases = cases_of(logged.backups, given)
    possible = [case for case in cases if not case.impossible]
    text = scenario_text(possible, ", ".join(logged.files)) if possible else ""
    return Written(cases, text)


def reproduce(
    logged: Logged, written: Written, path: Path | None = None, run: Runner = run_alone
) -> Iterator[Reproduction]:
    """Run every case, and compare.

    Args:
        logged: the log.
        written: what was written of it.
        path: where that lies, or will; relative paths in it start there.
        run: runs cases, one after the other.

    Yields:
        What became of each backup, in the order of the log.

    Raises:
        DeclarationError: the scenario file is not right, which is a mistake of the harness.
        GuestUnavailable: no VM can be made here.
    """
    cases = read_cases(TomlFile(path or Path.cwd() / _ALONE, written.text)) if written.text else ()
    results = _results(cases, run)
    for backup, case in zip(logged.backups, written.cases, strict=True):
        result = case.impossible or next(results)
        if isinstance(result, str):
            yield Reproduction(backup, case, Outcome.NOT_RUN, why=result)
            continue
        fields = compare(backup, result.backups[-1])
        yield Reproduction(
            backup,
            case,
            outcome(backup, fields),
            fields,
            result.backups[-1],
            tuple(f"{one.name}: {one.text}" for one in result.mismatches),
        )


def _results(cases: Sequence[Case], run: Runner) -> Iterator[CaseResult | str]:
    """What came of each case, or why it could not be run."""
    done = 0
    while done < len(cases):
        try:
            for result in run(cases[done:]):
                done += 1
                yield result
        except (UsageError, CommandFailed, ShellMissing) as refused:
            done += 1
            yield " ".join(str(refused).split())


def all_reproduced(found: Sequence[Reproduction]) -> bool:
    """Whether what happened is what the log says, as far as it does, for every backup.

    Args:
        found: what became of each.
    """
    good = (Outcome.REPRODUCED, Outcome.AS_FAR_AS_TOLD)
    return all(one.outcome in good for one in found)
