"""A script that does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from .codes import DOES_NOTHING
from .finding import LintFinding, Severity
from .reading import ReadScript
from .shell_words import Command, Word

_SAYS = frozenset({"echo", "printf"})
_DOES_NOTHING = frozenset({":", "true", "set", "umask", "readonly", "export", "shift"})
_NOWHERE = ("", "/dev/null", "/dev/stdout", "/dev/stderr", "-", "1", "2")


def does_nothing(script: ReadScript) -> Iterator[LintFinding]:
    """Only comments, ``:``, ``echo`` to standard output, ``exit 0``."""
    if not all(_is_idle(command) for command in script.shell.commands):
        return
    if script.file.step == "post":
        severity, means = Severity.NOTE, "whatever the pre-script took stays taken"
        remedy = "let it undo what the pre-script does; if that is nothing, ignore this"
    else:
        severity, means = (
            Severity.WARNING,
            "the snapshot is called application-consistent although no application was told of it",
        )
        remedy = "let it bring the application to rest and its data onto the disk"
    yield script.found(
        DOES_NOTHING, severity, 0, f"the script does nothing and succeeds: {means}", remedy
    )


def _is_idle(command: Command) -> bool:
    if any(not _goes_nowhere(found.target) for found in command.redirections):
        return False
    if not command.words or command.name in _DOES_NOTHING or command.name in _SAYS:
        return True
    if command.name in ("exit", "return"):
        return len(command.words) == 1 or command.words[1].plain == "0"
    return False


def _goes_nowhere(target: Word | None) -> bool:
    return target is None or target.plain in _NOWHERE
