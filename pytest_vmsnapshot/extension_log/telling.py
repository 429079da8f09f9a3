"""What reproducing a log has shown, in words and as JSON."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .as_scenario import became
from .backups import LoggedBackup, LoggedFile, LoggedPlugin
from .case_files import shown
from .comparison import Outcome, differing
from .logged import Logged
from .not_understood import Unknown
from .reproducing import Reproduction

_WIDTH = 100
_KINDS_SHOWN = 20
"""Kinds of lines that were not understood, in words; as JSON there are all."""

_LABEL = 12

_SETTINGS = (
    "timeoutInSeconds",
    "continueBackupOnFailure",
    "fsFreezeEnabled",
    "preScriptParams",
    "postScriptParams",
    "preScriptNoOfRetries",
    "postScriptNoOfRetries",
)
"""The keys that are told, what decides most first."""


def in_words(
    logged: Logged, found: Sequence[Reproduction], path: str = "", *, has_own_files: bool = False
) -> str:
    """All that is to be told, for people.

    Args:
        logged: the log.
        found: what became of each backup.
        path: the scenario file that was written, or empty.
        has_own_files: whether the author's own files were given, and no stand-ins needed.
    """
    lines = [_headline(logged), *(_wrapped(note, 0) for note in logged.notes)]
    for reproduction in found:
        lines += ["", *_of_backup(reproduction)]
        lines += _next_step(
            reproduction, path, has_own_files=has_own_files, has_unknown=bool(logged.unknown)
        )
    lines += _of_unknown(logged.unknown)
    lines += ["", _closing(found)]
    return "\n".join(lines)


def _headline(logged: Logged) -> str:
    backups = _number(len(logged.backups), "backup")
    text = f"{', '.join(logged.files)}: {_number(logged.lines, 'line')}, {backups}"
    if logged.repeated:
        text += f"; {_number(logged.repeated, 'request')} for one that had been taken already"
    return text


def _of_backup(found: Reproduction) -> Iterator[str]:
    logged, stretch = found.logged, found.logged.stretch
    yield f"{logged.name}  {stretch.first} to {stretch.last}"
    yield _row("as logged", f"{became(logged)}{_message(logged)}")
    if logged.distribution:
        yield _row("system", logged.distribution)
    for plugin in logged.plugins:
        if plugin.keys:
            yield _row("settings", _settings(plugin))
    for label, files, runs in (
        ("pre-script", [plugin.pre for plugin in logged.plugins], logged.pre),
        ("post-script", [plugin.post for plugin in logged.plugins], logged.post),
    ):
        where = ", ".join(_file(file) for file in files if file.path or not file.exists)
        ended = ", ".join(str(run) for run in runs)
        if where or ended:
            yield _row(label, f"{where or 'its path is not told'}: {ended or 'not run'}")
    if logged.freeze.order is not None:
        places = ", ".join(logged.freeze.order) or "no mount"
        yield _row("freeze", f"{places}: {logged.freeze.ending.value}")
    yield _row("here", _here(found))
    for field in differing(found.fields):
        yield _row("", f"{field.field}: {field.logged} in the log, {field.here} here")
    for label, remarks in (
        ("differences", found.case.differences),
        ("not known", logged.not_known),
        ("stand-ins", found.case.stand_ins),
    ):
        for index, remark in enumerate(remarks):
            yield _row(label if not index else "", remark)


def _message(logged: LoggedBackup) -> str:
    message = logged.report.message.strip() if logged.report is not None else ""
    return f" ({textwrap.shorten(message, 60)})" if message else ""


def _settings(plugin: LoggedPlugin) -> str:
    keys = [key for key in _SETTINGS if key in plugin.keys]
    told = [f"{key} {shown(plugin.keys[key])}" for key in keys]
    if plugin.polls and keys[:1] == ["timeoutInSeconds"]:
        told[0] += f" (looked at every {plugin.polls[0]} s)"
    return ", ".join(told)


def _file(file: LoggedFile) -> str:
    if not file.exists:
        return f"{file.path or '(an empty path)'}, which is not there"
    mode = "" if file.mode is None else f" (mode {file.mode:03o})"
    owner = "" if file.owner == "root" else f", owner {file.owner or 'without a name'}"
    return f"{file.path}{mode}{owner}"


def _here(found: Reproduction) -> str:
    if found.outcome is Outcome.NOT_RUN:
        return f"not run: {found.why}"
    if found.outcome is Outcome.REPRODUCED:
        return "reproduced: the same in every field"
    if found.outcome is Outcome.AS_FAR_AS_TOLD:
        return "reproduced as far as the log goes"
    return "NOT reproduced:"


def _next_step(
    found: Reproduction, path: str, *, has_own_files: bool, has_unknown: bool
) -> Iterator[str]:
    if found.outcome is Outcome.NOT_RUN:
        return
    if found.outcome is Outcome.NOT_REPRODUCED and has_own_files:
        yield _row("next", "these files do otherwise than those on the VM: compare them")
    elif found.outcome is Outcome.NOT_REPRODUCED and has_unknown:
        yield _row("next", "look at the lines that were not understood, below")
    elif not has_own_files and found.logged.plugins:
        yield _row("next", "run it with the real files: --config CONFIG --scripts DIR")
    if path and path != "-":
        yield _row("test", f"pytest {shlex.quote(path)} -k {shlex.quote(found.case.name)}")


def _of_unknown(unknown: Sequence[Unknown]) -> Iterator[str]:
    if not unknown:
        return
    lines = sum(kind.count for kind in unknown)
    yield ""
    yield f"not understood: {_number(lines, 'line')} of {_number(len(unknown), 'kind')}"
    for kind in unknown[:_KINDS_SHOWN]:
        yield _wrapped(str(kind), 2)
    if len(unknown) > _KINDS_SHOWN:
        yield f"  and {_number(len(unknown) - _KINDS_SHOWN, 'more kind')}: --json has all of them"


def _closing(found: Sequence[Reproduction]) -> str:
    counted = [
        f"{sum(1 for one in found if one.outcome is kind)} {kind.value}"
        for kind in Outcome
        if any(one.outcome is kind for one in found)
    ]
    return ", ".join(counted)


def _row(label: str, text: str) -> str:
    rows = textwrap.wrap(_clean(text), _WIDTH - _LABEL - 2, break_long_words=False) or [""]
    first = f"  {label:<{_LABEL}}{rows[0]}".rstrip()
    return "\n".join([first, *(" " * (_LABEL + 2) + row for row in rows[1:])])


def _wrapped(text: str, indent: int) -> str:
    pad = " " * indent
    return textwrap.fill(
        _clean(text),
        _WIDTH,
        initial_indent=pad,
        subsequent_indent=pad + "  ",
        break_long_words=False,
    )


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


# -- as JSON ---------------------------------------------------------------------------------------


def as_facts(logged: Logged, found: Sequence[Reproduction]) -> dict[str, Any]:
    """The same as values that JSON has.

    Args:
        logged: the log.
        found: what became of each backup.
    """
    return {
        "format": 1,
        "files": list(logged.files),
        "lines": logged.lines,
        "repeated": logged.repeated,
        "notes": list(logged.notes),
        "backups": [_facts_of(one) for one in found],
        "not_understood": [
            {"place": kind.first.place, "text": kind.first.text, "count": kind.count}
            for kind in logged.unknown
        ],
    }


def _facts_of(found: Reproduction) -> dict[str, Any]:
    logged = found.logged
    return {
        "name": found.case.name,
        "first": logged.stretch.first,
        "last": logged.stretch.last,
        "began": logged.stretch.began,
        "ended": logged.stretch.ended,
        "task": logged.task,
        "became": became(logged),
        "settings": [_plain(dict(plugin.keys)) for plugin in logged.plugins],
        "outcome": found.outcome.value,
        "why": found.why,
        "fields": [
            {"field": f.field, "logged": f.logged or None, "here": f.here, "agrees": f.agrees}
            for f in found.fields
        ],
        "differences": list(found.case.differences),
        "not_known": list(logged.not_known),
        "stand_ins": list(found.case.stand_ins),
    }


def _plain(value: object) -> object:
    """A value that every reader of JSON takes: what it has no number for becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value
