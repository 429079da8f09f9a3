"""``systemctl``, ``service``, ``su``, ``sudo``, ``runuser``, ``fsfreeze`` as ready-made doubles."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import FindingKind, UsageError, VirtualMachine
from pytest_vmsnapshot.ready_made import Fsfreeze, SwitchUser, Systemctl

UNITS = {"orders": "active", "mail.service": "inactive", "cups.socket": "failed"}


@pytest.mark.parametrize(
    ("words", "stdout", "stderr", "status"),
    [
        ("systemctl is-active orders", "active\n", "", 0),
        ("systemctl is-active orders.service mail", "active\ninactive\n", "", 0),
        ("systemctl is-active mail unknown", "inactive\ninactive\n", "", 3),
        ("systemctl begin orders", "", "Unknown command verb 'begin'.\n", 1),
        ("systemctl stop", "", "Too few arguments.\n", 1),
        ("systemctl kill -s HUP orders; systemctl is-active orders", "active\n", "", 0),
        ("systemctl kill orders; systemctl is-active orders", "inactive\n", "", 3),
        ("systemctl stop 'ord*'; systemctl is-active orders", "inactive\n", "", 3),
        ("systemctl stop 'none*'", "", "", 0),
        ("systemctl show -P ActiveState orders", "active\n", "", 0),
        ("systemctl show -pActiveState orders", "ActiveState=active\n", "", 0),
        ("systemctl -q is-active mail", "", "", 3),
        ("systemctl --quiet is-active orders", "", "", 0),
        ("systemctl is-active unknown", "inactive\n", "", 3),
        ("systemctl is-failed cups.socket", "failed\n", "", 0),
        ("systemctl is-failed orders", "active\n", "", 1),
        ("systemctl is-enabled orders", "enabled\n", "", 0),
        (
            "systemctl is-enabled unknown",
            "",
            "Failed to get unit file state for unknown.service\n",
            1,
        ),
        ("systemctl status orders", "* orders.service\n     Active: active\n", "", 0),
        ("systemctl status mail", "* mail.service\n     Active: inactive\n", "", 3),
        ("systemctl status unknown", "", "Unit unknown.service could not be found.\n", 4),
        ("systemctl stop orders && systemctl is-active orders", "inactive\n", "", 3),
        ("/bin/systemctl --no-block stop orders; systemctl is-active orders", "inactive\n", "", 3),
        ("systemctl restart mail; systemctl is-active mail", "active\n", "", 0),
        ("systemctl try-restart mail; systemctl is-active mail", "inactive\n", "", 3),
        ("systemctl reload mail", "", "mail.service is not active, cannot reload.\n", 1),
        (
            "systemctl start unknown",
            "",
            "Failed to start unknown.service: Unit unknown.service not found.\n",
            5,
        ),
        (
            "systemctl stop sticky; systemctl is-active sticky",
            "active\n",
            "Job for sticky.service failed because the control process exited with error code.\n"
            'See "systemctl status sticky.service" and "journalctl -xe" for details.\n',
            0,
        ),
        ("systemctl show -p ActiveState --value orders", "active\n", "", 0),
        (
            "systemctl show --property=LoadState,SubState orders",
            "LoadState=loaded\nSubState=running\n",
            "",
            0,
        ),
        ("systemctl disable --now orders; systemctl is-active orders", "inactive\n", "", 3),
        ("systemctl enable mail; systemctl is-active mail", "inactive\n", "", 3),
        (
            "systemctl mask unknown",
            "",
            "Failed to mask unit: Unit unknown.service does not exist.\n",
            1,
        ),
        ("systemctl daemon-reload", "", "", 0),
        (
            "service orders stop; service orders status",
            "* orders.service\n     Active: inactive\n",
            "",
            3,
        ),
        ("/usr/sbin/service mail start; systemctl is-active mail", "active\n", "", 0),
        ("service unknown start", "", "unknown: unrecognized service\n", 1),
    ],
)
def test_units(vm: VirtualMachine, words: str, stdout: str, stderr: str, status: int) -> None:
    Systemctl(vm, {**UNITS, "sticky": "active"}, failing=["stop sticky"])
    done = vm.run(words)
    assert (done.stdout, done.stderr, done.exit_status) == (stdout, stderr, status)


def test_a_start_that_fails(vm: VirtualMachine) -> None:
    systemctl = Systemctl(vm, {"orders": "inactive"}, failing=["start *"])
    assert vm.run("systemctl start orders").exit_status == 1
    assert systemctl.units == {"orders.service": "failed"}
    assert systemctl.stopped == ("orders.service",)


def test_any_unit(vm: VirtualMachine) -> None:
    systemctl = Systemctl(vm)
    assert vm.run("systemctl stop whatever; service other status >/dev/null").exit_status == 0
    assert systemctl.units == {"whatever.service": "inactive", "other.service": "active"}
    assert [call.args for call in systemctl.calls] == [("stop", "whatever"), ("other", "status")]


def test_mistakes_about_units(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        Systemctl(vm, {"orders": "up"}, failing="stop orders")
    assert caught.value.mistakes == (
        "units: 'orders' is 'up'; write one of active, inactive, failed",
        "failing is a string, 'stop orders'; write ['stop orders']",
    )


SHOW = "'echo $USER $LOGNAME $HOME'"


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "ksh", "mksh", "yash"])
def test_in_each_shell(vm_factory: object, shell: str) -> None:
    assert callable(vm_factory)
    vm: VirtualMachine = vm_factory(shell=shell)
    users = SwitchUser(vm)
    su = "/bin/su" if shell == "busybox" else "su"  # which has an applet of that name
    words = (f"{su} - oracle -c", "sudo -u oracle sh -c", "runuser -u oracle -- sh -c")
    done = vm.run("; ".join(f"{word} {SHOW}" for word in words))
    assert done.stdout == "oracle oracle /home/oracle\n" * 3
    assert [call.argv[0] for call in users.calls] == [su, "sudo", "runuser"]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (f"su oracle -c {SHOW}", "oracle oracle /home/oracle\n"),
        (f"su -c {SHOW} oracle", "oracle oracle /home/oracle\n"),
        (f"su - -c {SHOW}", "root root /root\n"),
        (f"su -l oracle -s /bin/bash -c {SHOW}", "oracle oracle /home/oracle\n"),
        (f"su - oracle --command={SHOW}", "oracle oracle /home/oracle\n"),
        ("su oracle -c 'echo $0 $1 $2' a b c", "a b c\n"),
        ("echo 'echo $USER; exit 3' | su oracle; echo $?", "oracle\n3\n"),
        ("su - oracle -c 'exit 7'; echo $?", "7\n"),
        ("X=1 su -m oracle -c 'echo ${USER-none} $X'", "none 1\n"),
        (f"/bin/su - oracle -c {SHOW}", "oracle oracle /home/oracle\n"),
        (f"runuser -l oracle -c {SHOW}", "oracle oracle /home/oracle\n"),
        (f"runuser - oracle -c {SHOW}", "oracle oracle /home/oracle\n"),
        ("runuser -u oracle echo a 'b c'", "a b c\n"),
        ("sudo echo 'a  b'", "a  b\n"),
        ("sudo -u oracle -H -n X=1 sh -c 'echo $USER $X'", "oracle 1\n"),
        ("sudo -iu oracle pwd", "/\n"),
        ("sudo --user=oracle -- sh -c 'echo $USER'", "oracle\n"),
        ("export X=1; su - oracle -c 'echo ${X-none}'; su oracle -c 'echo $X'", "none\n1\n"),
        ("export X=1; sudo sh -c 'echo ${X-none}'; sudo -E sh -c 'echo $X'", "none\n1\n"),
        ("sudo -D /tmp pwd; sudo --chdir=/srv pwd", "/tmp\n/srv\n"),
    ],
)
def test_switching_users(vm: VirtualMachine, words: str, printed: str) -> None:
    SwitchUser(vm)
    done = vm.run(words)
    assert (done.stdout, done.stderr) == (printed, "")


def test_a_user_of_the_vm(vm: VirtualMachine) -> None:
    SwitchUser(vm)
    expected = (
        "nobody\n"
        if vm.run("setpriv --reuid 65534 --clear-groups true").exit_status == 0
        else "root\n"
    )
    assert vm.run("su nobody -s /bin/sh -c 'id -un'").stdout == expected
    assert vm.run("sudo -u nobody id -un").stdout == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "su - oracle -c true",
            "su: user oracle does not exist or the user entry does not contain all the required "
            "fields\n",
        ),
        ("sudo -u oracle true", "sudo: unknown user oracle\n"),
    ],
)
def test_a_user_that_does_not_exist(vm: VirtualMachine, words: str, said: str) -> None:
    SwitchUser(vm, users=["postgres"])
    done = vm.run(words)
    assert (done.exit_status, done.stderr) == (1, said)
    assert vm.run("su postgres -c 'echo $USER'; sudo id -u").stdout == "postgres\n0\n"


def test_users_that_are_none(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as caught:
        SwitchUser(vm, users="postgres")
    assert caught.value.mistakes == (
        "users is 'postgres'; write a list of names, such as ['postgres']",
    )


@pytest.mark.parametrize("name", ["fsfreeze", "xfs_freeze", "/sbin/fsfreeze"])
def test_freezing(vm: VirtualMachine, name: str) -> None:
    fsfreeze = Fsfreeze(vm)
    short = name.rpartition("/")[2]
    assert vm.run(f"{name} -f data/", cwd="/").exit_status == 0
    assert fsfreeze.frozen == {"/data"}
    done = vm.run(f"{name} -f /data")
    assert (done.exit_status, done.stderr) == (
        1,
        f"{short}: /data: freeze failed: Device or resource busy\n",
    )
    assert vm.run(f"{name} -u /data").exit_status == 0
    assert fsfreeze.frozen == set()
    done = vm.run(f"{name} -u /data; {name}")
    assert done.stderr == (
        f"{short}: /data: unfreeze failed: Invalid argument\n"
        f"{short}: no filesystem, or no action, specified\n"
    )
    assert len(fsfreeze.calls) == 5


@pytest.mark.vm(allow=["units"])
def test_units_that_are_still_stopped(vm: VirtualMachine) -> None:
    Systemctl(vm, {"orders": "active", "mail": "inactive", "web": "active", "db": "active"})
    vm.install(
        pre="#!/bin/sh\nsystemctl stop orders mail web db\n",
        post="#!/bin/sh\nsystemctl start web\n",
    )
    told = [str(found) for found in vm.backup().findings]
    assert told == [
        f"units: {name}.service was active before the backup and is inactive now; start it in the "
        "post-script, whatever became of the pre-script"
        for name in ("orders", "db")
    ]
    assert vm.backup().findings == (), "nothing has changed since"


@pytest.mark.vm(allow=["units"])
def test_units_that_were_never_named_before(vm: VirtualMachine) -> None:
    Systemctl(vm)
    vm.install(pre="#!/bin/sh\nsystemctl stop orders\n", post="#!/bin/sh\n")
    assert [found.kind for found in vm.backup().findings] == [FindingKind.UNITS]


@pytest.mark.vm(allow=["frozen"])
def test_a_file_system_that_is_still_frozen(vm: VirtualMachine) -> None:
    Fsfreeze(vm)
    vm.install(pre="#!/bin/sh\nfsfreeze -f /data\n", post="#!/bin/sh\n")
    assert [str(found) for found in vm.backup().findings] == [
        "frozen: /data is still frozen after the backup, and whoever writes there hangs; thaw it "
        "in the post-script, whatever became of the pre-script"
    ]
