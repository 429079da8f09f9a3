"""PostgreSQL, its real server on a Unix socket."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from ..machine import VirtualMachine
from .application import START_LIMIT, Program, done_or_said, require, synced
from .checking import Checkable

SOCKET_DIRECTORY = "/run/postgresql"
"""Where it answers, as on Debian: ``psql -U postgres`` finds it by itself."""

_PLACE = "/usr/lib/postgresql/*/bin"

# The server refuses to be root. Where no file can be of another user than root, a user namespace
# gives root another number, and the server is content.
_AS_OTHER = (
    f"for bin in {_PLACE}; do :; done; "
    'as="setpriv --reuid=postgres --regid=postgres --init-groups --"; user=postgres; '
    "if ! $as true 2> /dev/null; then "
    'as="unshare --user --map-user=1000 --"; user=root; fi'
)
_PSQL = (
    f"for bin in {_PLACE}; do :; done; "
    f'"$bin"/psql -X -q -A -t -v ON_ERROR_STOP=1 -h {SOCKET_DIRECTORY} -U postgres -d postgres'
)
_RECOVERY = re.compile(r".*(?:not properly shut down|was interrupted|redo starts).*")

# Every session is asked for in the server's own log, which names it by its process: a session that
# has begun a backup, not ended it, and is alive is in a backup.
_IN_BACKUP = (
    "server=$(head -n 1 {directory}/postmaster.pid) || exit 0; "
    "awk '"
    "/statement: .*pg_(backup_start|start_backup)/ {{ on[$1] = 1 }} "
    "/statement: .*pg_(backup_stop|stop_backup)/ {{ delete on[$1] }} "
    "END {{ for (session in on) print session }}' /proc/$server/fd/2 | "
    "while read -r session; do "
    '[ ! -e "/proc/$session" ] || echo "session $session is in a backup"; done'
)


class AtRest(enum.Enum):
    """What a PostgreSQL server is asked for between the pre-script and the freeze."""

    NO_WRITES = "no writes"
    """That it refuses a write, as a lock makes it."""

    IN_BACKUP = "in backup"
    """That a session that lives has called ``pg_backup_start``. The server does not refuse writes
    in a backup, and need not."""


@dataclass(frozen=True, slots=True)
class PostgreSql(Checkable):
    """A PostgreSQL server with its records in one table. Everybody on the VM may be ``postgres``.

    Args:
        directory: its data directory, absolute.
        at_rest: what it is asked for between the pre-script and the freeze.
    """

    directory: str
    at_rest: AtRest = AtRest.NO_WRITES

    @property
    def name(self) -> str:
        """What it is."""
        return "PostgreSQL"

    @property
    def place(self) -> str:
        """Its data directory."""
        return self.directory

    @property
    def programs(self) -> tuple[Program, ...]:
        """What it needs."""
        return (
            Program(f"{_PLACE}/postgres", "postgresql"),
            Program(f"{_PLACE}/psql", "postgresql-client"),
        )

    @property
    def write(self) -> str:
        """Waits up to 60 s for a lock, as a patient application would."""
        return self._sql("INSERT INTO records (text) VALUES ('{record}')", patience=60)

    @property
    def probe(self) -> str:
        """A write that waits 1 s for a lock; or the question whether a session is in a backup,
        refused if one is.
        """
        if self.at_rest is AtRest.NO_WRITES:
            return self._sql("INSERT INTO probes VALUES (1)", patience=1)
        asked = _IN_BACKUP.format(directory=self.directory)
        return f'said=$({asked}); echo "${{said:-no session is in a backup}}"; [ -z "$said" ]'

    @property
    def read(self) -> str:
        """Prints the records in the order in which they were inserted."""
        return self._sql("SELECT text FROM records ORDER BY position", patience=1)

    def set_up(self, vm: VirtualMachine) -> None:
        """Make the data directory with an empty table.

        Args:
            vm: where.
        """
        require(vm, self.programs)
        tables = (
            "CREATE TABLE records (position BIGSERIAL PRIMARY KEY, text TEXT UNIQUE); "
            "CREATE TABLE probes (one INT)"
        )
        here = self.directory
        vm.run(
            f'{_AS_OTHER}; mkdir -p {here} && chmod 700 {here} && chown "$user" {here} && '
            f'$as "$bin"/initdb -N -A trust -U postgres -k --wal-segsize=1 -D {here} && '
            f'echo "{tables}" | $as "$bin"/postgres --single -F -D {here} postgres && '
            f"{synced(here)}",
            timeout=START_LIMIT,
            check=True,
        )

    def start(self, vm: VirtualMachine) -> str:
        """Start the server.

        Args:
            vm: where.
        """
        vm.run(
            f'{_AS_OTHER}; mkdir -p {SOCKET_DIRECTORY} && chown "$user" {SOCKET_DIRECTORY} && '
            f"rm -f {self.directory}/postmaster.pid",  # the number may be another process's by now
            check=True,
        )
        server = vm.start(
            f'{_AS_OTHER}; exec $as "$bin"/postgres -D {self.directory} -k {SOCKET_DIRECTORY} '
            "-c listen_addresses= -c shared_buffers=4MB -c log_statement=all "
            "-c log_line_prefix='%p ' -c logging_collector=off",
            ready=f"{_PSQL} -c 'SELECT 1'",
            timeout=START_LIMIT,
        )
        return "\n".join(line.strip() for line in _RECOVERY.findall(server.output))

    def integrity(self, vm: VirtualMachine) -> str:
        """Let ``pg_amcheck`` read every table and index; blocks have checksums.

        Args:
            vm: where.
        """
        return done_or_said(
            vm.run(
                f'for bin in {_PLACE}; do :; done; "$bin"/pg_amcheck --install-missing '
                f"-h {SOCKET_DIRECTORY} -U postgres -d postgres",
                timeout=START_LIMIT,
            )
        )

    def _sql(self, statements: str, patience: int) -> str:
        """A command; patience is in seconds."""
        return f'{_PSQL} -c "SET lock_timeout=\'{patience}s\'" -c "{statements}"'
