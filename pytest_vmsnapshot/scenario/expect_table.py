"""Reading ``[expect]``: from TOML to what is expected."""

from __future__ import annotations

import difflib
from typing import Any

from ..backup import Consistency, Status
from ..catalogue import CATALOGUE, NAMES
from ..declared import Table
from ..declared.mistakes import shown
from ..declared.stage import READY_MADE, Stage
from ..declared.table import is_path
from ..engine.rules import RULES
from ..findings import NAMES as FINDINGS
from ..ready_made.systemctl import STATES
from .expectation import (
    ErrorGiven,
    Expectation,
    ExpectedCalls,
    ExpectedFile,
    ExpectedHeld,
    ExpectedReport,
    ExpectedRun,
)
from .expected_text import ExpectedText, read_text, text_of

NO_ERROR = "none"
_CONSISTENCIES = tuple(kind.value for kind in Consistency)
_STATUSES = tuple(kind.value for kind in Status)
_CODES = tuple(dict.fromkeys(kind.code for kind in CATALOGUE))
_NOTHING = (
    'say what you expect of the backup: [expect] with consistency = "application", or error = '
    '"Pre-ScriptTimeout", or any other of its keys'
)


def read_expectation(case: Table, stage: Stage) -> Expectation:
    """Read what a case expects; mistakes are taken down in the table.

    Args:
        case: has it under ``expect``.
        stage: what the case has on its VM.
    """
    table = case.table("expect")
    before = case.mistakes.count
    found = Expectation() if table is None else _expectation(table, stage)
    misspelt = table is not None and table.has_unknown_keys
    if found == Expectation() and case.mistakes.count == before and not misspelt:
        case.wrong("expect", _NOTHING)
    return found


def _expectation(table: Table, stage: Stage) -> Expectation:
    return Expectation(
        status=table.choice("status", None, _STATUSES),
        consistency=table.choice("consistency", None, _CONSISTENCIES),
        error=_error(table, "error", table.raw("error"), also=NO_ERROR),
        errors=_errors(table, "errors"),
        unreported=_errors(table, "unreported"),
        decided_by=_part(table, "decided_by"),
        pre=_run(table, "pre"),
        post=_run(table, "post"),
        calls=_calls(table, stage),
        held=_held(table, stage),
        recovery_point=_files(table, "recovery_point"),
        files=_files(table, "files", also_rights=True),
        frozen=_places(table, "frozen"),
        findings=_words(table, "findings", FINDINGS),
        differences=_words(table, "differences", tuple(RULES)),
        extension=_report(table),
        ways={name.removeprefix("expect."): way for name, way in table.ways().items()},
    )


def _part(table: Table, key: str) -> ExpectedText | None:
    """Text of which a part is given."""
    part = table.text(key, None)
    return None if part is None else ExpectedText(contains=(part,))


# -- errors ----------------------------------------------------------------------------------------


def _error(table: Table, key: str, value: object, also: str = "") -> ErrorGiven | None:
    if value is None or (isinstance(value, str) and (value in NAMES or value == also != "")):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in _CODES:
        return value
    near: list[str] = []
    if isinstance(value, str):
        near = difflib.get_close_matches(value, (*NAMES, *filter(None, [also])), 1, 0.5)
    known = ", ".join((*NAMES, *filter(None, [also])))
    wanted = f"is {shown(near[0])} meant?" if near else f"write one of {known}, or its code"
    table.wrong(key, f"{table.name_of(key)} is {shown(value)}; {wanted}")
    return None


def _errors(table: Table, key: str) -> tuple[ErrorGiven, ...] | None:
    value = table.raw(key)
    if value is None:
        return None
    if not isinstance(value, list):
        table.wrong(key, f"{table.name_of(key)} is {shown(value)}; write [{shown(value)}]")
        return None
    found = [_error(table, key, row) for row in value]
    return tuple(error for error in found if error is not None)


# -- scripts ---------------------------------------------------------------------------------------


def _run(table: Table, key: str) -> ExpectedRun:
    inner = table.table(key)
    if inner is None:
        return ExpectedRun()
    found = ExpectedRun(
        run=inner.truth("run", None),
        attempts=inner.whole("attempts", None, 1),
        exit_status=inner.whole("exit_status", None, 0, 255),
        signal=inner.whole("signal", None, 1, 64),
        timed_out=inner.truth("timed_out", None),
        stdout=read_text(inner, "stdout"),
        stderr=read_text(inner, "stderr"),
    )
    if found.run is False and found != ExpectedRun(run=False):
        name = inner.name_of("run")
        inner.wrong("run", f"{name} is false, so nothing else can be expected of it; leave it out")
    return found


# -- calls, what is held ---------------------------------------------------------------------------


