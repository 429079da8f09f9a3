"""``mysql`` and ``psql`` as ready-made doubles: sessions, and what is gone with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.ready_made import (
    MySql,
    PostgreSql,
    SqlClient,
    SqlError,
    SqlSession,
)
from pytest_vmsnapshot.ready_made.sql_client import SqlAsked

ONE_SHOT = "#!/bin/sh\nmysql -e 'FLUSH TABLES WITH READ LOCK'\n"
HELD = """\
#!/bin/sh
mkfifo /run/session
mysql < /run/session > /run/said 2>&1 &
echo $! > /run/client
exec 3> /run/session
sleep 1000 >&3 2> /dev/null &
echo $! > /run/holder
echo 'FLUSH TABLES WITH READ LOCK;' >&3
exec 3>&-
sleep 1
"""
LET_GO = "#!/bin/sh\nkill $(cat /run/holder)\nsleep 1\nrm /run/session\n"


def test_a_lock_of_one_shot_is_gone_before_the_snapshot(vm: VirtualMachine) -> None:
    mysql = MySql(vm)
    vm.install(pre=ONE_SHOT, post="#!/bin/sh\n")
    backup = vm.backup()
    backup.assert_application_consistent()
    assert not mysql.locked
    with pytest.raises(AssertionError) as caught:
        mysql.assert_locked_at_snapshot(backup)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "the global read lock was not held at the snapshot: it was taken by the pre-script, "
        "attempt 1, and gone 0.0"
    )
    assert lines[0].endswith(" s before the snapshot")
    assert lines[1:] == [
        "  taken by: mysql -e 'FLUSH TABLES WITH READ LOCK'",
        "  gone because: its client ended, and a server gives a client's locks back when it ends",
        "  remedy: keep the client that locks alive until the post-script: let it read from a "
        "FIFO that a process in the background holds open, and end that process in the "
        "post-script",
    ]


def test_a_lock_that_is_held(vm: VirtualMachine) -> None:
    mysql = MySql(vm)
    locked: list[bool] = []
    vm.on("after_snapshot", lambda at: locked.append(mysql.locked))
    vm.install(pre=HELD, post=LET_GO)
    backup = vm.backup()
    mysql.assert_locked_at_snapshot(backup)
    assert locked == [True]
    assert not mysql.locked
    assert mysql.open_calls == ()


def test_a_lock_that_nobody_takes(vm: VirtualMachine) -> None:
    mysql = MySql(vm)
    vm.install(pre="#!/bin/sh\n", post="#!/bin/sh\n")
    backup = vm.backup()
    with pytest.raises(AssertionError) as caught:
        mysql.assert_locked_at_snapshot(backup)
    assert str(caught.value).splitlines()[0] == (
        "the global read lock was not held at the snapshot: nobody has taken it before"
    )


def test_a_lock_without_a_snapshot(vm: VirtualMachine) -> None:
    mysql = MySql(vm)
    vm.install(pre=ONE_SHOT, post="#!/bin/sh\n")
    vm.fault(snapshot="all_failed")
    with pytest.raises(AssertionError) as caught:
        mysql.assert_locked_at_snapshot(vm.backup())
    assert str(caught.value) == (
        "the global read lock was not held at the snapshot: no snapshot was taken"
    )


def test_a_write_is_refused_while_another_session_locks(vm: VirtualMachine) -> None:
    MySql(vm)
    vm.install(pre=HELD, post=LET_GO)
    probe = vm.probe("mysql -e 'INSERT INTO orders VALUES (1)'")
    vm.backup()
    (done,) = probe.results
    assert (done.exit_status, done.stderr) == (
        1,
        "ERROR 1205 (HY000) at line 1: Lock wait timeout exceeded; try restarting transaction\n",
    )
    assert vm.run("mysql -e 'INSERT INTO orders VALUES (2)'").exit_status == 0


@pytest.mark.parametrize(
    ("words", "stdout", "stderr", "status"),
    [
        ("mysql -e 'SELECT 1'", "1\n", "", 0),
        ("mysql -Nse 'SELECT COUNT(*) FROM orders'", "42\n", "", 0),
        ("mysql -N -B -hdb -uroot -e 'SELECT COUNT(*) FROM orders'", "42\n", "", 0),
        ("mysql --defaults-file=/x -BNe'SELECT COUNT(*) FROM orders' app", "42\n", "", 0),
        ("mysql --execute='SELECT COUNT(*) FROM orders'", "42\n", "", 0),
        ("mysql -uroot -e'select   count(*) from orders; SELECT 1'", "42\n1\n", "", 0),
        ("echo 'SELECT COUNT(*) FROM orders;' | mysql", "42\n", "", 0),
        ("echo 'SELECT COUNT(*) FROM orders' | mysql", "42\n", "", 0),
        ("printf 'exit\\nSELECT COUNT(*) FROM orders;' | mysql", "", "", 0),
        (
            "mysql -e 'FLUSH TABLES WITH READ LOCK; DROP TABLE x; SELECT COUNT(*) FROM orders'",
            "",
            "ERROR 1223 (HY000) at line 1: Can't execute the query because you have a "
            "conflicting read lock\n",
            1,
        ),
        (
            "printf 'FLUSH TABLES WITH READ LOCK;\\nDROP TABLE x;\\nSELECT COUNT(*) FROM orders;' "
            "| mysql --force",
            "42\n",
            "ERROR 1223 (HY000) at line 2: Can't execute the query because you have a "
            "conflicting read lock\n",
            0,
        ),
        (
            "mysql -e 'FLUSH TABLES WITH READ LOCK; UNLOCK TABLES; DROP TABLE x'",
            "",
            "",
            0,
        ),
        (
            "mysql -e 'SET GLOBAL super_read_only = ON'; mysql -e 'DROP TABLE x'",
            "",
            "ERROR 1290 (HY000) at line 1: The MySQL server is running with the "
            "--super-read-only option so it cannot execute this statement\n",
            1,
        ),
        (
            "mysql -e 'SET GLOBAL super_read_only=1; SET GLOBAL super_read_only=0'; "
            "/usr/bin/mariadb -e 'DROP TABLE x'",
            "",
            "",
            0,
        ),
    ],
)
def test_mysql(vm: VirtualMachine, words: str, stdout: str, stderr: str, status: int) -> None:
    MySql(vm, answers={"SELECT COUNT(*) FROM *": "42\n"})
    done = vm.run(words)
    assert (done.stdout, done.stderr, done.exit_status) == (stdout, stderr, status)


START = "SELECT pg_backup_start('nightly')"


@pytest.mark.parametrize(
    ("words", "stdout", "stderr", "status"),
    [
        ("psql -c CHECKPOINT", "", "", 0),
        ("psql -Atqc 'SELECT 7' app", "7\n", "", 0),
        ("psql -Upostgres -d app -c'SELECT 7'", "7\n", "", 0),
        (
            "psql -c \"SELECT 'pg_backup_start'\"; psql -c 'SELECT pg_sleep(3)'",
            "pg_backup_start\n",
            "",
            0,
        ),
        (f'psql -tAc "{START}"', "0/2000028\n", "", 0),
        (f'psql -c "{START}"', "0/2000028\n", "", 0),
        (
            "psql -c 'SELECT pg_backup_stop()'",
            "",
            "ERROR:  backup is not in progress\n",
            1,
        ),
        (
            f'psql -c "{START}"; psql --command="SELECT * FROM pg_backup_stop()"',
            "0/2000028\n",
            "ERROR:  backup is not in progress\n",
            1,
        ),
        (f'psql -c "{START}; SELECT pg_backup_stop()"', "0/2000028\n0/2000028\n", "", 0),
        (
            "echo 'SELECT pg_backup_stop(); SELECT 7;' | psql",
            "7\n",
            "ERROR:  backup is not in progress\n",
            0,
        ),
        (
            "echo 'SELECT pg_backup_stop(); SELECT 7;' | psql -v ON_ERROR_STOP=1",
            "",
            "ERROR:  backup is not in progress\n",
            3,
        ),
        (
            "psql -c \"SELECT pg_start_backup('x')\"",
            "",
            "ERROR:  function pg_start_backup(unknown) does not exist\n",
            1,
        ),
        (
            "psql -f /srv/backup.sql",
            "",
            "pytest-vmsnapshot: this stand-in for psql reads no files; give it the statements by "
            "-c or on its standard input, or stand in for psql with a class of your own\n",
            1,
        ),
    ],
)
def test_psql(vm: VirtualMachine, words: str, stdout: str, stderr: str, status: int) -> None:
    PostgreSql(vm, answers={"SELECT 7": "7\n"})
    done = vm.run(words)
    assert (done.stdout, done.stderr, done.exit_status) == (stdout, stderr, status)


def test_a_backup_that_the_server_aborts(vm: VirtualMachine) -> None:
    psql = PostgreSql(vm)
    vm.install(pre=f'#!/bin/sh\npsql -c "{START}"\n', post="#!/bin/sh\n")
    backup = vm.backup()
    assert not psql.in_backup
    with pytest.raises(AssertionError) as caught:
        psql.assert_in_backup_at_snapshot(backup)
    assert (
        "  gone because: its client ended, and the server aborts a backup whose session ends "
        "before pg_backup_stop" in str(caught.value)
    )


def test_a_backup_whose_session_is_kept_open(vm: VirtualMachine) -> None:
    psql = PostgreSql(vm)
    pre = HELD.replace("mysql", "psql").replace(
        "FLUSH TABLES WITH READ LOCK", "SELECT pg_backup_start(1)"
    )
    post = "#!/bin/sh\necho 'SELECT pg_backup_stop();' > /run/session\nsleep 1\n"
    vm.install(pre=pre, post=post + LET_GO.partition("\n")[2])
    backup = vm.backup()
    psql.assert_in_backup_at_snapshot(backup)
    assert [held.lost for held in psql.held] == [""]


class Vault(SqlClient):
    """A server of a project's own."""

    usual_places = ("vault",)

    def asked(self, args: Sequence[str]) -> SqlAsked:
        return SqlAsked([" ".join(args)])

    def execute(self, statement: str, session: SqlSession, at: float) -> str:
        if statement == "seal":
            raise SqlError("it is sealed already", delay=5)
        return f"{statement}ed\n"


