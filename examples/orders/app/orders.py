"""A shop's order service, as small as it can be and still be worth a backup.

    orders serve    start the service in the background; it takes orders without a pause
    orders status   say whether it takes orders
    orders pause    write everything to disk and take no more orders
    orders resume   take orders again

Each order is confirmed at once, as a line in ``confirmed.log``, and written to the database
together with others, because that is faster. So at most moments the database lacks a few orders
that customers have been promised: a copy made at such a moment is not application-consistent.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from typing import TextIO

HOME = "/srv/orders"
DATABASE = f"{HOME}/orders.db"
CONFIRMED = f"{HOME}/confirmed.log"
CONTROL = f"{HOME}/control"

ORDERS_WRITTEN_TOGETHER = 20


class Service:
    """Takes orders, and obeys the commands that come over its control socket."""

    def __init__(self, control: socket.socket, database: sqlite3.Connection, log: TextIO) -> None:
        self._control = control
        self._database = database
        self._log = log
        self._taken = 0
        self._unwritten: list[tuple[int]] = []
        self._paused = False

    def run(self) -> None:
        """Serve for ever."""
        while True:
            if not self._paused:
                self._take_order()
            self._control.setblocking(self._paused)  # a paused service only waits for commands
            try:
                connection, _ = self._control.accept()
            except BlockingIOError:
                continue
            with connection:
                connection.setblocking(True)
                connection.sendall(self._obey(connection.recv(100).decode()).encode())

    def _take_order(self) -> None:
        self._taken += 1
        self._log.write(f"order {self._taken} confirmed\n")
        self._log.flush()
        self._unwritten.append((self._taken,))
        if len(self._unwritten) >= ORDERS_WRITTEN_TOGETHER:
            self._write()

    def _write(self) -> None:
        with self._database:
            self._database.executemany("INSERT INTO orders VALUES (?)", self._unwritten)
        self._unwritten.clear()

    def _obey(self, command: str) -> str:
        if command == "pause":
            self._write()
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            os.fsync(self._log.fileno())
            self._paused = True
        elif command == "resume":
            self._paused = False
        return "paused" if self._paused else "taking orders"


def serve() -> None:
    """Start the service; this comes back as soon as the service can be asked."""
    os.makedirs(HOME, exist_ok=True)
    control = socket.socket(socket.AF_UNIX)
    control.bind(CONTROL)
    control.listen()
    if os.fork() > 0:
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    database = sqlite3.connect(DATABASE)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY)")
    with open(CONFIRMED, "a", encoding="ascii") as log:
        Service(control, database, log).run()


def ask(command: str) -> None:
    """Send a command to the service and print its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(CONTROL)
        except OSError as error:
            sys.exit(f"orders: the service is not running: {error.strerror}")
        connection.sendall(command.encode())
        print(connection.recv(100).decode())


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    elif sys.argv[1:] in (["status"], ["pause"], ["resume"]):
        ask(sys.argv[1])
    else:
        sys.exit(__doc__)
