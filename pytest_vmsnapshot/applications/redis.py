"""Redis, its real server on a Unix socket."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError
from ..machine import VirtualMachine
from .application import START_LIMIT, Program, done_or_said, require
from .checking import Checkable

SOCKET = "/run/redis/redis-server.sock"
"""Where it answers, as on Debian."""

_APPENDONLY = ("no", "everysec", "always")
_CLI = f"redis-cli -s {SOCKET}"
_RECOVERY = re.compile(r".*(?:[Tt]runcat|[Uu]nexpected end of file).*")


@dataclass(frozen=True, slots=True)
class Redis(Checkable):
    """A Redis server that saves only when it is told to, or appends what it is given to a file.

    Args:
        directory: its data, absolute.
        appendonly: when the file that it appends to is synced: ``always``, ``everysec``; or ``no``
            for no such file.

    Raises:
        UsageError: Redis knows no such word.
    """

    directory: str
    appendonly: str = "everysec"

    def __post_init__(self) -> None:
        if self.appendonly not in _APPENDONLY:
            known = ", ".join(_APPENDONLY)
            raise UsageError([f"appendonly is {self.appendonly!r}; write one of {known}"])

    @property
    def name(self) -> str:
        """What it is."""
        return "Redis"

    @property
    def place(self) -> str:
        """Its directory."""
        return self.directory

    @property
    def programs(self) -> tuple[Program, ...]:
        """What it needs."""
        return (
            Program("/usr/bin/redis-server", "redis-server"),
            Program("/usr/bin/redis-cli", "redis-tools"),
        )

    @property
    def write(self) -> str:
        """Appends to a list; the client's exit status says nothing, what it prints does."""
        return f"{_CLI} RPUSH records '{{record}}' | grep -q '^[0-9]'"

    @property
    def probe(self) -> str:
        """Waits 2 s: paused clients get no answer, and Redis has no lock timeout of its own."""
        no_answer = "{ echo 'no answer within 2 s' >&2; exit 1; }"
        return f"timeout 2 {_CLI} SET probe 1 | grep -q OK || {no_answer}"

    @property
    def read(self) -> str:
        """Prints the list; of an empty one the client prints an empty line."""
        return f"{_CLI} LRANGE records 0 -1 | sed '/^$/d'"

    def set_up(self, vm: VirtualMachine) -> None:
        """Make the directory.

        Args:
            vm: where.
        """
        require(vm, self.programs)
        vm.run(f"mkdir -p {self.directory}", check=True)

    def start(self, vm: VirtualMachine) -> str:
        """Start the server; it loads what it finds.

        Args:
            vm: where.
        """
        on = "no" if self.appendonly == "no" else "yes"
        vm.run(f"mkdir -p {SOCKET.rpartition('/')[0]}", check=True)
        server = vm.start(
            f"exec redis-server --port 0 --unixsocket {SOCKET} --dir {self.directory} --save '' "
            f"--daemonize no --appendonly {on} --appendfsync {self.appendonly}",
            ready=f"{_CLI} PING | grep -q PONG",
            timeout=START_LIMIT,
        )
        return "\n".join(line.strip() for line in _RECOVERY.findall(server.output))

    def integrity(self, vm: VirtualMachine) -> str:
        """Let ``redis-check-rdb`` read the file of the last ``SAVE``; the rest was read at the
        start.

        Args:
            vm: where.
        """
        dump = f"{self.directory}/dump.rdb"
        return done_or_said(vm.run(f"[ ! -e {dump} ] || redis-check-rdb {dump} > /dev/null"))
