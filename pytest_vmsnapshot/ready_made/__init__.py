"""Ready-made command doubles for what pre- and post-scripts call most.

Each is made for one VM, puts its commands in place, and knows what state they leave behind.
"""

from .fsfreeze import Fsfreeze
from .mysql import MySql
from .postgresql import PostgreSql
from .sql_client import SqlAsked, SqlClient, SqlError, SqlSession, Statement
from .switch_user import SwitchUser
from .systemctl import Systemctl

__all__ = [
    "Fsfreeze",
    "MySql",
    "PostgreSql",
    "SqlAsked",
    "SqlClient",
    "SqlError",
    "SqlSession",
    "Statement",
    "SwitchUser",
    "Systemctl",
]
