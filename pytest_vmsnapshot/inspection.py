"""Looking at a VM once a backup has ended: what its scripts left running, or held."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from .backup import Backup
from .command_double import CommandDouble
from .doubles import UNEXPECTED, Call
from .explain import command, line
from .findings import Finding, FindingKind, LeftProcess
from .missing_commands import Missing, advice, missing
from .protocols import FileKind, Guest
from .script_run import ScriptRun

GRACE = 1.0
"""Seconds of the VM's clock in which what is about to end can end: no test may hang on a race."""

_NAMED = 8
"""Processes that are named; a crowd is counted."""


_NOT_FOUND = 127
"""Exit status of a shell that did not find a command (POSIX)."""

_SCRIPT_READ = 1024 * 1024
"""Bytes read of a script to see what a line of it runs."""


class InspectedGuest(Protocol):
    """A guest that knows what scripts have left running."""

    def backup_begins(self) -> None:
        """What is there when the next script is started is not of the scripts."""
        ...

    def left_behind(self, until: float) -> list[LeftProcess]:
        """What scripts have left running; if anything is, it has time to end.

        Args:
            until: second of the VM's clock up to which that is waited for.
        """
        ...


def of_processes(left: Sequence[LeftProcess], calls: Sequence[Call]) -> Iterator[Finding]:
    """What is to be said of processes that were left running.

    Args:
        left: the processes.
        calls: of all command doubles; one that is still open is a session.
    """
    numbers = {process.pid for process in left}
    sessions = [call for call in calls if call.ended is None and call.pid in numbers]
    clients = {call.pid for call in sessions}
    others = [process for process in left if process.pid not in clients]
    if others:
        named = ", ".join(
            _named(line(process.command), process.pid, process.made_by)
            for process in others[:_NAMED]
        )
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield Finding(
            FindingKind.PROCESSES,
            f"still running after the backup: {named}{more}; end in the post-script what the "
            "pre-script started, and start before the backup what is to run on",
        )
    for call in sessions:
        yield Finding(
            FindingKind.SESSIONS,
            f"{_named(_typed(call), call.pid, call.made_by)} has not ended, and whatever it "
            "holds (a lock, a transaction) is still held after the backup; end it in the "
            "post-script",
        )


def never_called(doubles: Iterable[CommandDouble]) -> list[CommandDouble]:
    """Command doubles that nobody has called, though nobody said that this may be.

    One that another has taken the place of is not meant: a fixture may say what is usual, and a
    test what is not.

    Args:
        doubles: those of a VM, in the order in which they were made.

    Raises:
        GuestDied: the VM is closed.
    """
    last = {double.path: double for double in doubles}
    return [double for double in last.values() if not double.optional and not double.calls]


def of_doubles(doubles: Sequence[CommandDouble]) -> Iterator[Finding]:
    """What is to be said of command doubles: calls nobody expected, and those nobody called.

    Args:
        doubles: those of a VM.

    Raises:
        GuestDied: the VM is closed.
    """
    uncalled = never_called(doubles)
    for double in doubles:
        alike: dict[str, int] = {}
        for call in double.calls:
            if call.unexpected:
                origin = f" (by {call.made_by})" if call.made_by else ""
                told = f"{_typed(call)}{origin}"
                alike[told] = alike.get(told, 0) + 1
        for told, count in alike.items():
            times = f", {count} times" if count > 1 else ""
            yield Finding(
                FindingKind.UNEXPECTED_CALL,
                f"{told} was called{times}, and nothing was said of such a call; add it to "
                f"patterns or replies of {double.path}, or leave only_expected out",
                double.path,
            )
        if double in uncalled:
            yield Finding(
                FindingKind.NEVER_CALLED,
                f"nobody called the command double {double.path}; take it away, or say "
                "optional=True",
                double.path,
            )


def of_commands(backup: Backup, guest: Guest, env: Mapping[str, str]) -> Iterator[Finding]:
    """Commands that the scripts of a backup tried to run, and that are not on the VM.

    Args:
        backup: what the scripts printed.
        guest: where they ran.
        env: their environment.
    """
    if not guest.runs_programs:
        return
    asked: dict[str, list[str]] = {}
    for script, run in (("pre-script", backup.pre), ("post-script", backup.post)):
        if run is None:
            continue
        said = dict.fromkeys(what for a in run.attempts for what in missing(a.stderr))
        found = [what.name for what in said if _is_missing(what, guest, env)]
        for name in dict.fromkeys(found):
            asked.setdefault(name, []).append(script)
        if not found and _hints_at_a_command(run, guest):
            yield Finding(
                FindingKind.MISSING_COMMAND,
                f"the {script} ended with 127, as a shell does that does not find a command, and "
                "its standard error does not say which; stand in for it with vm.command(NAME)",
            )
    for name, scripts in asked.items():
        text = advice(name, " and the ".join(scripts))
        yield Finding(FindingKind.MISSING_COMMAND, text, name)


def _is_missing(what: Missing, guest: Guest, env: Mapping[str, str]) -> bool:
    """Whether it was meant as a command, and there really is none."""
    places = [what.name]
    if not what.name.startswith("/"):
        path = [place for place in env.get("PATH", "").split(":") if place.startswith("/")]
        places = [f"{place}/{what.name}" for place in path]
    facts = guest.examine(tuple(places), 0)
    if any(fact.kind is FileKind.FILE and fact.mode & 0o111 for fact in facts):
        return False
    if not what.file:
        return True
    (script,) = guest.examine((what.file,), _SCRIPT_READ)
    return what.is_command((script.content or b"").decode("utf-8", "replace"))


def _hints_at_a_command(run: ScriptRun, guest: Guest) -> bool:
    last = run.last
    if last.exit_status != _NOT_FOUND or UNEXPECTED in last.stderr:
        return False
    (script,) = guest.examine((run.path,), 0)  # it is the script itself that a shell did not find
    return script.kind is FileKind.FILE


def _typed(call: Call) -> str:
    """A call as it would be typed."""
    return command((posixpath.basename(call.argv[0]), *call.args))


def _named(words: str, pid: int, made_by: str) -> str:
    origin = f", by {made_by}" if made_by else ""
    return f"{words} (pid {pid}{origin})"
