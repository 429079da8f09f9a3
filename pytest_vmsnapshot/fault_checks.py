"""From what a test writes about faults to ``Faults``; all mistakes of one call are found."""

from __future__ import annotations

import dataclasses
import difflib
import enum
import math
import signal as signals
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypedDict, TypeVar

from .errors import UsageError
from .faults import (
    END,
    NONE,
    START,
    CommandFault,
    Damage,
    Faults,
    FileFault,
    FreezeFault,
    ScriptFault,
    SnapshotFault,
)
from .file_damage import names
from .installing import Checker
from .moments import NAMES as MOMENTS
from .moments import Moment

_F = TypeVar("_F", bound=enum.Enum)
_D = TypeVar("_D", ScriptFault, FileFault, CommandFault)

ScriptFaultGiven = ScriptFault | Mapping[str, object] | Literal["ok"]
FileFaultGiven = FileFault | Mapping[str, object] | Damage | str
CommandFaultGiven = CommandFault | Mapping[str, object] | str


class FaultOptions(TypedDict, total=False):
    """The keywords of ``VirtualMachine.fault``; what is not named stays as it is."""

    freeze: str | None
    snapshot: str | None
    pre: ScriptFaultGiven | None
    post: ScriptFaultGiven | None
    pre_file: FileFaultGiven | None
    post_file: FileFaultGiven | None
    config_file: FileFaultGiven | None
    plugin_host: FileFaultGiven | None
    commands: Mapping[str, CommandFaultGiven] | Literal["ok"] | None
    disk_full: bool | str | None
    read_only: str | list[str] | tuple[str, ...] | None
    clock_jump: float | Mapping[str, float] | Literal["ok"] | None


NAMES = tuple(field.name for field in dataclasses.fields(Faults))

_COMMAND_WORDS: Mapping[str, CommandFault] = {
    "fail": CommandFault(exit_status=1),
    "hang": CommandFault(hang=True),
    "missing": CommandFault(missing=True),
}

_LONGEST_JUMP = 366 * 24 * 3600
"""Seconds: a year."""

_MOST_SIGNAL = 64
_MOST_PRINTED = 1024**3
"""Bytes: the harness hands them over piece by piece, which takes its time."""


def changed_faults(faults: Faults, given: Mapping[str, object]) -> Faults:
    """Faults as a test wants them from now on.

    Args:
        faults: what went wrong so far.
        given: what is changed, by the keywords of ``FaultOptions``; None leaves a fault, and
            ``ok`` takes it back.

    Raises:
        UsageError: something cannot be meant; all mistakes are named.
    """
    __tracebackhide__ = True
    if not isinstance(given, Mapping):
        raise UsageError([f"faults is {given!r}; write a dict, such as {{'freeze': 'fail'}}"])
    checker = Checker(())
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if name not in NAMES:
            checker.mistakes.append(_unknown(name, NAMES, "there is no fault"))
        elif value is not None:
            changes[name] = _checked(checker, faults, name, value)
    checker.finish()
    return replace(faults, **changes)


def _unknown(name: object, known: tuple[str, ...], what: str) -> str:
    near = difflib.get_close_matches(str(name), known, 1)
    meant = f"; is {near[0]!r} meant?" if near else "."
    return f"{what} {name!r}{meant} There are: {', '.join(known)}"


def _checked(checker: Checker, faults: Faults, name: str, value: Any) -> Any:
    """The value of a field of ``Faults``; a mistake is noted where there is none."""
    match name:
        case "freeze":
            return _named(name, value, FreezeFault, checker.mistakes)
        case "snapshot":
            return _named(name, value, SnapshotFault, checker.mistakes)
        case "pre" | "post":
            return None if value == NONE else _script(checker, name, value)
        case "commands":
            return () if value == NONE else _commands(checker, faults, value)
        case "disk_full":
            return _disk_full(checker, value)
        case "read_only":
            return () if value == NONE else _read_only(checker, value)
        case "clock_jump":
            return () if value == NONE else _clock_jump(checker, value)
        case _:
            return None if value == NONE else _file(checker, name, value)


def _named(step: str, name: object, kind: type[_F], mistakes: list[str]) -> _F | None:
    if name == NONE:
        return None
    for fault in kind:
        if name == fault.value:
            return fault
    known = ", ".join([*(str(fault.value) for fault in kind), NONE])
    mistakes.append(f"{step}={name!r} is no fault; write one of {known}")
    return None


