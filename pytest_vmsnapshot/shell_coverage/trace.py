"""What bash has traced, read from the text it has written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MARK = b"\x1fvmsnapshot\x1f"
"""Stands behind the plus signs of each traced command."""

_HEAD = re.compile(
    rb"(\++)\x1fvmsnapshot\x1f(\d+) (\d+) (\d+) (\d+) ([^\x1f\n]*)\x1f([^\x1f]*)\x1f"
)
_WORD = re.compile(rb"'?([^\s']*)")
_ASSIGNED = re.compile(rb"([A-Za-z_]\w*)(?:\[[^\]]*\])?\+?=")
_LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Traced:
    """A command that bash was about to run.

    Args:
        file: the script that it stands in, as bash names it; empty for ``bash -c``.
        line: the line bash gives it, from 1.
        pid: the process, which may be a subshell.
        depth: how many functions and files are being run in one another, from 1; 0 for
            ``bash -c``.
        function: the function that is being run; empty outside of functions, ``source`` in a file
            that another one has read.
        level: how many substitutions, ``eval`` and the like it is in, from 1.
        subshell: how many subshells deep it is, as ``BASH_SUBSHELL`` says.
        word: its first word; of an assignment, the name of the variable and ``=``.
    """

    file: str
    line: int
    pid: int
    depth: int
    function: str = ""
    level: int = 1
    subshell: int = 0
    word: str = ""


def read_trace(text: bytes) -> Iterator[Traced]:
    """Find the traced commands in what bash and others have written.

    Anything between them is passed over: the rest of a command with line feeds in it, what other
    programs have written, a head that was cut off.

    Args:
        text: the trace, of scripts that had read a ``start_up`` file.

    Yields:
        The commands, in the order in which they were written.
    """
    known: dict[bytes, Traced] = {}  # loops trace the same commands again and again
    for found in _HEAD.finditer(text):
        word, end = _first_word(text, found.end())
        key = text[found.start() : end]
        traced = known.get(key)
        if traced is None:
            plus, depth, subshell, line, pid, function, file = found.groups()
            traced = known[key] = Traced(
                file=file.decode(errors="surrogateescape"),
                line=int(line),
                pid=int(pid),
                depth=int(depth),
                function=function.decode(errors="surrogateescape"),
                level=len(plus),
                subshell=int(subshell),
                word=word.decode(errors="surrogateescape"),
            )
        yield traced


def _first_word(text: bytes, start: int) -> tuple[bytes, int]:
    """The first word of a command, and where it ends."""
    limit = start + _LONGEST_WORD
    if assigned := _ASSIGNED.match(text, start, limit):
        return assigned[1] + b"=", assigned.end()
    found = _WORD.match(text, start, limit)
    return (found[1], found.end()) if found else (b"", start)
