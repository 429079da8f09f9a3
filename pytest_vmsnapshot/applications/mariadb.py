"""MariaDB, its real server on a Unix socket."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import UsageError
from ..machine import VirtualMachine
from .application import START_LIMIT, Program, require, synced
from .checking import Checkable

SOCKET = "/run/mysqld/mysqld.sock"
"""Where it answers, as on Debian: ``mariadb`` and ``mysql`` find it by themselves."""

DATABASE = "app"
"""Name of the database of the records."""

_ENGINES = ("InnoDB", "MyISAM", "Aria")
_CLIENT = f"mariadb --no-defaults -S {SOCKET} -u root -BN"

# As small as it can be, so that a recovery point is. io_uring waits nowhere that the VM's clock
# could see, so no time would be skipped; nor would a model of lost writes see its writes.
_SMALL = (
    "--no-defaults --innodb-log-file-size=4M --innodb-buffer-pool-size=8M "
    "--innodb-temp-data-file-path=ibtmp1:4M:autoextend --innodb-use-native-aio=0 "
    "--aria-pagecache-buffer-size=1M --key-buffer-size=64K --performance-schema=off"
)
_RECOVERY = re.compile(
    r".*(?:crash recovery|marked as crashed|hasn't closed the table|Recovering table"
    r"|Recovering after a crash).*"
)


@dataclass(frozen=True, slots=True)
class MariaDb(Checkable):
    """A MariaDB server with its records in one table. Root has no password.

    Args:
        directory: its data directory, absolute.
        engine: what keeps the table: ``InnoDB``, ``MyISAM`` or ``Aria``.

    Raises:
        UsageError: there is no such engine.
    """

    directory: str
    engine: str = "InnoDB"

    def __post_init__(self) -> None:
        if self.engine not in _ENGINES:
            known = ", ".join(_ENGINES)
            raise UsageError([f"engine is {self.engine!r}; write one of {known}"])

    @property
    def name(self) -> str:
        """What it is."""
        return f"MariaDB with {self.engine}"

    @property
    def place(self) -> str:
        """Its data directory."""
        return self.directory

    @property
    def programs(self) -> tuple[Program, ...]:
        """What it needs."""
        return (
            Program("/usr/sbin/mariadbd", "mariadb-server"),
            Program("/usr/bin/mariadb-install-db", "mariadb-server"),
            Program("/usr/bin/mariadb", "mariadb-client"),
        )

    @property
    def write(self) -> str:
        """Waits up to 60 s for a lock, as a patient application would."""
        return self._sql("INSERT INTO records (text) VALUES ('{record}')", patience=60)

    @property
    def probe(self) -> str:
        """Waits 1 s for a lock."""
        return self._sql("INSERT INTO probes VALUES (1)", patience=1)

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
        tables = (  # a line each: the bootstrap knows no other end of a statement
            f"CREATE DATABASE {DATABASE};\nUSE {DATABASE};\n"
            "CREATE TABLE records (position BIGINT AUTO_INCREMENT PRIMARY KEY, "
            f"text VARCHAR(100) UNIQUE) ENGINE={self.engine};\n"
            f"CREATE TABLE probes (one INT) ENGINE={self.engine};\n"
        )
        vm.run(
            f"mkdir -p {self.directory} && "
            f"mariadb-install-db {_SMALL} --user=root --datadir={self.directory} "
            "--auth-root-authentication-method=normal --skip-test-db --skip-name-resolve "
            "--innodb-flush-method=nosync > /dev/null && "
            f"mariadbd {_SMALL} --user=root --datadir={self.directory} "
            f"--bootstrap --skip-networking > /dev/null && {synced(self.directory)}",
            timeout=START_LIMIT,
            stdin=tables,
            check=True,
        )

    def start(self, vm: VirtualMachine) -> str:
        """Start the server, and let it open the tables, which may need a recovery of their own.

        Args:
            vm: where.
        """
        vm.run(f"mkdir -p {SOCKET.rpartition('/')[0]}", check=True)
        server = vm.start(
            f"exec mariadbd {_SMALL} --user=root --datadir={self.directory} --skip-networking "
            f"--socket={SOCKET} --pid-file={SOCKET}.pid",
            ready=f"{_CLIENT} -e 'SELECT 1'",
            timeout=START_LIMIT,
        )
        opened = vm.run(self._sql("SELECT 1 FROM records, probes LIMIT 0", patience=1))
        said = server.output + opened.stderr
        return "\n".join(line.strip() for line in _RECOVERY.findall(said))

    def integrity(self, vm: VirtualMachine) -> str:
        """Ask for ``CHECK TABLE``. A table that was not closed is no damage.

        Args:
            vm: where.
        """
        done = vm.run(self._sql("CHECK TABLE records, probes EXTENDED", patience=1))
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        damage = [
            " ".join(row)
            for row in rows
            if row[2:3] == ["error"] or (row[2:3] == ["status"] and row[3:] != ["OK"])
        ]
        if done.exit_status != 0:
            damage.append(done.stderr.strip())
        return "\n".join(damage)

    def _sql(self, statements: str, patience: int) -> str:
        """A command; patience is in seconds."""
        limits = f"SET lock_wait_timeout={patience}, innodb_lock_wait_timeout={patience}"
        return f'{_CLIENT} {DATABASE} -e "{limits}; {statements}"'
