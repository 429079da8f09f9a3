"""Real databases: was it frozen, was it at rest, is it all there? Three answers, never merged."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.applications import (
    Answers,
    Application,
    AtRest,
    MariaDb,
    PostgreSql,
    Redis,
    Sqlite,
    Writer,
)

DATA = "/var/lib/app/data"


def back_up(vm: VirtualMachine, app: Application, scripts: str, *, freeze: bool = True) -> Answers:
    """Back up a database on a disk of its own, while records are written to it."""
    vm.volume("/var/lib/app")
    app.set_up(vm)
    app.start(vm)
    vm.install(
        pre=f"{scripts}/pre.sh", post=f"{scripts}/post.sh", pre_params=[DATA], fs_freeze=freeze
    )
    with Writer(vm, app) as writer:
        vm.wait(1)
        backup = vm.backup()
    backup.assert_application_consistent()  # so Azure calls each of them, the flawed ones too
    return writer.check(backup)


@pytest.mark.parametrize(
    ("app", "scripts"),
    [
        (PostgreSql(DATA, AtRest.IN_BACKUP), "postgresql/good"),
        (MariaDb(DATA), "mariadb/good"),
        (MariaDb(DATA, "MyISAM"), "mariadb/good"),
        (Redis(DATA, appendonly="no"), "redis/good"),
        (Sqlite(DATA), "sqlite/good"),
    ],
    ids=["postgresql", "innodb", "myisam", "redis", "sqlite"],
)
def test_good_scripts(vm: VirtualMachine, app: Application, scripts: str) -> None:
    answers = back_up(vm, app, scripts)

    answers.assert_frozen()
    answers.assert_quiesced()
    answers.assert_complete()


@pytest.mark.parametrize(
    ("app", "scripts"),
    [
        (PostgreSql(DATA, AtRest.IN_BACKUP), "postgresql/flawed"),
        (MariaDb(DATA), "mariadb/flawed"),
        (MariaDb(DATA, "MyISAM"), "mariadb/flawed"),
    ],
    ids=["postgresql", "innodb", "myisam"],
)
def test_a_lock_of_one_statement_is_seen_by_the_probe(
    vm: VirtualMachine, app: Application, scripts: str
) -> None:
    answers = back_up(vm, app, scripts)

    assert answers.quiesced.holds is False
    answers.assert_frozen()
    answers.assert_complete()  # it recovered: this time, and thanks to the freeze


def test_redis_that_does_not_save_is_seen_by_the_restore(vm: VirtualMachine) -> None:
    answers = back_up(vm, Redis(DATA, appendonly="no"), "redis/flawed")

    assert answers.complete.holds is False
    answers.assert_frozen()
    answers.assert_quiesced()  # nobody could write, and that saved nothing


def test_sqlite_without_lock_and_freeze(vm: VirtualMachine) -> None:
    answers = back_up(vm, Sqlite(DATA, synchronous="OFF"), "sqlite/flawed", freeze=False)

    assert answers.frozen.holds is False
    assert answers.quiesced.holds is False
    assert answers.complete.holds is False  # the kernel had the records, and no disk
