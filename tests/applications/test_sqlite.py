"""SQLite for real: what is acknowledged, what is refused, and what a restore has of it."""

from __future__ import annotations

import pickle

import pytest

from pytest_vmsnapshot import UsageError, VirtualMachine
from pytest_vmsnapshot.applications import Answers, Sqlite

from .trying import backed_up

WAITS = "#!/bin/sh\nsleep 2\n"
HOLDS = """#!/bin/sh
mkfifo /run/held
sqlite3 -cmd '.timeout 5000' /var/lib/app/db < /run/held > /run/said 2>&1 &
exec 3> /run/held
(exec sleep 60 >&3) 2> /dev/null < /dev/null > /dev/null &
echo $! > /run/holder
echo "BEGIN IMMEDIATE; SELECT 'held';" >&3
until grep -q held /run/said; do sleep 0.1; done
sleep 2
"""
LETS_GO = "#!/bin/sh\nkill $(cat /run/holder)\nsleep 1\n"


@pytest.fixture
def database(vm: VirtualMachine) -> Sqlite:
    app = Sqlite("/var/lib/app/db")
    vm.volume("/var/lib/app")
    app.set_up(vm)
    return app


def test_nobody_holds_it(vm: VirtualMachine, database: Sqlite) -> None:
    vm.install(pre=WAITS, post=WAITS)

    found, writer = backed_up(vm, database)

    found.assert_frozen()
    found.assert_complete()
    assert found.simulated
    assert found.quiesced.evidence == ("a write was accepted",)
    with pytest.raises(AssertionError) as caught:
        found.assert_quiesced()
    assert str(caught.value).splitlines() == [
        "SQLite: it was not at rest at the snapshot",
        "  a write was accepted",
        "  remedy: let the pre-script hold the application until the post-script: a lock ends "
        "with the client that took it, so keep that client alive in the background",
    ]
    written = writer.written(1)
    assert written is not None
    assert len(written.before) > 1
    assert written.after


def test_a_lock_that_is_held(vm: VirtualMachine, database: Sqlite) -> None:
    vm.install(pre=HOLDS, post=LETS_GO)

    found, writer = backed_up(vm, database)

    found.assert_quiesced()
    found.assert_complete()
    assert "database is locked" in found.quiesced.evidence[0]
    written = writer.written(1)
    assert written is not None
    assert written.after  # the post-script lets it go
    point = vm.backups[0].recovery_point
    assert point is not None
    assert point.check(writer) == found  # and as often as one likes
    assert str(found).splitlines()[0] == (
        "frozen     yes: /var/lib/app, on which /var/lib/app/db lies (simulated: every process was "
        "paused)"
    )
    assert Answers.from_json(found.to_json()) == found
    assert pickle.loads(pickle.dumps(found)) == found


def test_without_a_freeze(vm: VirtualMachine, database: Sqlite) -> None:
    vm.install(pre=WAITS, post=WAITS, fs_freeze=False)

    found, _ = backed_up(vm, database)

    assert found.simulated is None
    with pytest.raises(AssertionError, match="was not frozen at the snapshot\n  no freeze: off"):
        found.assert_frozen()


@pytest.mark.parametrize(("freeze", "kept"), [(True, True), (False, False)])
def test_what_is_not_synced(vm: VirtualMachine, freeze: bool, kept: bool) -> None:
    app = Sqlite("/var/lib/app/db", synchronous="OFF")
    vm.volume("/var/lib/app")
    app.set_up(vm)
    vm.install(pre=WAITS, post=WAITS, fs_freeze=freeze)

    found, _ = backed_up(vm, app)

    assert (found.frozen.holds, found.complete.holds) == (freeze, kept)


def test_a_link_to_the_data(vm: VirtualMachine) -> None:
    vm.volume("/var/lib/app", fstype="nfs")
    vm.run("ln -s /var/lib/app /srv/app", check=True)
    app = Sqlite("/srv/app/db")
    app.set_up(vm)
    found, _ = backed_up(vm, app)
    assert found.frozen.evidence == ("/var/lib/app/db lies on /var/lib/app, and frozen were /",)


def test_only_the_application(vm: VirtualMachine, database: Sqlite) -> None:
    backup = vm.backup()

    found = database.check(backup)

    assert (found.quiesced.holds, found.complete.holds) == (None, None)
    with pytest.raises(AssertionError) as caught:
        found.assert_complete()
    assert str(caught.value).splitlines() == [
        "SQLite: what is restored may not be complete",
        "  it starts, its data are whole: 0 records, in order, none torn",
        "  nobody noted which records had been acknowledged",
        "  remedy: check a Writer, which knows what was acknowledged",
    ]


def test_no_recovery_point(vm: VirtualMachine, database: Sqlite) -> None:
    vm.install(pre="#!/bin/sh\nexit 1\n", post=WAITS, continue_on_failure=False)
    backup = vm.backup()
    with pytest.raises(UsageError) as caught:
        database.check(backup)
    assert str(caught.value) == (
        "the backup left no recovery point to check: the pre-script failed and "
        "continueBackupOnFailure is false; look at explain()"
    )


def test_modes_that_are_none() -> None:
    with pytest.raises(UsageError) as caught:
        Sqlite("/db", synchronous="MAYBE", journal="PAPER")
    assert caught.value.mistakes == (
        "synchronous is 'MAYBE'; write one of OFF, NORMAL, FULL, EXTRA",
        "journal is 'PAPER'; write one of DELETE, TRUNCATE, PERSIST, WAL",
    )