def test_a_class_of_ones_own(vm: VirtualMachine) -> None:
    vault = Vault(vm, answers={"status": "open\n"})
    done = vm.run("vault lock; vault status; vault seal; echo $?")
    assert done.stdout == "locked\nopen\n1\n"
    assert done.stderr == "ERROR at line 1: it is sealed already\n"
    assert [(row.text, row.error) for row in vault.statements] == [
        ("lock", ""),
        ("status", ""),
        ("seal", "it is sealed already"),
    ]
    assert vault.calls[-1].ended is not None
    assert vault.calls[-1].ended - vault.calls[-1].started >= 5


@pytest.mark.parametrize(
    ("statements", "locked", "read_only"),
    [
        ("FLUSH TABLES WITH READ LOCK", True, False),
        ("flush  local tables\nwith read lock", True, False),
        ("FLUSH TABLES a, b WITH READ LOCK", False, False),
        ("FLUSH TABLES WITH READ LOCK; UNLOCK TABLE", False, False),
        ("FLUSH TABLES", False, False),
        ("SET GLOBAL super_read_only = ON", False, True),
        ("SET @@global.super_read_only=1", False, True),
        ("SET PERSIST super_read_only = TRUE", False, True),
        ("SET GLOBAL read_only = 1, super_read_only = 1", False, True),
        ("SET GLOBAL read_only = 1", False, False),
        ("SET GLOBAL super_read_only = ON; SET GLOBAL super_read_only = OFF", False, False),
    ],
)
def test_what_locks(vm: VirtualMachine, statements: str, locked: bool, read_only: bool) -> None:
    mysql = MySql(vm)
    vm.run(f"(echo '{statements};'; sleep 100) | mysql > /dev/null 2>&1 &")
    vm.wait(1)
    assert (mysql.locked, mysql.read_only) == (locked, read_only)


