"""Commands that were not found, read from what shells say of them on standard error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .explain import line

_NAME = r"(?P<name>/[^\s:'\"`\u2018\u2019]+\r?|[^\s:/'\"`\u2018\u2019]+\r?)"
_SHELL = r"(?:\S*/)?(?:sh|ash|dash|bash|busybox|ksh\d*|mksh|yash|zsh)"
_EXEC = r"(?:exec: )?(?:line \d+: )?"
_RUNNERS = r"(?:\S*/)?(?:env|nice|nohup|timeout|xargs|flock|setsid|sudo|stdbuf|ionice|runuser)"

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf".+: (?:\d+|line \d+): {_EXEC}{_NAME}: not found",  # dash, busybox
        rf".+\[\d+\]: {_EXEC}{_NAME}: (?:inaccessible or )?not found",  # ksh, mksh
        rf"(?:E: )?{_SHELL}: {_EXEC}{_NAME}: (?:inaccessible or )?not found",
        rf".+: {_EXEC}{_NAME}: command not found",  # bash, sudo
        rf"\S+: no such command `{_NAME}'",  # yash
        rf"\S+: cannot execute command `{_NAME}': No such file or directory",  # yash
        rf".+: command not found: {_NAME}",  # zsh
        rf"{_RUNNERS}: (?:failed to (?:run command|execute) |can't execute )?"
        rf"[\u2018']?{_NAME}[\u2019']?: No such file or directory",
    )
)

_OF_A_LINE = (
    re.compile(
        r"(?P<file>/.+): line (?P<line>\d+): (?P<name>/[^:\s]+\r?): No such file or directory"
    ),
    re.compile(r"(?P<file>/.+):(?P<line>\d+): no such file or directory: (?P<name>/[^:\s]+\r?)"),
)
"""What bash and zsh say of a program and of a file alike: the line of the script must tell."""

_OF_PYTHON = re.compile(
    rf"(?:FileNotFoundError: )?\[Errno 2\] No such file or directory: '{_NAME}'"
)
_STARTS_A_PROGRAM = ("in _execute_child", "in _posix_spawn", "in _execvpe", "in execvp")
"""What Python says of a program and of a file alike: its traceback must tell."""

_OF_BASH = frozenset(
    ["[[", "source", "declare", "function", "let", "mapfile", "popd", "pushd", "readarray", "shopt"]
)
"""Words that a plain sh takes for commands."""

_LONGEST = 4096
"""Characters of a line that is looked at; what shells say is shorter."""

_BEFORE_A_COMMAND = r"(?:^|[;&|({!`]|\b(?:if|then|elif|else|while|until|do|exec|time|env)\s)\s*"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a shell did not find.

    Args:
        name: its name, or absolute path.
        file: the script that tells whether it is a command; empty where that is certain.
        line: the number of the line in it, from 1.
    """

    name: str
    file: str = ""
    line: int = 0

    def is_command(self, text: str) -> bool:
        """Whether it is run as a command.

        Args:
            text: of the script.
        """
        if not self.file:
            return True
        lines = text.split("\n")
        if not 1 <= self.line <= len(lines):
            return False
        pattern = rf"{_BEFORE_A_COMMAND}[\"']?{re.escape(self.name)}(?![\w./-])"
        return re.search(pattern, lines[self.line - 1]) is not None


def advice(name: str, who: str) -> str:
    """What to say of a command that a script did not find, as a sentence without a full stop.

    Args:
        name: of the command.
        who: the script, or both.
    """
    shown = line(name)
    if name.endswith("\r"):
        return (
            f"the {who} tried to run '{shown}', because lines of it end in CR LF; save it with LF "
            "line ends"
        )
    if name in _OF_BASH:
        return (
            f"{shown} is a word of bash, and the shell that ran the {who} does not know it; write "
            "what every sh knows"
        )
    return (
        f"the {who} tried to run {shown}, and there is no such command here; stand in for it with "
        f"vm.command({shown!r})"
    )


def can_be_doubled(name: str) -> bool:
    """Whether a stand-in would help a script that did not find a command.

    Args:
        name: of the command; empty where it is not known.
    """
    return bool(name) and not name.endswith("\r") and name not in _OF_BASH


def missing(stderr: str) -> Iterator[Missing]:
    """What shells, and programs that run others, say they did not find.

    Args:
        stderr: what a script printed as errors.
    """
    if "not found" not in stderr and "o such " not in stderr:  # the usual case
        return
    by_python = any(mark in stderr for mark in _STARTS_A_PROGRAM)
    patterns = (*_PATTERNS, _OF_PYTHON) if by_python else _PATTERNS
    for said in stderr.split("\n"):
        if len(said) > _LONGEST:
            continue
        for pattern in patterns:
            if found := pattern.fullmatch(said):
                yield Missing(found["name"])
                break
        else:
            for pattern in _OF_A_LINE:
                if found := pattern.fullmatch(said):
                    yield Missing(found["name"], found["file"], int(found["line"]))
