"""Consistency checks with real applications: write during a backup, restore it, and ask.

An application is written to by a ``Writer`` while a backup is taken. Then
``recovery_point.check(writer)`` boots the recovery point, starts the application there, and gives
three answers.
"""

from .answers import Answer, Answers
from .application import Application, Program, ProgramMissing, require
from .checking import Checkable
from .commands import Commands
from .mariadb import MariaDb
from .postgresql import AtRest, PostgreSql
from .records import Asked, Written
from .redis import Redis
from .sqlite import Sqlite
from .writer import Writer

__all__ = [
    "Answer",
    "Answers",
    "Application",
    "Asked",
    "AtRest",
    "Checkable",
    "Commands",
    "MariaDb",
    "PostgreSql",
    "Program",
    "ProgramMissing",
    "Redis",
    "Sqlite",
    "Writer",
    "Written",
    "require",
]
