"""What an agent is to start, taken from a request."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator

from ..clock.keeping import Program
from . import wire

UMASK = 0o022
"""The agent's own: for directories that are made only because something shall lie below them."""


@contextlib.contextmanager
def program_of(request: wire.Received) -> Iterator[Program]:
    """The program a request asks for. Inside the block this process is where that shall start.

    Args:
        request: it brings the descriptors for both outputs, for the input if there is one, and then
            those for which it names numbers.

    Raises:
        OSError: there is no such program, or no such directory.
    """
    body = request.body
    output, error_output, *rest = request.fds
    numbers = body["descriptors"]
    stdin = rest[: len(rest) - len(numbers)]
    others = tuple(zip(numbers, rest[len(stdin) :], strict=True))
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    try:
        path = _found(body["argv"][0], body["env"])
        os.chdir(body["cwd"])
        os.umask(body["umask"])
        yield Program(
            path,
            body["argv"],
            body["env"],
            stdin[0] if stdin else null,
            output,
            error_output,
            drained=body["drained"],
            others=others,
        )
    finally:
        os.close(null)
        os.umask(UMASK)
        os.chdir("/")


def _found(program: str, env: dict[str, str]) -> str:
    """Look a bare name up on the program's own PATH."""
    if "/" in program:
        return program
    found = shutil.which(program, path=env.get("PATH", os.defpath))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return found
