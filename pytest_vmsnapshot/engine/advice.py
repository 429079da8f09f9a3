"""What to do about a script that failed, as far as the script itself and its end tell."""

from __future__ import annotations

import re

from ..explain import line
from ..script_run import Attempt
from .interpreter import Interpreter

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
"""Exit statuses of a shell whose command may not be executed, or is not there (POSIX)."""

_PLAIN_FAILURE, _SHELL_GAVE_UP = 1, 2

_NOT_THERE = re.compile(r"(?!.*/(?:run|tmp)/).*(?:No such file|nonexistent)")
"""What programs and shells say of a file or a directory that is not there; in /run and /tmp it is
for the scripts themselves to make it.
"""


def advice(
    path: str, content: bytes, run: Attempt, interpreter: Interpreter | None, shell: str
) -> tuple[str, ...]:
    """What the author can do, each a sentence; nothing where only the script's output tells.

    Args:
        path: the script.
        content: the script.
        run: how its last attempt went.
        interpreter: what its first line asks for, where that is known.
        shell: what runs it whatever that says; empty if its first line counts.
    """
    if b"\r\n" in content:  # whatever else there is may come of that
        return (
            f"{path} has CR LF line ends, and a shell takes each CR for a part of the word before "
            f"it: save it with LF line ends (dos2unix {path}; in .gitattributes: *.sh text eol=lf)",
        )
    found = []
    said = _last_line(run.stderr)
    if shell and interpreter is not None and interpreter.differs:
        found.append(
            f"the first line of {path} asks for {interpreter.name or 'another program'}, but the "
            f"extension runs every script by {shell}, which is another shell"
            + (f" and said: {said}" if said else "")
            + f"; write it for {shell}, or install a script of one line that starts it: "
            f'exec {interpreter.name or "PROGRAM"} SCRIPT "$@"'
        )
    status = run.exit_status
    if status == _NOT_FOUND:
        found.append(
            "exit status 127 means that a command was not found: install it on the VM, or give its "
            "absolute path; in a test vm.command('NAME') stands in for it"
        )
    elif status == _NOT_EXECUTABLE:
        found.append("exit status 126 means that a command may not be executed: look at its mode")
    elif _NOT_THERE.match(said):
        found.append(
            f"a file or directory was not there ({said}): if your VMs have it, put it on this "
            "one, too: by [files] or [directories] in vmsnapshot.toml or in a scenario, or by "
            "vm.write in a test"
        )
    elif status is not None and status > (_SHELL_GAVE_UP if found else _PLAIN_FAILURE):
        found.append(
            f"any exit status but 0 is a failure, and this one was {status}: mend what failed (see "
            f"the script's output), or end with exit 0 where {status} of a command means success"
        )
    return tuple(found)


def _last_line(text: str) -> str:
    lines = [found for found in text.splitlines() if found.strip()]
    return line(lines[-1].strip()) if lines else ""
