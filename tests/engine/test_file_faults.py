"""Faults of files and of the disk: they are there during a backup, and gone after it."""

from __future__ import annotations

import pytest

from pytest_vmsnapshot import (
    CONFIG_PATH,
    PLUGIN_HOST_PATH,
    Backup,
    FileFault,
    MemoryMachine,
    ScriptFault,
    Step,
    UsageError,
    VirtualMachine,
)
from pytest_vmsnapshot.fault_checks import FaultOptions

OK = "#!/bin/sh\n"
PRE = "/opt/vmsnapshot/pre.sh"

pytestmark = pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer")

FILES: dict[str, tuple[FaultOptions, str]] = {
    "missing": ({"pre_file": "missing"}, f"{PRE} does not exist"),
    "directory": ({"pre_file": "directory"}, f"{PRE} is a directory, not a file"),
    "dangling": ({"pre_file": "dangling"}, f"{PRE} is a link that leads nowhere"),
    "unreadable": (
        {"pre_file": "unreadable"},
        f"{PRE} cannot be looked at: Too many levels of symbolic links",
    ),
    "crlf": (
        {"pre_file": "crlf"},
        f"{PRE}: could not be started: its first line ends in CR LF, so the interpreter "
        "'/bin/sh\\r' does not exist; save it with LF line ends",
    ),
    "mode": (
        {"pre_file": FileFault(mode=0o755)},
        f"{PRE} has mode 755 and owner root; it must have mode 700 and owner root",
    ),
    "owner": (
        {"pre_file": {"owner": "daemon"}},
        f"{PRE} has mode 700 and owner daemon; it must have mode 700 and owner root",
    ),
    "post": (
        {"post_file": "missing"},
        "/opt/vmsnapshot/post.sh does not exist",
    ),
    "config": (
        {"config_file": "bom"},
        f"{CONFIG_PATH}: starts with a byte order mark; save it as UTF-8 without one",
    ),
    "config mode": (
        {"config_file": {"mode": 0o644}},
        f"{CONFIG_PATH} has mode 644 and owner root; it must have mode 600 and owner root",
    ),
    "config directory": ({"config_file": "directory"}, f"{CONFIG_PATH} is a directory, not a file"),
    "function": (
        {"config_file": lambda content: content.replace(b"30", b"-30")},
        f"{CONFIG_PATH}: timeoutInSeconds is -30, below 1",
    ),
    "host": (
        {"plugin_host": "corrupt"},
        f"{PLUGIN_HOST_PATH}: File contains no section headers. file: '<string>', line: 1 "
        "'pre_post]\\n'",
    ),
    "both": (
        {"config_file": "crlf", "pre_file": "missing"},
        f"{PRE} does not exist",
    ),
}


def look(vm: VirtualMachine) -> str:
    command = (
        "(find /opt/vmsnapshot /etc/azure /var/lib/waagent -type f -printf '%p %m %u %s %T@\\n' "
        "-exec md5sum {} +; find /opt/vmsnapshot /etc/azure ! -type f) | sort"
    )
    return vm.run(command, check=True).stdout


@pytest.mark.parametrize("name", FILES)
def test_files(vm: VirtualMachine, name: str) -> None:
    faults, detail = FILES[name]
    vm.install(pre=OK, post=OK)
    before = look(vm)
    vm.fault(**faults)
    backup = vm.backup()
    assert detail in [error.detail for error in backup.errors]
    assert len(backup.faults) == len(faults)
    assert look(vm) == before
    vm.fault(pre_file="ok", post_file="ok", config_file="ok", plugin_host="ok")
    vm.backup().assert_application_consistent()


