"""What of a backup is not as expected: a pure comparison."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..backup import Backup
from ..catalogue import NamedError
from ..declared.mistakes import quoted, shown
from ..doubles import Call
from ..explain import command, ending
from ..script_run import ScriptRun
from .expect_table import NO_ERROR
from .expectation import (
    ErrorGiven,
    Expectation,
    ExpectedCalls,
    ExpectedFile,
    ExpectedReport,
    ExpectedRun,
)

_CALLS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as it was found.

    Args:
        exists: whether there is something at its path.
        text: its content, where it was asked for.
        mode: permission bits, where they were asked for.
        owner: name or number, where it was asked for.
        problem: why it could not be read, or empty.
    """

    exists: bool
    text: str = ""
    mode: int | None = None
    owner: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of the last backup of a case, and of its VM.

    Args:
        backup: the backup.
        calls: the calls of each command double, all backups together.
        recovery_point: files of the recovery point that something is expected of; None: there is no
            recovery point.
        files: files of the VM that something is expected of.
        findings: the kinds of all that was found, allowed or not.
        frozen_by_scripts: what scripts had frozen at the snapshot; None if it came not to that.
        units: the state of units at the snapshot; None if it came not to that.
        not_held: what is wrong with what is held at the snapshot, by name, in words; empty if the
            thing was held.
    """

    backup: Backup
    calls: Mapping[str, Sequence[Call]] = field(default_factory=dict)
    recovery_point: Mapping[str, SeenFile] | None = None
    files: Mapping[str, SeenFile] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    frozen_by_scripts: tuple[str, ...] | None = None
    units: Mapping[str, str | None] | None = None
    not_held: Mapping[str, str] = field(default_factory=dict)


Told = Iterator[tuple[str, str]]
"""Names of expectations that were not met, each with what there is instead."""


def mismatches(expect: Expectation, seen: Seen) -> Told:
    """All that is not as expected.

    Args:
        expect: what is expected.
        seen: what was seen.

    Yields:
        The name of an expectation, and what was expected and what is.
    """
    backup = seen.backup
    yield from _value("status", expect.status, backup.status.value)
    yield from _value("consistency", expect.consistency, backup.consistency.value)
    yield from _errors(expect, backup)
    if expect.decided_by is not None:
        for told in expect.decided_by.mismatches(backup.decided_by):
            yield "decided_by", told
    yield from _run("pre", expect.pre, backup.pre)
    yield from _run("post", expect.post, backup.post)
    for name, calls in expect.calls.items():
        yield from _calls(f"calls.{quoted(name)}", calls, seen.calls[name])
    yield from _held(expect, seen)
    for path, file in expect.recovery_point.items():
        name = f"recovery_point.{quoted(path)}"
        if seen.recovery_point is None:
            yield name, f"expected {_told(file)}, but there is no recovery point"
        else:
            yield from _file(name, file, seen.recovery_point[path])
    for path, file in expect.files.items():
        yield from _file(f"files.{quoted(path)}", file, seen.files[path])
    yield from _list("frozen", expect.frozen, backup.frozen or ())
    yield from _set("findings", expect.findings, seen.findings)
    differences = [difference.rule for difference in backup.differences]
    yield from _set("differences", expect.differences, differences)
    yield from _report(expect.extension, backup)


def _value(name: str, expected: object, got: object) -> Told:
    if expected is not None and expected != got:
        yield name, f"expected {shown(expected)}, got {_none_or(got)}"


def _none_or(got: object) -> str:
    return "none" if got is None else shown(got)


def _list(name: str, expected: Sequence[str] | None, got: Sequence[str]) -> Told:
    if expected is not None and list(expected) != list(got):
        yield name, f"expected {shown(list(expected))}, got {shown(list(got))}"


def _set(name: str, expected: Sequence[str] | None, got: Iterable[str]) -> Told:
    found = sorted(set(got))
    if expected is not None and sorted(expected) != found:
        yield name, f"expected {shown(list(expected))}, got {shown(found)}"


# -- errors ----------------------------------------------------------------------------------------


def _errors(expect: Expectation, backup: Backup) -> Told:
    if expect.error == NO_ERROR:
        if backup.errors:
            yield "error", f"expected no error, got {_named(backup.errors)}"
    elif expect.error is not None and not any(_is(expect.error, e) for e in backup.errors):
        yield "error", f"expected {expect.error}, got {_named(backup.errors)}"
    yield from _exactly("errors", expect.errors, backup.errors)
    yield from _exactly("unreported", expect.unreported, backup.unreported)


def _exactly(name: str, expected: Sequence[ErrorGiven] | None, got: Sequence[NamedError]) -> Told:
    if expected is None:
        return
    same = len(expected) == len(got)
    if not same or not all(_is(one, other) for one, other in zip(expected, got, strict=True)):
        wanted = ", ".join(map(str, expected)) or "no error"
        yield name, f"expected {wanted}, got {_named(got)}"


def _is(expected: ErrorGiven, error: NamedError) -> bool:
    return expected in (error.name, error.code)


def _named(errors: Sequence[NamedError]) -> str:
    return ", ".join(f"{error.name} ({error.code})" for error in errors) or "none"


# -- scripts, calls --------------------------------------------------------------------------------


def _run(name: str, expect: ExpectedRun, run: ScriptRun | None) -> Told:
    if run is None:
        for key in ("attempts", "exit_status", "signal", "timed_out", "stdout", "stderr"):
            if getattr(expect, key) is not None:
                yield f"{name}.{key}", f"the {name}-script was not started"
        if expect.run:
            yield f"{name}.run", f"expected the {name}-script to be started, and it was not"
        return
    if expect.run is False:
        how = ending(run.last)
        yield f"{name}.run", f"expected the {name}-script not to be started, and it was: {how}"
        return
    yield from _value(f"{name}.attempts", expect.attempts, run.attempt_count)
    for key in ("exit_status", "signal", "timed_out"):
        expected, got = getattr(expect, key), getattr(run.last, key)
        if expected is not None and expected != got:
            yield f"{name}.{key}", f"expected {shown(expected)}, got {ending(run.last)}"
    for key in ("stdout", "stderr"):
        if (text := getattr(expect, key)) is not None:
            for told in text.mismatches(getattr(run.last, key)):
                yield f"{name}.{key}", told


def _calls(name: str, expect: ExpectedCalls, calls: Sequence[Call]) -> Told:
    if expect.calls is None:
        if len(calls) != expect.count:
            yield name, f"expected {_count(expect.count or 0)}, got {len(calls)}{_each(calls)}"
        return
    if len(calls) != len(expect.calls):
        expected = _count(len(expect.calls))
        yield name, f"expected {expected}, got {len(calls)}{_each(calls)}"
        return
    for number, (pattern, call) in enumerate(zip(expect.calls, calls, strict=True), 1):
        if not _matches(pattern, call.args):
            wanted = shown(pattern if isinstance(pattern, str) else list(pattern))
            got = shown(list(call.args))
            yield name, f"expected {wanted} as arguments of call {number}, got {got}"


def _matches(pattern: tuple[str, ...] | str, args: Sequence[str]) -> bool:
    if isinstance(pattern, str):
        return fnmatch.fnmatchcase(" ".join(args), pattern)
    return len(pattern) == len(args) and all(map(fnmatch.fnmatchcase, args, pattern))


def _count(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _each(calls: Sequence[Call]) -> str:
    rows = [f"\n  {command(call.argv)}" for call in calls[:_CALLS_SHOWN]]
    more = len(calls) - _CALLS_SHOWN
    return "".join((*rows, f"\n  [{more} more]" if more > 0 else ""))


# -- the moment of the snapshot --------------------------------------------------------------------


def _held(expect: Expectation, seen: Seen) -> Told:
    held = expect.held
    for name in ("mysql", "postgresql"):
        expected = getattr(held, name)
        if expected is True and seen.not_held[name]:
            yield f"held.{name}", seen.not_held[name]
        elif expected is False and not seen.not_held[name]:
            yield f"held.{name}", "expected nothing to be held at the snapshot, and it was"
    if held.fsfreeze is not None:
        name = "held.fsfreeze"
        if seen.frozen_by_scripts is None:
            yield name, f"expected {shown(list(held.fsfreeze))}, but it came not to a snapshot"
        else:
            yield from _set(name, held.fsfreeze, seen.frozen_by_scripts)
    for unit, state in held.systemctl.items():
        name = f"held.systemctl.{quoted(unit)}"
        if seen.units is None:
            yield name, f"expected {shown(state)}, but it came not to a snapshot"
        elif seen.units[unit] is None:
            yield name, f"expected {shown(state)}, but there is no such unit"
        elif seen.units[unit] != state:
            yield name, f"expected {shown(state)} at the snapshot, got {shown(seen.units[unit])}"


# -- files, report ---------------------------------------------------------------------------------


def _file(name: str, expect: ExpectedFile, got: SeenFile) -> Told:
    if expect.exists != got.exists:
        there = "there is one" if got.exists else "there is no such file"
        yield name, f"expected {_told(expect)}, but {there}"
    if not expect.exists or not got.exists:
        return
    if got.problem:
        yield name, f"expected {_told(expect)}, but it cannot be read: {got.problem}"
    elif expect.text is not None:
        for told in expect.text.mismatches(got.text):
            yield name, told
    if expect.mode is not None and got.mode is not None and expect.mode != got.mode:
        yield f"{name}.mode", f"expected {expect.mode:04o}, got {got.mode:04o}"
    yield from _value(f"{name}.owner", expect.owner, got.owner)


def _told(expect: ExpectedFile) -> str:
    if not expect.exists:
        return "no such file"
    return "a file" if expect.text is None else expect.text.told()


def _report(expect: ExpectedReport, backup: Backup) -> Told:
    report = backup.extension
    yield from _value("extension.precheck", expect.precheck, report.precheck)
    yield from _value("extension.status", expect.status, report.status)
    yield from _value("extension.result", expect.result, report.result)
    yield from _value("extension.error", expect.error, report.error)
    yield from _value("extension.consistency", expect.consistency, report.consistency.value)
