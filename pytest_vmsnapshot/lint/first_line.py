"""What the first line of a script asks for, and what really runs it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from ..engine.interpreter import Interpreter
from ..engine.interpreter import first_line as parsed
from ..explain import line
from .codes import FIRST_LINE_OPTIONS, NO_FIRST_LINE, NO_SHELL_SCRIPT, OTHER_SHELL
from .finding import LintFinding, Severity
from .reading import ReadScript, lf_only
from .target_shells import by_program, described

_RUNS = "the extension runs every script by sh, whatever its first line says"

_SHELLS: Final = {
    "ash": ("busybox", "dash"),
    "bash": ("bash",),
    "busybox": ("busybox",),
    "dash": ("dash", "busybox", "bash", "ksh", "mksh", "yash"),
    "ksh": ("ksh",),
    "ksh93": ("ksh",),
    "mksh": ("mksh",),
    "yash": ("yash",),
    "zsh": (),
}
"""POSIX shells a first line may name, and which sh takes their scripts as they do."""


def first_line(script: ReadScript) -> Iterator[LintFinding]:
    """Another interpreter than sh, or none."""
    asked = interpreter(script)
    name = posixpath.basename(asked.name)
    if not asked.name:
        yield script.found(
            NO_FIRST_LINE,
            Severity.WARNING,
            1,
            "there is no first line that says what runs the script: the extension runs it by sh "
            "all the same, but by the documented rules it is executed, and that fails",
            "begin the script with #!/bin/sh",
        )
    elif asked.differs and name not in _SHELLS:
        yield script.found(
            NO_SHELL_SCRIPT,
            Severity.ERROR,
            1,
            f"the first line asks for {line(asked.name)}, but {_RUNS}: it fails, or does something "
            "else than is written here",
            f"install a script of one line beside it that starts it: exec {line(asked.name)} "
            'SCRIPT "$@"',
        )
    elif asked.differs:
        others = [p for p in by_program(script.shells) if p not in _SHELLS[name]]
        if others:
            yield script.found(
                OTHER_SHELL,
                Severity.WARNING,
                1,
                f"the first line asks for {line(asked.name)}, but {_RUNS}, and sh is "
                f"{described(others, script.shells)}: what only {name} knows fails there, or is "
                "skipped without a word",
                "write the script for sh, or let it begin with #!/bin/sh and start the other one: "
                f'exec {line(asked.name)} SCRIPT "$@"',
            )


def options(script: ReadScript) -> Iterator[LintFinding]:
    """Options that nobody heeds, such as those of ``#!/bin/sh -e``."""
    asked = interpreter(script)
    if asked.name and asked.options and is_shell(asked) and "busybox" not in asked.name:
        yield script.found(
            FIRST_LINE_OPTIONS,
            Severity.WARNING,
            1,
            f"the first line has the options {line(asked.options)}, but {_RUNS}: they have no "
            "effect",
            f"set them by a command: set {line(asked.options)}",
        )


def interpreter(script: ReadScript) -> Interpreter:
    """What the first line asks for."""
    return parsed(lf_only(script.file.content))


def is_shell(asked: Interpreter) -> bool:
    """Whether what runs the script by its first line reads the language of a POSIX shell."""
    name = posixpath.basename(asked.name)
    return not asked.differs or name in _SHELLS