def test_no_config(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    vm.fault(config_file="missing")
    backup = vm.backup()
    backup.assert_file_system_consistent()
    assert backup.faults == ("the config is missing",)


@pytest.mark.vm(rules="shipped")
def test_no_plugin_host_at_all(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    vm.fault(plugin_host="missing")
    backup = vm.backup()
    assert backup.extension.precheck == 304 or backup.pre is None
    vm.fault(plugin_host="ok")
    vm.backup().assert_application_consistent()


def test_a_link_to_a_script_stays_one(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK, pre_location="/opt/current.sh")
    vm.run("mv /opt/current.sh /opt/v2.sh; ln -s v2.sh /opt/current.sh", check=True)
    for damage in ("missing", "crlf"):
        vm.fault(pre_file=damage)
        vm.backup().assert_file_system_consistent()
        assert vm.run("readlink /opt/current.sh; cat /opt/v2.sh").stdout == f"v2.sh\n{OK}"


def test_an_owner_survives_damage(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK, pre_owner="daemon")
    vm.fault(pre_file="crlf")
    for _ in range(2):
        backup = vm.backup()
        backup.assert_error("InsufficientPermissionforPre-Script")
        vm.fault(pre_file="ok")
    assert vm.backup().errors[0].detail.startswith(f"{PRE} has mode 700 and owner daemon")


def test_what_is_not_there_cannot_be_damaged(vm: VirtualMachine) -> None:
    vm.fault(config_file="crlf", pre_file="crlf")
    with pytest.raises(UsageError) as caught:
        vm.backup()
    assert caught.value.mistakes == (
        f"pre_file: {CONFIG_PATH} has no absolute preScriptLocation, so there is no file; install "
        "one first",
        f"config_file: {CONFIG_PATH} cannot be spoiled on the VM: No such file or directory; "
        "install it first",
    )
    assert vm.backups == ()


def test_a_function_that_returns_something_else(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    before = look(vm)
    vm.fault(config_file=lambda content: "text")  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        vm.backup()
    assert str(caught.value) == ("config_file: the function returned 'text'; let it return bytes")
    assert look(vm) == before


# -- the disk --------------------------------------------------------------------------------------


def test_the_disk_is_full(vm: VirtualMachine) -> None:
    vm.write("/data/orders", "one\n")
    vm.install(pre="#!/bin/sh\nset -e\nhead -c 100000 /dev/zero > /data/dump\n", post=OK)
    vm.fault(disk_full=True)
    backup = vm.backup()
    backup.assert_error("Pre-ScriptExecutionFailed")
    assert backup.pre is not None
    assert "No space left on device" in backup.pre.stderr
    assert backup.recovery_point is not None
    assert backup.recovery_point.read_text("/data/orders") == "one\n"
    assert backup.faults == ("the disk is full from the pre-script on",)
    vm.run("head -c 50000000 /dev/zero > /data/dump", check=True)
    vm.fault(disk_full=False)
    vm.backup().assert_application_consistent()


def test_read_only(vm: VirtualMachine) -> None:
    vm.write("/data/orders", "one\n")
    vm.write("/etc/orders.conf", "two\n")
    vm.install(pre="#!/bin/sh\ntouch /data/a; touch /etc/b; touch /srv/c\n", post=OK)
    vm.fault(read_only=["/data", "/etc"])
    backup = vm.backup()
    assert backup.pre is not None
    assert backup.pre.stderr.count("Read-only file system") == 2
    assert vm.path("/srv/c").exists()
    assert backup.recovery_point is not None
    assert backup.recovery_point.read_text("/data/orders") == "one\n"
    assert backup.recovery_point.read_text("/etc/orders.conf") == "two\n"
    assert not [sentence for sentence in backup.modelled if "recovery point" in sentence]
    vm.run("touch /data/a /etc/b", check=True)
    assert "/data" not in vm.run("cat /proc/self/mounts").stdout


def test_the_disk_is_as_it_was_until_the_pre_script(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    vm.on("before_pre", lambda at: at.run("echo a > /data/a", check=True))
    vm.fault(disk_full=True, read_only="/data")
    backup = vm.backup()
    assert [event.text for event in backup.events if event.step is Step.PRE_SCRIPT][:3] == [
        "  test: echo a > /data/a → 0",
        "  fault: the disk is full from the pre-script on",
        "  fault: /data is read-only from the pre-script on",
    ]


def test_no_pre_script_no_fault(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK, pre_mode=0o755)
    vm.fault(disk_full=True, pre=ScriptFault(exit_status=1))
    assert vm.backup().faults == (
        "the pre-script ends with exit status 1 after its work: it did not come to that",
        "the disk is full from the pre-script on: it did not come to that",
    )


def test_no_such_directory(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    vm.fault(read_only="/nowhere")
    with pytest.raises(UsageError) as caught:
        vm.backup()
    assert str(caught.value).endswith(
        "; name directories that are there when the pre-script starts"
    )


def test_all_is_put_back_when_a_callback_fails(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    before = look(vm)

    def fail(at: object) -> None:
        raise ValueError("no")

    vm.on("after_pre", fail)
    vm.fault(disk_full=True, post_file="crlf", read_only="/data", commands={"id": "missing"})
    with pytest.raises(ValueError, match="no"):
        vm.backup()
    assert look(vm) == before
    vm.run("id; echo a > /data/a", check=True)


def test_all_is_put_back_after_an_interrupt(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    before = look(vm)

    def interrupt(at: object) -> None:
        raise KeyboardInterrupt

    vm.on("after_pre", interrupt)
    vm.fault(post_file="crlf", read_only="/data")
    with pytest.raises(KeyboardInterrupt):
        vm.backup()
    assert look(vm) == before
    vm.run("echo a > /data/a", check=True)


# -- results ---------------------------------------------------------------------------------------


def test_faults_are_in_every_form_of_a_result(vm: VirtualMachine) -> None:
    vm.install(pre=OK, post=OK)
    vm.fault(pre_file="empty", freeze="fail")
    backup = vm.backup()
    sentences = ("the freezing helper refuses to freeze", "the pre-script's file is empty")
    assert backup.faults == sentences
    assert Backup.from_json(backup.to_json()).faults == sentences
    for sentence in sentences:
        assert f"  fault asked for by the test: {sentence}\n" in backup.explain()


def test_not_in_memory(memory_vm: MemoryMachine) -> None:
    with pytest.raises(UsageError) as caught:
        memory_vm.fault(pre=ScriptFault(exit_status=1), disk_full=True, freeze="fail")
    assert caught.value.mistakes == (
        "pre cannot be a fault of a VM in memory: its scripts are Python functions; let the "
        "function fail, print or sleep, or use the fixture vm",
        "disk_full cannot be a fault of a VM in memory: use set_disk_usage() of pyfakefs, or use "
        "the fixture vm",
    )
