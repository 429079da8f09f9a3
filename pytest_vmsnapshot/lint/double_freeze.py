"""File systems that a script freezes although the extension is going to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from .codes import DOUBLE_FREEZE
from .finding import LintFinding, Severity
from .reading import ReadScript
from .shell_words import Command

_COMMANDS = frozenset({"fsfreeze", "xfs_freeze"})
_WRAPPERS = frozenset({"sudo", "timeout", "nice", "ionice", "command", "exec"})
_FREEZES = frozenset({"-f", "--freeze"})
_THAWS = frozenset({"-u", "--unfreeze"})
_OTHER_BRANCH = re.compile(r";;|\b(?:else|elif|fi)\b")


def double_freeze(script: ReadScript) -> Iterator[LintFinding]:
    """``fsfreeze -f`` before a freeze of the extension's own, unless it is undone at once."""
    if script.file.step == "post":
        return
    calls = [(command, _options(command)) for command in script.shell.commands]
    thaws = [command for command, options in calls if options & _THAWS]
    for command, options in calls:
        if options & _FREEZES and not any(_undoes(script, thaw, command) for thaw in thaws):
            yield script.found(
                DOUBLE_FREEZE,
                Severity.ERROR,
                command,
                "the extension freezes the file systems itself after the pre-script; to freeze one "
                "that is frozen already fails, and with it the backup (FsFreezeFailed)",
                'leave the freeze to the extension, or write "fsFreezeEnabled": false into the '
                "config",
            )


def _options(command: Command) -> set[str]:
    """The options of a command that freezes or thaws; none of another."""
    words = [word.plain.rpartition("/")[2] for word in command.words]
    if command.name in _WRAPPERS:
        words = list(itertools.dropwhile(lambda word: word not in _COMMANDS, words))
    elif command.name not in _COMMANDS:
        return set()
    return set(words[1:])


def _undoes(script: ReadScript, thaw: Command, freeze: Command) -> bool:
    """Whether a script thaws before it ends; one for both steps may do it in another branch."""
    if (thaw.line, thaw.column) < (freeze.line, freeze.column):
        return False
    between = "\n".join(script.text.split("\n")[freeze.line - 1 : thaw.line])
    return script.file.step == "pre" or not _OTHER_BRANCH.search(between)
