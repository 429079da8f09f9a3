"""Consistency checks with real applications: write during a backup, restore it, and ask.

An application is written to by a ``Writer`` while a backup is taken; ``check`` boots the recovery
point, starts the application there, and gives three answers.
"""

from .answers import Answer, Answers
from .application import Application, Program, ProgramMissing, require
from .checking import check
from .commands import Commands
from .mariadb import MariaDb
from .postgresql import AtRest, PostgreSql
from .redis import Redis
from .sqlite import Sqlite
from .writer import Asked, Writer

__all__ = [
    "Answer",
    "Answers",
    "Application",
    "Asked",
    "AtRest",
    "Commands",
    "MariaDb",
    "PostgreSql",
    "Program",
    "ProgramMissing",
    "Redis",
    "Sqlite",
    "Writer",
    "check",
    "require",
]
