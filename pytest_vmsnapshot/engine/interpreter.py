"""What a script's first line asks for, and how the shell that runs it on the VM would take it."""

from __future__ import annotations

import functools
import itertools
import posixpath
import re
from dataclasses import dataclass, replace

from ..protocols import Clock, Guest, Launch
from .vm_facts import Agent

_LIMIT = 10.0
"""Seconds of the VM's clock for a shell to parse a script without running it."""

_SAME, _MISSING = 100, 101
"""Exit statuses of the comparison: both are one program, or there is no such interpreter."""

_COMPARE = (
    f'own=$(command -v "$1") || {{ [ -z "$1" ] || exit {_MISSING}; }}\n'
    'own=$(readlink -f "$own")\n'
    'other=$(readlink -f "$(command -v "$3")")\n'
    f'[ "$own" = "$other" ] && exit {_SAME}\n'
    '[ -e "$2" ] || exit 0\n'
    'exec "$3" -n "$2"\n'
)

_ENV = "env"

_SYSTEM = ("/bin", "/usr/bin")

_BLANK = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What runs a script that is executed, beside a shell that may run it instead.

    Args:
        name: what the first line names; empty where there is none, or for a program.
        options: what the first line hands to it.
        differs: whether it is another program than the shell.
        missing: whether what the first line names does not exist.
        parse_error: why the shell cannot even parse the script, or nothing.
        shell: the shell, as far as it is not the system's.
        executable: whether the script could be executed when it was last looked at.
    """

    name: str = ""
    options: str = ""
    differs: bool = False
    missing: bool = False
    parse_error: str = ""
    shell: str = "sh"
    executable: bool = True


_USUAL = b"#!/bin/sh\n"
_SYSTEM_SHELL = Interpreter("/bin/sh")


def other_shells(agent: Agent) -> tuple[str, ...]:
    """Where another shell would be found before the system's, by the agent's PATH."""
    return _other_shells(agent.env.get("PATH", ""))


@functools.lru_cache(maxsize=8)
def _other_shells(path: str) -> tuple[str, ...]:
    before = itertools.takewhile(lambda place: place not in _SYSTEM, path.split(":"))
    return tuple(f"{place}/sh" for place in before if place.startswith("/"))


def first_line(head: bytes) -> Interpreter:
    """Read a script's first line.

    Args:
        head: the beginning of the script.
    """
    if head.startswith(_USUAL):
        return _SYSTEM_SHELL
    if head.startswith(b"\x7fELF"):
        return Interpreter(differs=True)
    if not head.startswith(b"#!"):
        return Interpreter()
    line = re.split(rb"[\n\0]", head[2:], maxsplit=1)[0].decode("utf-8", "backslashreplace")
    name, _, rest = _BLANK.sub(" ", line.strip(" \t")).partition(" ")
    if not name:
        return Interpreter()
    if posixpath.basename(name) == _ENV:
        name, rest = _by_env(rest)
    elif "/" not in name:
        name = f"./{name}"  # no PATH is searched for it
    return Interpreter(name, rest, differs=name not in ("sh", "/bin/sh", "/usr/bin/sh"))


def _by_env(rest: str) -> tuple[str, str]:
    """What env(1) starts, and what it hands to it. Without -S it gets all as one name."""
    if not rest.startswith("-"):
        return rest, ""
    words = rest.removeprefix("-S").removeprefix("--split-string=").split()
    words = list(itertools.dropwhile(lambda word: word[0] == "-" or "=" in word, words))
    return (words[0], " ".join(words[1:])) if words else ("", "")


def compared(
    found: Interpreter, path: str, shell: str, guest: Guest, clock: Clock, agent: Agent
) -> Interpreter:
    """Find out whether a script's interpreter is the shell after all, and if not, whether the
    shell can parse the script, if it is still there. Nothing of the script is run.

    Args:
        found: what its first line says.
        path: the script.
        shell: the shell's name.
        guest: where it lies.
        clock: the VM's clock.
        agent: what would start it.
    """
    if not found.differs:
        return found
    argv = ("/bin/sh", "-c", _COMPARE, "sh", found.name, path, shell)
    done = guest.execute(Launch(argv, dict(agent.env), "/"), clock.deadline(_LIMIT))
    if done.exit_status == _SAME:
        return replace(found, differs=False)
    if done.exit_status == _MISSING:
        return replace(found, missing=True)
    if done.exit_status == 0 or done.timed_out or done.launch_errno:
        return found
    said = " ".join(done.error_output.text.split())
    reason = said.removeprefix(f"{path}: ") or f"exit status {done.exit_status}"
    return replace(found, parse_error=reason)