def _made(checker: Checker, name: str, value: object, kind: type[_D]) -> _D | None:
    """A fault from itself, or from a mapping of its fields."""
    if isinstance(value, kind):
        return value
    if isinstance(value, Mapping):
        known = tuple(field.name for field in dataclasses.fields(kind))
        wrong = [key for key in value if key not in known]
        for key in wrong:
            checker.mistakes.append(_unknown(key, known, f"{name}: {kind.__name__} has no"))
        return None if wrong else kind(**value)
    return None


# -- scripts ---------------------------------------------------------------------------------------


def _script(checker: Checker, name: str, value: object) -> ScriptFault | None:
    before = len(checker.mistakes)
    fault = _made(checker, name, value, ScriptFault)
    if fault is None:
        if len(checker.mistakes) == before:
            checker.mistakes.append(
                f"{name} is {value!r}; write ScriptFault(...), a dict of its arguments, or {NONE!r}"
            )
        return None
    wrong = _wrong_endings(fault)
    if not _is_whole(fault.prints) or not 0 <= fault.prints <= _MOST_PRINTED:
        wrong.append(
            f"prints is {fault.prints!r}; write a number of bytes, {_MOST_PRINTED} at most"
        )
    if fault.attempts is not None and not (_is_whole(fault.attempts) and fault.attempts >= 1):
        wrong.append(f"attempts is {fault.attempts!r}; write a whole number from 1 up")
    nth = _is_whole(fault.at) and int(fault.at) >= 1
    if fault.at not in (START, END) and not nth:
        wrong.append(f"at is {fault.at!r}; write 'start', 'end', or the number of a command")
    if not wrong and not (fault.ends_it or fault.delay or fault.prints):
        wrong.append("nothing goes wrong; write exit_status, signal, hang, delay or prints")
    if not wrong and nth and not fault.ends_it:
        wrong.append(
            f"its command {fault.at} can have exit_status, signal or hang; for a slow command "
            "write commands={'NAME': CommandFault(delay=...)}"
        )
    elif not wrong and nth and (fault.delay or fault.prints):
        wrong.append(f"its command {fault.at} can have no delay and print nothing; leave that out")
    checker.mistakes += [f"{name}: {mistake}" for mistake in wrong]
    return replace(fault, delay=float(fault.delay)) if not wrong else None


def _wrong_endings(fault: ScriptFault | CommandFault) -> list[str]:
    found = []
    status, number, delay = fault.exit_status, fault.signal, fault.delay
    if status is not None and not (_is_whole(status) and 0 <= status <= 255):
        found.append(f"exit_status is {status!r}; write a number from 0 to 255")
    if number is not None and not (_is_whole(number) and 1 <= number <= _MOST_SIGNAL):
        found.append(f"signal is {number!r}; write a number, such as {int(signals.SIGTERM)}")
    hang: object = fault.hang
    if not isinstance(hang, bool):
        found.append(f"hang is {hang!r}; write True or False")
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not _is_time(delay):
        found.append(f"delay is {delay!r}; write a number of seconds from 0 up")
    ways = [
        name
        for name in ("exit_status", "signal", "hang", "missing")
        if getattr(fault, name, None) not in (None, False)
    ]
    if len(ways) > 1:
        found.append(f"it has {' and '.join(ways)}; write one of them")
    return found


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: float) -> bool:
    return not math.isnan(value) and 0 <= value < 10**9


# -- files -----------------------------------------------------------------------------------------


def _file(checker: Checker, name: str, value: object) -> FileFault | None:
    before = len(checker.mistakes)
    fault = _made(checker, name, value, FileFault)
    if fault is None and (isinstance(value, str) or callable(value)):
        fault = FileFault(value)
    if fault is None:
        if len(checker.mistakes) == before:
            checker.mistakes.append(
                f"{name} is {value!r}; write FileFault(...), or one of "
                f"{', '.join((*names(name), NONE))}"
            )
        return None
    damage = fault.damage
    if damage is None and fault.mode is None and fault.owner is None:
        checker.mistakes.append(f"{name}: nothing goes wrong; write damage, mode or owner")
    if damage is not None and not callable(damage) and damage not in names(name):
        checker.mistakes.append(
            f"{name}={damage!r} is no fault; write one of {', '.join((*names(name), NONE))}, or a "
            "function from bytes to bytes"
        )
    if fault.mode is not None:
        checker.mode(f"{name}: mode", fault.mode)
    owner = None if fault.owner is None else checker.owner(f"{name}: owner", fault.owner)
    return replace(fault, owner=owner)