def test_a_client_that_sleeps_keeps_its_lock(vm: VirtualMachine) -> None:
    mysql = MySql(vm)
    lock = "FLUSH TABLES WITH READ LOCK; SELECT SLEEP(100)"
    vm.install(
        pre=f"#!/bin/sh\nmysql -e '{lock}' > /dev/null 2>&1 &\nsleep 1\n",
        post="#!/bin/sh\npkill mysql\nsleep 1\n",
    )
    mysql.assert_locked_at_snapshot(vm.backup())
    assert not mysql.locked


@pytest.mark.parametrize("line", ["system sync", "source x.sql", "delimiter //", "\\! sync"])
def test_lines_that_a_client_would_carry_out(vm: VirtualMachine, line: str) -> None:
    mysql = MySql(vm)
    vm.write("/srv/in", f"SELECT 1;\n{line}\nSELECT 2;\n")
    done = vm.run("mysql < /srv/in")
    assert (done.exit_status, done.stderr) == (
        1,
        f"pytest-vmsnapshot: this stand-in does not know {line.split()[0]}; let the shell do it, "
        "or stand in with a class of your own\n",
    )
    assert [row.text for row in mysql.statements] == ["SELECT 1"]


def test_lines_that_only_change_a_client(vm: VirtualMachine) -> None:
    psql = PostgreSql(vm)
    vm.write(
        "/srv/in",
        "\\set ON_ERROR_STOP on\n\\echo it's\nSELECT 1;\nSELECT pg_backup_stop();\nSELECT 2;\n",
    )
    assert vm.run("psql < /srv/in").exit_status == 3
    assert [row.text for row in psql.statements] == ["SELECT 1", "SELECT pg_backup_stop()"]
