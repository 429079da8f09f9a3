"""Real servers: scripts that hold them, scripts that only seem to, and damage that is found."""

from __future__ import annotations

import re

import pytest

from pytest_vmsnapshot import UsageError
from pytest_vmsnapshot.applications import Application, AtRest, MariaDb, PostgreSql, Redis

from .trying import VOLUME, Prepare, backed_up, install

DATA = f"{VOLUME}/data"
IN_BACKUP = PostgreSql(DATA, AtRest.IN_BACKUP)
INNODB, MYISAM, REDIS = MariaDb(DATA), MariaDb(DATA, "MyISAM"), Redis(DATA, "no")

NOISE = "dd if=/dev/urandom bs=1k count=60 conv=notrunc"
NEWEST = "$(ls -v base/5/* | grep -v _ | tail -n 8)"
LOCKED = """#!/bin/sh
mkfifo /run/in
psql -U postgres < /run/in > /run/out 2>&1 &
exec 3> /run/in
exec sleep 600 >&3 2> /dev/null < /dev/null &
echo $! > /run/holder
echo "BEGIN; LOCK TABLE records, probes IN SHARE MODE; SELECT 'locked';" >&3
exec 3>&-
until grep -q locked /run/out; do sleep 0.1; done
"""
UNLOCKED = "#!/bin/sh\nkill $(cat /run/holder)\nsleep 1\n"


@pytest.mark.parametrize(
    ("app", "scripts", "quiesced", "said"),
    [
        (IN_BACKUP, "postgresql/good", True, r"session \d+ is in a backup"),
        (IN_BACKUP, "postgresql/flawed", False, "no session is in a backup"),
        (INNODB, "mariadb/good", True, "ERROR 1205 .* Lock wait timeout exceeded"),
        (INNODB, "mariadb/flawed", False, "a write was accepted"),
        (MYISAM, "mariadb/good", True, "ERROR 1205 .* Lock wait timeout exceeded"),
        (REDIS, "redis/good", True, "a write was refused: no answer within 2 s"),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else None,
)
def test_scripts(
    prepared: Prepare, app: Application, scripts: str, quiesced: bool, said: str
) -> None:
    with prepared(app) as vm:
        app.start(vm)
        install(vm, scripts)

        found, _ = backed_up(vm, app)

        assert vm.findings == ()
        assert vm.backups[0].errors == ()
    found.assert_frozen()
    assert found.quiesced.holds is quiesced
    assert re.search(said, found.quiesced.evidence[0])
    found.assert_complete()


def test_redis_at_rest_with_nothing_on_the_disk(prepared: Prepare) -> None:
    with prepared(REDIS) as vm:
        REDIS.start(vm)
        install(vm, "redis/flawed")
        found, writer = backed_up(vm, REDIS)
    written = writer.written(1)  # what it knows outlives the VM
    found.assert_frozen()
    found.assert_quiesced()
    assert written is not None
    with pytest.raises(AssertionError) as caught:
        found.assert_complete()
    count = len(written.before)
    assert str(caught.value).splitlines() == [
        "Redis: what is restored is not complete",
        f"  {count} of {count} records that were acknowledged before the snapshot are missing: "
        f"1 to {count}",
        "  remedy: let the pre-script bring the data to the disk, and hold the application until "
        "the post-script; or let the application sync what it acknowledges",
    ]


@pytest.mark.parametrize("appendonly", ["everysec", "always"])
def test_redis_that_appends_needs_no_script(prepared: Prepare, appendonly: str) -> None:
    app = Redis(DATA, appendonly)
    with prepared(app) as vm:
        app.start(vm)
        found, _ = backed_up(vm, app)
    assert found.quiesced.evidence == ("no pre-script ran, so nothing brought it to rest",)
    found.assert_complete()


def test_postgresql_that_is_locked(prepared: Prepare) -> None:
    app = PostgreSql(DATA)
    with prepared(app) as vm:
        app.start(vm)
        vm.install(pre=LOCKED, post=UNLOCKED)
        found, writer = backed_up(vm, app)
        assert writer.written(1).after  # type: ignore[union-attr]
    assert "canceling statement due to lock timeout" in found.quiesced.evidence[0]
    found.assert_quiesced()
    found.assert_complete()
    assert "not properly shut down" in found.recovery  # which is no failure


def test_tables_that_a_lock_has_closed_need_no_repair(prepared: Prepare) -> None:
    recoveries = {}
    for scripts in ("good", "flawed"):
        with prepared(MYISAM) as vm:
            MYISAM.start(vm)
            install(vm, f"mariadb/{scripts}")
            found, _ = backed_up(vm, MYISAM)
        found.assert_complete()
        recoveries[scripts] = found.recovery
    assert recoveries["good"] == ""
    assert "is marked as crashed" in recoveries["flawed"]


@pytest.mark.parametrize(
    ("app", "damage", "said"),
    [
        (IN_BACKUP, f"for f in {NEWEST}; do {NOISE} seek=1 of=$f; done", "invalid page"),
        (IN_BACKUP, "rm global/pg_control", "it does not start on the restored data: "),
        (INNODB, f"for f in ibdata1 app/*.ibd; do {NOISE} seek=40 of=$f; done", "it does"),
        (MYISAM, f"{NOISE} of=app/records.frm", "it starts and cannot be read: "),
        (REDIS, "echo REDIS0010nonsense > dump.rdb", "it does not start on the restored data: "),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else None,
)
def test_damage_is_told(
    prepared: Prepare, app: PostgreSql | MariaDb | Redis, damage: str, said: str
) -> None:
    with prepared(app) as vm:
        vm.run(f"cd {DATA} && {{ {damage}; }}", check=True)
        backup = vm.backup()
        found = app.check(backup)
    assert found.complete.holds is False, found
    assert said in found.complete.evidence[0]


def test_words_that_are_none() -> None:
    with pytest.raises(UsageError, match="engine is 'CSV'; write one of InnoDB, MyISAM, Aria"):
        MariaDb(DATA, "CSV")
    with pytest.raises(UsageError, match="appendonly is 'yes'; write one of no, everysec, always"):
        Redis(DATA, "yes")