# -- commands, disk --------------------------------------------------------------------------------


def _commands(
    checker: Checker, faults: Faults, value: object
) -> tuple[tuple[str, CommandFault], ...]:
    if not isinstance(value, Mapping):
        checker.mistakes.append(f"commands is {value!r}; write a dict, such as {{'mysql': 'fail'}}")
        return ()
    found = dict(faults.commands)
    for command, given in value.items():
        text = command if isinstance(command, str) else ""
        if not text or "\0" in text or ("/" in text and not text.startswith("/")):
            checker.mistakes.append(
                f"commands has {command!r} in it; write a bare name, or an absolute path"
            )
        elif given == NONE:
            found.pop(text, None)
        elif (fault := _command(checker, text, given)) is not None:
            found[text] = fault
    return tuple(found.items())


def _command(checker: Checker, command: str, value: object) -> CommandFault | None:
    name = f"commands[{command!r}]"
    if isinstance(value, str) and value in _COMMAND_WORDS:
        return _COMMAND_WORDS[value]
    before = len(checker.mistakes)
    fault = _made(checker, name, value, CommandFault)
    if fault is None:
        if len(checker.mistakes) == before:
            words = ", ".join((*_COMMAND_WORDS, NONE))
            checker.mistakes.append(
                f"{name} is {value!r}; write one of {words}, or CommandFault(...)"
            )
        return None
    wrong = _wrong_endings(fault)
    missing: object = fault.missing
    if not isinstance(missing, bool):
        wrong.append(f"missing is {missing!r}; write True or False")
    if fault.calls is not None and not (_is_whole(fault.calls) and fault.calls >= 1):
        wrong.append(f"calls is {fault.calls!r}; write a whole number from 1 up")
    if not wrong and not (fault.ends_it or fault.missing or fault.delay):
        wrong.append("nothing goes wrong; write exit_status, signal, hang, missing or delay")
    if not wrong and fault.missing and (fault.delay or fault.calls):
        wrong.append("a command that is missing has no delay and no calls; leave that out")
    checker.mistakes += [f"{name}: {mistake}" for mistake in wrong]
    return replace(fault, delay=float(fault.delay)) if not wrong else None


def _clock_jump(checker: Checker, value: object) -> tuple[tuple[Moment, float], ...]:
    given = value if isinstance(value, Mapping) else {Moment.AFTER_PRE.value: value}
    found = []
    for moment, seconds in given.items():
        if moment not in MOMENTS:
            checker.mistakes.append(_unknown(moment, MOMENTS, "clock_jump: there is no moment"))
        elif (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 < abs(seconds) <= _LONGEST_JUMP
        ):
            checker.mistakes.append(
                f"clock_jump is {seconds!r}; write a number of seconds, such as 3600 or -3600, "
                f"{_LONGEST_JUMP} at most"
            )
        else:
            found.append((Moment(moment), float(seconds)))
    return tuple(found)


def _disk_full(checker: Checker, value: object) -> bool:
    if value == NONE:
        return False
    if isinstance(value, str) and value.startswith("/"):
        checker.mistakes.append(
            f"disk_full={value!r} cannot be: the VM has one disk, and {value} lies on it; write "
            "disk_full=True"
        )
    elif not isinstance(value, bool):
        checker.mistakes.append(f"disk_full is {value!r}; write True, False or {NONE!r}")
    return value is True


def _read_only(checker: Checker, value: object) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not given:
        checker.mistakes.append(
            f"read_only is {value!r}; write a directory, such as '/data', a list, or {NONE!r}"
        )
        return ()
    found = tuple(checker.place("read_only", place) for place in given)
    if "/" in found and not checker.mistakes:
        checker.mistakes.append(
            "read_only='/' cannot be: /tmp and /run would be too, and no system does that; name "
            "the directories, such as ['/data', '/etc']"
        )
    return found