def doubled(stage: Stage) -> tuple[str, ...]:
    """Names of the commands whose calls are recorded, and of the ready-made doubles."""
    wanted = stage.ready_made
    there = {
        "mysql": wanted.mysql is not None,
        "postgresql": wanted.postgresql is not None,
        "systemctl": wanted.systemctl is not None,
        "switch_user": wanted.switch_user,
        "fsfreeze": wanted.fsfreeze,
    }
    names = [name for name in READY_MADE if there[name]]
    return tuple(dict.fromkeys([command.name for command in stage.commands] + names))


def _calls(table: Table, stage: Stage) -> dict[str, ExpectedCalls]:
    calls = table.table("calls")
    found = {}
    for name in () if calls is None else calls.names():
        assert calls is not None
        if name not in doubled(stage):
            known = ", ".join(doubled(stage)) or "none"
            calls.wrong(
                name,
                f"{calls.name_of(name)}: the case has no command double of this name, so nobody "
                f"counts its calls; write [commands.{name}]. It has: {known}",
            )
        if (expected := _calls_of(calls, name)) is not None:
            found[name] = expected
    return found


def _calls_of(calls: Table, name: str) -> ExpectedCalls | None:
    if not calls.is_list(name):
        count = calls.whole(name, None, 0) if _is_whole(calls.raw(name)) else None
        if count is None and not _is_whole(calls.raw(name)):
            _calls_wrong(calls, name)
        return None if count is None else ExpectedCalls(count)
    rows = []
    for row in calls.raw(name):
        words = isinstance(row, list) and all(isinstance(word, str) for word in row)
        if not words and not isinstance(row, str):
            _calls_wrong(calls, name)
            return None
        rows.append(row if isinstance(row, str) else tuple(row))
    return ExpectedCalls(None, tuple(rows))


def _calls_wrong(calls: Table, name: str) -> None:
    calls.wrong(
        name,
        f"{calls.name_of(name)} is {shown(calls.raw(name))}; write how many, or a list of the "
        'arguments of each call, such as [["-e", "FLUSH *"]]',
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _held(table: Table, stage: Stage) -> ExpectedHeld:
    held = table.table("held")
    if held is None:
        return ExpectedHeld()
    units = held.table("systemctl")
    found = ExpectedHeld(
        mysql=held.truth("mysql", None),
        postgresql=held.truth("postgresql", None),
        fsfreeze=_places(held, "fsfreeze"),
        systemctl={name: units.choice(name, "active", STATES) for name in units.names()}
        if units is not None
        else {},
    )
    there = set(doubled(stage)) - {command.name for command in stage.commands}
    for name in ("mysql", "postgresql", "fsfreeze", "systemctl"):
        if held.has(name) and name not in there:
            wanted = f"write {name} = {{}} below [ready_made]"
            held.wrong(name, f"{held.name_of(name)}: nobody knows what is held; {wanted}")
    return found


# -- files, lists, report --------------------------------------------------------------------------


def _files(table: Table, key: str, *, also_rights: bool = False) -> dict[str, ExpectedFile]:
    files = table.table(key)
    found = {}
    for path in () if files is None else files.names():
        assert files is not None
        if not is_path(path):
            told = f"{files.label} has the key {path!r}; write an absolute path on the VM"
            files.wrong(path, told)
        found[path] = _file(files, path, also_rights=also_rights)
    return found


def _file(files: Table, path: str, *, also_rights: bool) -> ExpectedFile:
    if not files.is_table(path):
        return ExpectedFile(text=read_text(files, path))
    entry = files.table(path)
    assert entry is not None
    owner: str | int | None = None
    mode: int | None = None
    if also_rights:
        owner, mode = entry.owner("owner", None), entry.mode("mode", None)
    content = entry.text("content", None)
    text = text_of(entry) if content is None else ExpectedText(content)
    exists = entry.truth("exists", default=True)
    found = ExpectedFile(exists, text, mode, None if owner is None else str(owner))
    if content is not None and text_of(entry) is not None:
        files.wrong(path, f"{files.name_of(path)} has content; leave contains and matches out")
    if not exists and found != ExpectedFile(exists=False):
        wanted = "so nothing else can be expected of it; leave it out"
        entry.wrong("exists", f"{entry.name_of('exists')} is false, {wanted}")
    return found


def _places(table: Table, key: str) -> tuple[str, ...] | None:
    found = table.texts(key, None)
    if found is None or all(is_path(place) for place in found):
        return found
    wanted = "write a list of absolute paths on the VM"
    table.wrong(key, f"{table.name_of(key)} is {shown(list(found))}; {wanted}")
    return None


def _words(table: Table, key: str, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Words of a list that may be empty."""
    return () if table.raw(key) == [] else table.choices(key, None, names)


def _report(table: Table) -> ExpectedReport:
    report = table.table("extension")
    if report is None:
        return ExpectedReport()
    return ExpectedReport(
        precheck=report.whole("precheck", None, 0),
        status=report.choice("status", None, ("success", "error")),
        result=report.whole("result", None, 0),
        error=report.whole("error", None, 0),
        consistency=report.choice("consistency", None, _CONSISTENCIES),
    )
