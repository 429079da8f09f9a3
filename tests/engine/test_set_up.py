"""What a TOML file puts on a VM."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vmsnapshot import CommandFailed, UsageError, VirtualMachine
from pytest_vmsnapshot.declared import Doubles, Table, TomlFile, read_stage, set_up

EVERYTHING = """\
run = ["echo $(cat /etc/app.cnf) > /srv/seen", "systemctl stop orders"]
[files]
"/etc/app.cnf" = "text\\n"
"/etc/secret" = { content = "s", mode = "0600" }
"/etc/one" = { source = "tree/one" }
"/srv/tree" = { source = "tree", mode = 0o640 }
[directories]
"/srv/made" = { mode = "0700" }
[commands.backupctl]
stdout = "usual\\n"
optional = true
replies = [{ stdout = "first\\n" }, { stderr = "no\\n", exit_status = 3 }]
patterns = { "-v*" = { stdout = "1.0\\n" } }
[commands."/opt/bin/tool"]
stdout = "tool\\n"
[ready_made]
mysql = { answers = { "SELECT COUNT(*) *" = "7\\n" } }
postgresql = { version = 14 }
systemctl = { units = { orders = "active", mail = "failed" }, failing = ["start orders"] }
switch_user = { users = ["app"] }
fsfreeze = {}
[[volumes]]
path = "/srv"
fstype = "xfs"
size = "64M"
disk = 3
[[volumes]]
path = "/logs"
"""


def on_stage(vm: VirtualMachine, text: str, directory: Path) -> Doubles:
    table = Table.of(TomlFile(directory / "a.toml", text))
    stage = read_stage(table)
    table.finish()
    return set_up(stage, vm)


def test_everything(vm: VirtualMachine, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/one").write_text("1")
    doubles = on_stage(vm, EVERYTHING, tmp_path)
    assert vm.path("/srv/seen").read_text() == "text\n"
    assert vm.path("/etc/app.cnf").mode == 0o644
    assert vm.path("/etc/secret").mode == 0o600
    assert vm.path("/etc/one").read_text() == "1"
    assert vm.path("/srv/tree/one").mode == 0o640
    assert vm.path("/srv/made").mode == 0o700
    done = [vm.run(f"backupctl {words}") for words in ("a", "b", "c", "-v")]
    assert [(d.stdout, d.stderr, d.exit_status) for d in done] == [
        ("first\n", "", 0),
        ("", "no\n", 3),
        ("", "no\n", 3),
        ("1.0\n", "", 0),
    ]
    assert vm.run("/opt/bin/tool").stdout == "tool\n"
    assert vm.run("mysql -e 'SELECT COUNT(*) FROM orders'").stdout == "7\n"
    assert vm.run("psql -c \"SELECT pg_start_backup('x')\"").exit_status == 0
    assert vm.run("systemctl start orders").exit_status == 1
    assert vm.run("su nobody -c true").stderr.startswith("su: user nobody does not exist")
    assert vm.run("fsfreeze -f /srv; fsfreeze -f /srv").exit_status == 1
    assert [len(double.calls) for double in doubles.commands.values()] == [4, 1]
    assert doubles.systemctl is not None
    assert doubles.systemctl.stopped == ("orders.service", "mail.service")
    assert doubles.mysql is not None
    assert not doubles.mysql.locked
    assert doubles.postgresql is not None
    assert len(doubles.postgresql.held) == 1
    assert [(v.path, v.fstype, v.size, v.disk) for v in vm.volumes] == [
        ("/srv", "xfs", 64 * 1024**2, 3),
        ("/logs", "ext4", 1024**3, 0),
    ]
    assert doubles.fsfreeze is not None
    assert doubles.fsfreeze.frozen == {"/srv"}
    vm.run("fsfreeze -u /srv")


def test_nothing(vm: VirtualMachine, tmp_path: Path) -> None:
    assert on_stage(vm, "", tmp_path) == Doubles({})


def test_a_command_that_fails(vm: VirtualMachine, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        on_stage(vm, 'run = ["echo no >&2; exit 3"]', tmp_path)
    assert caught.value.stderr == "no\n"


def test_a_volume_that_cannot_be(vm: VirtualMachine, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        on_stage(vm, "volumes = [{ path = '/a' }, { path = '/a' }]", tmp_path)
