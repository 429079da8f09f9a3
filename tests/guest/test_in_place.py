"""The in-place guest, for real, on a VM that plays the disposable container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_vmsnapshot import VirtualMachine, VmFactory

DRIVER = Path(__file__).with_name("in_place_driver.py")


class Container(Protocol):
    """Runs a scenario of the driver in the container."""

    def __call__(self, scenario: str, whom: str = "") -> dict[str, Any]: ...


@pytest.fixture
def inside(vm_factory: VmFactory) -> VirtualMachine:
    """A VM that can run this project; a clock that watches its programs is not watched itself."""
    vm = vm_factory(clock="real")
    found = vm.run([sys.executable, "-c", "import pytest, pytest_vmsnapshot"])
    if found.exit_status:
        pytest.skip(f"a VM does not see the Python of this run, {sys.executable}")
    return vm


@pytest.fixture
def container(inside: VirtualMachine) -> Container:
    inside.copy(DRIVER, "/root/driver.py")

    def run(scenario: str, whom: str = "") -> dict[str, Any]:
        done = inside.run([sys.executable, "-W", "error", "/root/driver.py", scenario, whom])
        assert done.exit_status == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run


NOTHING = {"left": [], "store": False, "alive": []}


def test_faults_of_scripts_but_not_of_the_machine(container: Container) -> None:
    assert container("faults") == {
        "pre": 3,
        "post": 9,
        "refused": "2 mistakes:\n"
        "  - commands cannot be a fault in place, where the VM is this machine, which a run that "
        "is killed would leave so; let the script call what the test installs\n"
        "  - disk_full cannot be a fault in place, where the VM is this machine, which a run that "
        "is killed would leave so; use a guest with namespaces",
        **NOTHING,
    }


def test_everything_is_put_back_when_the_vm_closes(container: Container) -> None:
    found = container("lifecycle")
    assert found.pop("alive_during")
    during = found.pop("during")
    assert {"/etc/azure", "/data", "/data/mark", "/scripts", "/srv/app/settings"} <= set(during)
    assert {"/usr/local/bin/mariadb", "/srv/app/state/orders", "/opt/shop"} <= set(during)
    assert "/usr/local/bin/mysql" not in during  # only the link to it was replaced
    assert found == NOTHING


@pytest.mark.parametrize("whom", ["harness", "agent", "helper", "harness+agent", "harness+helper"])
def test_everything_is_put_back_after_kill_9(container: Container, whom: str) -> None:
    assert container("kill", whom) == {"daemons": 1, **NOTHING}


def test_when_all_helpers_are_killed_the_next_run_says_what_is_left(container: Container) -> None:
    found = container("kill", "helper+agent")
    refusal = found["next run"]
    assert refusal.startswith(
        "no VM can be made on this machine:\n"
        "  in-place: a run before this one was killed together with all its helpers and left: "
        "/etc/azure (made), /data (made), /scripts (made), /opt/vmsnapshot (made), "
        "/srv/app/settings (replaced), /usr/local/bin/mariadb (replaced), /srv/new (made), "
        "/srv/app/state (altered), /srv/app/state (replaced), /opt/shop (made)"
    )
    assert refusal.endswith(
        f"\nways out:\n  - put everything back: {sys.executable} -m "
        "pytest_vmsnapshot.guest.put_back (originals are kept in /var/lib/pytest-vmsnapshot)"
    )
    assert found["store"]
    assert found["put back"] == 0
    assert found["then"] == ["/var/lib"]  # only when it was changed last


def test_a_recovery_point_is_a_copy_that_shows_nothing_else(container: Container) -> None:
    found = container("point")
    shared = (
        "the VM is this machine: network, processes and disks are shared with it, and what "
        "scripts change by themselves is not undone"
    )
    covered = "/data, /etc/azure, /opt/vmsnapshot, /scripts, /usr/local/bin/tool"
    assert found.pop("modelled") == [
        shared,
        f"the recovery point holds only {covered}",
        "the freeze was simulated by pausing every process of the VM",
    ]
    assert found == {
        "now": "after\n",
        "then": "before\n",
        "inside": "before\n",
        "outside": "not found",
        "tool": "a tool\n",
        "whole /usr/local/bin": False,
        "mode": "0o700",
        "guest": "in-place",
        **NOTHING,
    }


def test_a_second_run_is_refused_while_the_first_goes_on(container: Container) -> None:
    found = container("second")
    assert found == {
        "other run": "no VM can be made on this machine:\n"
        "  in-place: another run works in place on this machine\n"
        "ways out:\n"
        "  - run such tests one after another (with pytest-xdist: -n 0)",
        "after": "",
        **NOTHING,
    }


def test_a_machine_with_a_config_directory_is_refused(
    inside: VirtualMachine, container: Container
) -> None:
    inside.write("/etc/azure/VMSnapshotScriptPluginConfig.json", "{}")
    assert container("error") == {
        "error": "no VM can be made on this machine:\n"
        "  in-place: /etc/azure exists: this seems to be a VM that is really backed up, and its "
        "config would be replaced\n"
        "ways out:\n"
        "  - use a disposable container without /etc/azure",
        **NOTHING,
    }
    assert inside.path("/etc/azure/VMSnapshotScriptPluginConfig.json").read_text() == "{}"


def test_only_root_can_work_in_place() -> None:
    program = (
        "from pytest_vmsnapshot import virtual_machine\n"
        "with virtual_machine(guest='in-place'): pass\n"
    )
    options: dict[str, Any] = {"user": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **options,
        )
    except PermissionError:
        pytest.skip(f"other users may not run {sys.executable}")
    assert done.stderr.endswith(
        "GuestUnavailable: no VM can be made on this machine:\n"
        "  in-place: only root can work in place\n"
        "ways out:\n"
        "  - run pytest as root in a disposable container, or let it use namespaces "
        "(--vmsnapshot-guest=auto)\n"
    )


def pytest_inside(vm: VirtualMachine, test: str) -> str:
    vm.run("rmdir /etc/azure /data /scripts", check=True)
    vm.write("/project/test_inside.py", test)
    text = run_pytest(vm)
    assert vm.run("ls -d /etc/azure /data /scripts /var/lib/pytest-vmsnapshot").stdout == ""
    return text


def run_pytest(vm: VirtualMachine) -> str:
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", "-rA", "-W", "error"]
    guest = "--vmsnapshot-guest=in-place"
    return vm.run([sys.executable, "-m", "pytest", *options, guest, "/project"]).stdout


def test_in_pytest_with_one_vm_at_a_time(inside: VirtualMachine) -> None:
    text = pytest_inside(
        inside,
        'PRE = "#!/bin/sh\\n"\n'
        "def test_one(vm):\n"
        "    vm.install(pre=PRE, post=PRE)\n"
        "    vm.backup().assert_application_consistent()\n"
        "def test_two(vm_factory):\n"
        "    vm_factory().close()\n"
        "    assert vm_factory().run('ls /etc/azure').stdout == ''\n"
        "def test_three(vm, vm_factory):\n"
        "    vm_factory()\n",
    )
    assert "\nvmsnapshot: guest in-place, clock virtual\n" in text
    assert "1 failed, 2 passed" in text
    assert (
        "a VM could not be made. in-place: one VM is open already, and in place there is only "
        "this machine; close it first (vm.close()), or use a guest in namespaces for several VMs "
        "at once\n" in text
    )
    assert "Traceback" not in text
    assert "During handling" not in text


def test_what_cannot_be_put_back_is_an_error_and_its_original_is_kept(
    inside: VirtualMachine,
) -> None:
    inside.run("mkdir -p /srv/app; echo original >/srv/app/settings", check=True)
    inside.run("rmdir /etc/azure", check=True)
    inside.write(
        "/project/test_inside.py",
        "def test_one(vm):\n"
        "    vm.write('/srv/app/settings', 'ours')\n"
        "    vm.run('rm /srv/app/settings; mkdir -p /srv/app/settings/busy', check=True)\n"
        "    vm.run('mount -t tmpfs none /srv/app/settings/busy', check=True)\n"
        "def test_two(vm): ...\n",
    )
    text = run_pytest(inside)
    kept = inside.run("echo /var/lib/pytest-vmsnapshot/kept/*").stdout.strip()
    assert (
        "NotPutBack: this machine is not as it was before the VM:\n"
        "E             /srv/app/settings (replaced): a file system is mounted at "
        f"/srv/app/settings/busy; the original is {kept}\n" in text
    )
    assert (
        "in-place: the VM before could not be put back: /srv/app/settings; look into "
        "/var/lib/pytest-vmsnapshot, where the originals are kept\n" in text
    )
    assert inside.path(kept).read_text() == "original\n"
    inside.run("umount /srv/app/settings/busy", check=True)
    done = inside.run([sys.executable, "-m", "pytest_vmsnapshot.guest.put_back"])
    assert done.stdout == "put back: /srv/app/settings\n"
    assert inside.path("/srv/app/settings").read_text() == "original\n"
    assert not inside.path("/var/lib/pytest-vmsnapshot").exists()


def test_the_capabilities_of_a_container_are_enough(inside: VirtualMachine) -> None:
    inside.copy(DRIVER, "/root/driver.py")
    missing = "-dac_read_search,-net_admin,-sys_admin,-sys_nice,-sys_ptrace,-sys_resource"
    setpriv = ["setpriv", f"--bounding-set={missing}", f"--inh-caps={missing}"]
    if inside.run([*setpriv, "true"]).exit_status:
        pytest.skip("needs setpriv (Debian: util-linux)")
    done = inside.run([*setpriv, sys.executable, "/root/driver.py", "point"])
    assert done.exit_status == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["now"], found["then"]) == ("after\n", "before\n")
    assert {name: found[name] for name in NOTHING} == NOTHING
    assert not [text for text in found["modelled"] if "point in time" in text]
