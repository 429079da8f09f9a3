"""Checks of what a script does when a command of it fails."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass

from ..faults import CommandFault, ScriptFault
from ..findings import FindingKind
from .failing import Commands, Failing
from .outcome import Outcome, Problem, failed
from .settings import LOGS
from .stand import Stand
from .tolerated import MAY_FAIL, is_question, is_tolerated, words_of
from .trial import Trial

_CONSEQUENCE = {
    "pre": "the backup counts as application-consistent, and is not",
    "post": "nobody is told that the application may still be at rest",
}
_SCRIPTS = {"pre": "pre-script", "post": "post-script"}


def exit_status(stand: Stand, script: str) -> Outcome:
    """A script ends with another status than 0 when a command it needs fails every time.

    Args:
        stand: where it is tried.
        script: ``pre`` or ``post``.
    """
    name = _SCRIPTS[script]
    problems = []
    for command in stand.good().called_by(name):
        if is_tolerated(stand, script, (command,)):
            continue
        fails = dict.fromkeys(stand.places_of(command), CommandFault(exit_status=1))
        trial = stand.backup(faults={"commands": fails})
        run = trial.run_of(script)
        calls = trial.called_by(name).get(command, ())
        failed_to_act = any(not is_question((command, *call.argv[1:])) for call in calls)
        if run is not None and run.exit_status == 0 and failed_to_act:
            problems.append(
                Problem(
                    f"{command} fails each time it is called, and the {name} ends with 0: "
                    f"{_CONSEQUENCE[script]}",
                    f"end with another status when {command} fails (set -e, or || exit 1); or say "
                    f"that it may fail: a comment '# {MAY_FAIL}' on its line, or may_fail = "
                    f'["{command}"] in vmsnapshot.toml',
                    trial.backup.explain(),
                )
            )
    return failed(*problems)


def failing_command_noticed(stand: Stand, script: str) -> Outcome:
    """A script notices when one of its commands fails once, or makes good for it.

    Each external command in turn is made to fail. Where the script ends with 0 all the same, and
    what it brought about is not what it brings about usually, the failure was swallowed.

    Args:
        stand: where it is tried.
        script: ``pre`` or ``post``.
    """
    usual = _stable(*(Effect.of(stand.backup(wait=_SETTLED), script) for _ in range(2)))
    problems: dict[str, Problem] = {}
    commands = Commands(stand, script, ScriptFault(exit_status=1), _SETTLED)
    for failing in commands:
        run = failing.trial.run_of(script)
        if run is None or run.exit_status != 0:
            continue
        if is_tolerated(stand, script, words_of(failing.words)):
            continue
        missed = list(usual.missed_by(Effect.of(failing.trial, script)))
        if missed:
            problems.setdefault(failing.words, _swallowed(failing, script, missed))
    return Outcome(tuple(problems.values()), commands.notes)


def _swallowed(failing: Failing, script: str, missed: list[str]) -> Problem:
    name = _SCRIPTS[script]
    return Problem(
        f"the {failing.shown} fails, and the {name} ends with 0 all the same: {'; '.join(missed)}",
        "end with another status when it fails (|| exit 1; or set -e, which does not see a failure "
        "in a condition, in a pipe but for its end, or in the $(...) of an argument); or say that "
        f"it may fail: || :, a comment '# {MAY_FAIL}' on its line, or may_fail = "
        f'["{failing.name}"] in vmsnapshot.toml',
        failing.trial.backup.explain(),
    )


_SETTLED = 1.0
"""Seconds for what a script has left in the background to begin: on a busy machine it is late."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a script brought about, as far as two runs can be compared.

    Args:
        calls: calls of doubled commands, with how they ended.
        files: what was made, changed or removed, and whether it is empty.
        taken: what was held at the snapshot.
        left: what was left running, stopped or frozen after the backup.
    """

    calls: frozenset[tuple[str, int | None]]
    files: frozenset[tuple[str, str]]
    taken: frozenset[str]
    left: frozenset[str]

    @classmethod
    def of(cls, trial: Trial, script: str) -> Effect:
        """The effect of one script of a backup.

        Args:
            trial: the backup.
            script: ``pre`` or ``post``.
        """
        calls = (call for found in trial.called_by(_SCRIPTS[script]).values() for call in found)
        rested = trial.waited or trial.rested or trial.before
        start, end = (trial.before, rested) if script == "pre" else (rested, trial.after)
        changes = end.since(start)
        files = {(path, "removed") for path in changes.removed}
        for path in (*changes.created, *changes.changed):
            state = end.files[path]
            empty = "empty " if state.kind == "file" and state.size == 0 else ""
            files.add((path, f"{empty}{state.kind} {state.mode:03o}"))
        files = {(path, state) for path, state in files if not _is_log(path)}
        left = {f.about or f.kind.value for f in trial.backup.findings if f.kind in _LEFT}
        return cls(
            frozenset((" ".join(call.argv), call.exit_status) for call in calls),
            frozenset(files),
            frozenset(one.what for one in trial.taken if one.held),
            frozenset(left),
        )

    def missed_by(self, other: Effect) -> Iterator[str]:
        """What of this effect another one has not, or has besides; a phrase each."""
        for words, _ in sorted(self.calls - other.calls, key=str):
            yield f"{words} was not done"
        for path, state in sorted(self.files - other.files):
            now = dict(other.files).get(path)
            yield (
                f"{path} is {now or 'not touched'}, not {state}"
                if state != "removed"
                else (f"{path} is still there")
            )
        for what in sorted(self.taken - other.taken):
            yield f"{what} was not held at the snapshot"
        for what in sorted(other.left - self.left):
            yield f"left after the backup: {what}"


_LEFT = (FindingKind.PROCESSES, FindingKind.SESSIONS, FindingKind.UNITS, FindingKind.FROZEN)


def _is_log(path: str) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in LOGS)


def _stable(one: Effect, other: Effect) -> Effect:
    """What two runs that went well have in common: names of temporary files are not."""
    return Effect(
        one.calls & other.calls,
        one.files & other.files,
        one.taken & other.taken,
        one.left | other.left,
    )
