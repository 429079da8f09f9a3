"""From what a log says of a backup to a case of a scenario file that expects the same."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..backup import Consistency
from ..shells import DISTRIBUTIONS
from . import toml_text
from .backups import Ending, FreezeEnding, LoggedBackup, LoggedScript, SnapshotEnding
from .case_files import CaseFile, CaseFiles, Given, differences_of

_FREEZE_FAULTS: Mapping[FreezeEnding, str] = MappingProxyType(
    {
        FreezeEnding.FAILED: "fail",
        FreezeEnding.LOCK_HELD: "lock_held",
        FreezeEnding.TIMED_OUT: "timeout",
        FreezeEnding.NOT_OPENED: "open_failed",
        FreezeEnding.THAWED_EARLY: "late_thaw",
        FreezeEnding.THAW_FAILED: "thaw_fail",
        FreezeEnding.SLEEP_UNABLE: "sleep_unable",
    }
)
_SNAPSHOT_FAULTS: Mapping[SnapshotEnding, str] = MappingProxyType(
    {SnapshotEnding.ALL_FAILED: "all_failed", SnapshotEnding.SOME_FAILED: "some_failed"}
)

_OF_THE_SERVICE: Mapping[int, str] = MappingProxyType(
    {
        85: "the limit of snapshots was reached",
        173: "the service was asked too often",
        402: "the command was too old when the extension came to it",
        556: "the host's service was down",
        761: "the host could not be reached, and the extension asked the storage itself",
    }
)
"""Codes for what happens outside of a VM, by which it cannot be reproduced in one."""

_RULES_DIFFER = "ignore::pytest_vmsnapshot.RulesDiffer"
"""The shipped rules are meant."""

_MOST_SIGNAL = 64

_NOT_FOUND = 127
"""How a shell ends that does not find a command."""

_USUAL_ORDER = ("/data", "/")
"""What a VM freezes unless its mounts are given."""


@dataclass(frozen=True, slots=True)
class WrittenCase:
    """A case of a scenario file.

    Args:
        name: of the case.
        table: its keys.
        stand_ins: what in it is no fact of the log, each a sentence.
        not_known: what the log does not say, each a sentence.
        differences: where the files that were given differ from the log, each a sentence.
        impossible: why it cannot be reproduced on a VM, or nothing.
    """

    name: str
    table: Mapping[str, object]
    stand_ins: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    impossible: str = ""


def cases_of(
    backups: Sequence[LoggedBackup], given: Given | None = None
) -> tuple[WrittenCase, ...]:
    """Write a case for each backup, with a name of its own.

    Args:
        backups: what the log says.
        given: the author's own config and scripts; None for stand-ins.
    """
    seen = Counter[str]()
    cases = []
    for backup in backups:
        seen[backup.name] += 1
        count = seen[backup.name]
        cases.append(
            case_of(backup, given, backup.name if count == 1 else f"{backup.name}-{count}")
        )
    return tuple(cases)


def case_of(backup: LoggedBackup, given: Given | None = None, name: str = "") -> WrittenCase:
    """Write a case by which the same happens on a VM of the harness.

    Args:
        backup: what the log says.
        given: the author's own config and scripts; None for stand-ins.
        name: how it is called; by default as the backup is.
    """
    name = name or backup.name
    files = CaseFiles(backup, given)
    table: dict[str, object] = {
        "name": name,
        "description": _description(backup),
        "filterwarnings": [_RULES_DIFFER],
        "vm": _vm(backup, given),
    }
    if faults := _faults(backup):
        table["faults"] = faults
    if files.run:
        table["run"] = files.run
    if files.files:
        table["files"] = {file.path: _file(file, given) for file in files.files.values()}
    table["expect"] = _expect(backup)
    return WrittenCase(
        name,
        MappingProxyType(table),
        (*files.notes, *_stand_ins(backup)),
        backup.not_known,
        tuple(_differences(backup, given)),
        _impossible(backup) or ("" if table["expect"] else "the log does not say what came of it"),
    )


def scenario_text(cases: Sequence[WrittenCase], source: str) -> str:
    """The text of a scenario file.

    Args:
        cases: at least one.
        source: what they were read from, for its first line.
    """
    lines = [f"# What {_one_line(source)} says of {_count(len(cases))}."]
    for case in cases:
        about = f"{case.name}: " if len(cases) > 1 else ""
        unknown = [f"not known: {gap}" for gap in case.not_known]
        remarks = (*case.stand_ins, *unknown, *case.differences)
        lines += [f"# {about}{_one_line(remark)}" for remark in remarks]
    if len(cases) == 1:
        return "\n".join(lines) + "\n\n" + toml_text.document(cases[0].table)
    return "\n".join(lines) + "\n" + toml_text.document({"case": [dict(c.table) for c in cases]})


def _count(number: int) -> str:
    return "one backup" if number == 1 else f"{number} backups"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


# -- the parts of a case -----------------------------------------------------------------------


def _description(backup: LoggedBackup) -> str:
    stretch = backup.stretch
    where = stretch.first if stretch.first == stretch.last else f"{stretch.first} to {stretch.last}"
    return f"{where}: {became(backup)}"


def became(backup: LoggedBackup) -> str:
    """What became of a backup, in a few words.

    Args:
        backup: what the log says.
    """
    report = backup.report
    if report is None:
        return "the log does not say what became of it"
    consistency = backup.consistency
    worth = f"{consistency.value}-consistent" if consistency else "success"
    if report.true_status != "success" or (consistency and consistency.value == "none"):
        worth = "failed"
    error = report.code if report.error is None else report.error
    return worth if error in (0, 1) else f"{worth}, code {error}"


def _vm(backup: LoggedBackup, given: Given | None) -> dict[str, object]:
    settings: dict[str, object] = {"rules": "shipped"}
    if given is not None and (shell := given.shell or shell_of(backup.distribution)):
        settings["shell"] = shell
    platform = backup.platform
    if platform is not None:
        if platform.disks is not None:  # a list without any disk falls back as little as one of two
            settings["disks"] = platform.disks or 2
        settings["platform"] = {
            "isManagedVm": _known(platform.managed),
            "canTakeCrashConsistentSnapshot": _known(platform.crash_consistent),
            "backupRetryCount": _known(platform.retry_count),
        }
    elif _failed_before_all(backup):
        settings["platform"] = {
            "isManagedVm": True,
            "canTakeCrashConsistentSnapshot": True,
            "backupRetryCount": "1",
        }
    if (mounts := _mounts(backup)) is not None:
        settings["mounts"] = mounts
    if allowed := list(_allowed(backup)):
        settings["allow"] = allowed
    return settings


def _allowed(backup: LoggedBackup) -> Iterator[str]:
    """Findings that follow from what the log says."""
    runs = (*backup.pre, *backup.post)
    if any(run.ending in (Ending.TIMED_OUT, Ending.GIVEN_UP) for run in runs):
        yield "processes"  # what times out runs on
    if any(run.exit_status == _NOT_FOUND for run in runs):
        yield "missing-command"


def shell_of(distribution: str) -> str:
    """Whose ``/bin/sh`` runs the scripts of a distribution; empty where that is not known.

    Args:
        distribution: as the extension calls it.
    """
    name = distribution.lower().strip()
    if name.startswith(("redhat", "red hat")):
        return "rhel"
    return next((known for known in DISTRIBUTIONS if name.startswith(known)), "")


def _known(value: object) -> object:
    """A value that TOML has."""
    if value is None:
        return False
    return value if isinstance(value, bool | int | float | str) else str(value)


def _failed_before_all(backup: LoggedBackup) -> bool:
    """Whether the extension failed before it had looked at anything."""
    nothing = backup.host is None and not backup.plugins and not backup.pre
    return bool(backup.failure) and backup.stretch.starts and nothing


def _mounts(backup: LoggedBackup) -> list[list[str]] | None:
    """What is mounted, in the order in which it was; None for what is usual."""
    order = backup.freeze.order
    if order is None or (order == _USUAL_ORDER and not backup.freeze.skipped):
        return None
    places = [*reversed(backup.freeze.skipped), *reversed(order)]
    root = ["/"] if "/" in places else []
    rows = [*root, *(place for place in places if place != "/")]
    if not rows:
        return [["sda1", "part", "vfat", "/"]]  # nothing that can be frozen
    return [[f"sd{_letters(index)}1", "part", "ext4", place] for index, place in enumerate(rows)]


def _letters(index: int) -> str:
    """The letters of a disk: a to z, then aa and so on."""
    first, last = divmod(index, 26)
    return (_letters(first - 1) if first else "") + chr(ord("a") + last)


def _faults(backup: LoggedBackup) -> dict[str, object]:
    faults: dict[str, object] = {}
    if backup.freeze.ending in _FREEZE_FAULTS:
        faults["freeze"] = _FREEZE_FAULTS[backup.freeze.ending]
    if backup.snapshot in _SNAPSHOT_FAULTS:
        faults["snapshot"] = _SNAPSHOT_FAULTS[backup.snapshot]
    return faults


def _file(file: CaseFile, given: Given | None) -> dict[str, object]:
    found: dict[str, object] = {"mode": f"{file.mode:04o}"}
    if file.owner != "root":
        found["owner"] = file.owner
    if file.source is not None:
        near = None if given is None else given.near
        found["source"] = str(file.source) if near is None else os.path.relpath(file.source, near)
    else:
        found["content"] = file.content or ""
    return found


# -- what is expected ----------------------------------------------------------------------------


def _expect(backup: LoggedBackup) -> dict[str, object]:
    expected: dict[str, object] = {}
    if backup.report is not None and backup.report.code not in (0, 1):
        expected["consistency"] = Consistency.NONE.value
    elif backup.consistency is not None:
        expected["consistency"] = backup.consistency.value
    if backup.freeze.order:
        expected["frozen"] = list(backup.freeze.order)
    if backup.report is not None:
        numbers = {
            "result": backup.report.code,
            "error": backup.report.error,
            "precheck": backup.precheck,
        }
        expected["extension"] = {
            "status": backup.report.true_status,
            **{name: code for name, code in numbers.items() if code is not None and code >= 0},
        }
    for name, runs in (("pre", backup.pre), ("post", backup.post)):
        if (wanted := _expected_run(backup, runs)) is not None:
            expected[name] = wanted
    return expected


def _expected_run(
    backup: LoggedBackup, runs: Sequence[LoggedScript]
) -> Mapping[str, object] | None:
    if not runs:
        known = backup.report is not None and backup.stretch.starts and backup.precheck != 0
        return {"run": False} if known else None
    last = max(runs, key=lambda run: run.ending is not Ending.OK)
    match last.ending:
        case Ending.NOT_TOLD | Ending.GIVEN_UP:
            return None
        case Ending.TIMED_OUT:
            return {"timed_out": True}
        case _ if last.signal is not None:
            return {"signal": last.signal} if last.signal <= _MOST_SIGNAL else None
        case _:
            return {"exit_status": last.exit_status} if _is_status(last.exit_status) else None


def _is_status(value: int | None) -> bool:
    return value is not None and 0 <= value <= 255


# -- what is no fact of the log ------------------------------------------------------------------


def _stand_ins(backup: LoggedBackup) -> Iterator[str]:
    if _failed_before_all(backup) and backup.platform is None:
        yield (
            "the extension failed before it looked at anything; a value of the platform that it "
            "cannot take stands in"
        )
    if backup.platform is not None and backup.platform.disks == 0:
        yield "the platform's list of disks was empty; two disks stand in"
    codes = (backup.report.code, backup.report.error) if backup.report else ()
    if backup.freeze.ending is FreezeEnding.NOT_TOLD and 2 in codes:
        yield "code 2, and no line says why: the file systems may have thawed too early"


def _differences(backup: LoggedBackup, given: Given | None) -> Iterator[str]:
    if given is None or given.config is None or len(backup.plugins) != 1:
        return
    try:
        keys = json.loads(given.config.read_bytes())
    except (OSError, ValueError) as error:
        if backup.precheck != 305:
            yield f"the config that is given cannot be read, and the real one could: {error}"
        return
    if isinstance(keys, dict):
        host = backup.host
        cap = 1800 if host is None or host.timeout is None else host.timeout
        yield from differences_of(backup.plugins[0], keys, cap)


def _impossible(backup: LoggedBackup) -> str:
    codes = (backup.report.code, backup.report.error) if backup.report else ()
    for code, why in _OF_THE_SERVICE.items():
        if code in codes:
            return f"{why} (code {code}), which no VM here does"
    return "the command was too old when the extension came to it" if backup.too_late else ""
