"""What a script finds on a VM, and that the host never sees it."""

from __future__ import annotations

import os
import resource
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import (
    CommandFailed,
    CommandTimeout,
    GuestDied,
    UsageError,
    VirtualMachine,
    VmFactory,
)

WRITABLE = (
    "/etc/azure",
    "/etc",
    "/usr/bin",
    "/usr/local/bin",
    "/opt",
    "/srv",
    "/var",
    "/var/lib",
    "/var/log",
    "/root",
    "/home",
    "/mnt",
    "/data",
    "/scripts",
    "/tmp",
    "/run",
    "/var/tmp",
    "/dev/shm",
    "/",
)


def test_user_is_root(vm: VirtualMachine) -> None:
    assert vm.run("id -u; id -un").stdout == "0\nroot\n"


@pytest.mark.parametrize("directory", WRITABLE)
def test_directory_is_writable_and_private(vm: VirtualMachine, directory: str) -> None:
    name = f"{directory.rstrip('/')}/vmsnapshot-{os.getpid()}"
    vm.run(f"mkdir {name} && echo there > {name}/file", check=True)
    assert vm.path(f"{name}/file").read_text() == "there\n"
    assert vm.run(["stat", "-c", "%U:%G %a", f"{name}/file"]).stdout == "root:root 644\n"
    assert not os.path.lexists(name)


def test_new_top_level_directory(vm: VirtualMachine) -> None:
    vm.run("mkdir -p /oracle/backup && echo x > /oracle/backup/y", check=True)
    assert not Path("/oracle").exists()


@pytest.mark.vm(directories=["/u01", "/u02/oradata"])
def test_named_directories_exist_from_the_start(vm: VirtualMachine) -> None:
    assert vm.path("/u01").is_dir()
    assert vm.path("/u02/oradata").is_dir()
    assert vm.path("/data").is_dir()


def test_files_of_the_host_can_be_changed_and_deleted_privately(vm: VirtualMachine) -> None:
    before = Path("/etc/passwd").read_text()
    vm.run("echo 'oracle:x:54321:54321::/:/bin/sh' >> /etc/passwd", check=True)
    vm.run("sed -i s/root/admin/ /etc/group && rm /usr/bin/env && rm -r /etc/apt", check=True)
    assert "oracle" in vm.path("/etc/passwd").read_text()
    assert not vm.path("/usr/bin/env").exists()
    assert Path("/etc/passwd").read_text() == before
    assert Path("/usr/bin/env").exists()


def test_a_program_of_the_host_can_be_replaced(vm: VirtualMachine) -> None:
    vm.write("/usr/bin/sync", "#!/bin/sh\necho mine\n", mode=0o755)
    assert vm.run("sync").stdout == "mine\n"


def test_vms_do_not_see_each_other(vm_factory: VmFactory) -> None:
    one, other = vm_factory(), vm_factory()
    one.write("/srv/secret", "x")
    one.run("sleep 100 >/dev/null 2>&1 &")
    assert not other.path("/srv/secret").exists()
    assert "sleep 100" not in other.run("ps axww -o args").stdout


def test_the_host_config_is_not_shown(vm: VirtualMachine) -> None:
    assert vm.path("/etc/azure").walk() == ()
    assert (vm.path("/etc/azure").mode, vm.path("/etc/azure").owner) == (0o755, "root")


def test_temporary_directory_and_processes_are_the_vms_own(vm: VirtualMachine) -> None:
    parts = Path(__file__).resolve().parts
    shared = f"{parts[2]}\n" if parts[1] == "tmp" else ""  # where the project lies is shown
    assert vm.run("ls /tmp").stdout == shared
    assert vm.run("ps -e -o pid= | wc -l").stdout.strip() in ("3", "4")
    assert vm.run("hostname || cat /proc/sys/kernel/hostname").stdout == "vm\n"


def test_project_is_readable(vm: VirtualMachine) -> None:
    here = Path(__file__)
    assert vm.path(str(here)).read_text() == here.read_text()


def test_no_disk_of_the_host_is_there(vm: VirtualMachine) -> None:
    devices = vm.run("ls /dev").stdout.split()
    assert set(devices) == {
        *("fd", "full", "null", "ptmx", "pts", "random", "shm"),
        *("stderr", "stdin", "stdout", "tty", "urandom", "zero"),
    }


def test_the_host_cannot_be_changed_through_proc(vm: VirtualMachine) -> None:
    for command in ("echo 1 > /proc/sys/vm/swappiness", "echo h > /proc/sysrq-trigger"):
        assert vm.run(command).exit_status != 0
    assert vm.run("date -s 2001-01-01").exit_status != 0
    assert vm.run("mknod /tmp/disk b 254 0").exit_status != 0


def _listener() -> tuple[socket.socket, int]:
    server = socket.create_server(("127.0.0.1", 0))
    return server, server.getsockname()[1]


_CONNECT = "import socket,sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)"


def test_network_is_absent(vm: VirtualMachine, python: str) -> None:
    server, port = _listener()
    with server:
        refused = vm.run([python, "-c", _CONNECT, str(port)])
    assert "Connection refused" in refused.stderr


@pytest.mark.vm(network=True)
def test_network_of_the_host_when_asked_for(vm: VirtualMachine, python: str) -> None:
    server, port = _listener()
    with server:
        vm.run([python, "-c", _CONNECT, str(port)], check=True)


def test_loopback_works_inside(vm: VirtualMachine, python: str) -> None:
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    program += "socket.create_connection(s.getsockname(), 5); print('connected')"
    assert vm.run([python, "-c", program]).stdout == "connected\n"


def test_command_arguments_and_environment(vm: VirtualMachine) -> None:
    assert vm.run(["printf", "%s|", "a b", "", "$HOME"]).stdout == "a b||$HOME|"
    assert vm.run("echo $A $HOME; pwd; umask", env={"A": "1"}, cwd="/srv").stdout == (
        "1 /root\n/srv\n0022\n"
    )
    assert vm.run("cat", stdin="typed\n").stdout == "typed\n"
    assert vm.run("cat").stdout == ""


def test_command_that_fails(vm: VirtualMachine) -> None:
    assert vm.run("exit 7").exit_status == 7
    assert vm.run("kill -KILL $$").signal == 9
    with pytest.raises(CommandFailed) as failed:
        vm.run("echo why >&2; exit 7", check=True)
    assert str(failed.value) == (
        "the command '/bin/sh -c echo why >&2; exit 7' ended with exit status 7: why"
    )


def test_command_that_is_not_there(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as mistake:
        vm.run(["no-such-command"])
    assert str(mistake.value) == (
        "the command 'no-such-command' could not be started: No such file or directory"
    )


def test_command_that_takes_too_long(vm: VirtualMachine) -> None:
    with pytest.raises(CommandTimeout) as timeout:
        vm.run("echo begun; setsid sleep 50 & sleep 60", timeout=0.2)
    assert timeout.value.stdout == "begun\n"
    assert str(timeout.value) == (
        "the command '/bin/sh -c echo begun; setsid sleep 50 & sleep 60' did not end within 0.2 s "
        "and was killed; give it more time with run(..., timeout=SECONDS)"
    )
    assert "sleep" not in vm.run("ps axww -o args").stdout


def test_two_calls_at_once(vm: VirtualMachine) -> None:
    thread = threading.Thread(target=lambda: vm.run("sleep 0.3", clock="real"))
    thread.start()
    mistakes: list[str] = []
    while thread.is_alive() and not mistakes:
        try:
            vm.run("true")
        except UsageError as mistake:
            mistakes.append(str(mistake))
    thread.join()
    assert mistakes == [
        "a command was asked for while another call to this VM is running; wait for that one, "
        "or make a second VM with vm_factory()"
    ]


def test_copying_a_directory(vm: VirtualMachine, tmp_path: Path) -> None:
    (tmp_path / "app" / "lib").mkdir(parents=True)
    (tmp_path / "app" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "app" / "run.sh").chmod(0o750)
    (tmp_path / "app" / "lib" / "data").write_bytes(b"\0\xff")
    vm.copy(tmp_path / "app", "/opt/app")
    assert vm.path("/opt/app").walk() == ("/opt/app/lib", "/opt/app/lib/data", "/opt/app/run.sh")
    assert vm.path("/opt/app/run.sh").mode == 0o750
    assert vm.path("/opt/app/lib/data").read_bytes() == b"\0\xff"


def test_a_path(vm: VirtualMachine) -> None:
    folder = vm.path("/srv/app")
    (folder / "a").write_text("ä\n", mode=0o640)
    assert ((folder / "a").mode, (folder / "a").owner) == (0o640, "root")
    assert (folder / "a").read_text() == "ä\n"
    assert folder.is_dir()
    assert (folder / "a").is_file()
    (folder / "a").remove()
    assert not (folder / "a").exists()
    with pytest.raises(FileNotFoundError, match="/srv/app/a"):
        (folder / "a").read_bytes()
    with pytest.raises(FileNotFoundError, match="/srv/app/a"):
        assert (folder / "a").mode
    with pytest.raises(IsADirectoryError):
        folder.read_bytes()
    folder.remove()
    assert not folder.exists()


def test_a_full_disk_is_the_vms_own(vm_factory: VmFactory) -> None:
    vm = vm_factory(disk_size="4M")
    full = vm.run("head -c 8000000 /dev/zero > /srv/big")
    assert "No space left on device" in full.stderr
    with pytest.raises(UsageError) as mistake:
        vm.write("/srv/more", b"x" * 5_000_000)
    assert str(mistake.value) == ("/srv/more cannot be written on the VM: No space left on device")
    assert vm.run("ls -A /srv").stdout == "big\n"


def test_unknown_owner(vm: VirtualMachine) -> None:
    with pytest.raises(UsageError) as mistake:
        vm.write("/srv/x", "", owner="nobody-knows")
    assert str(mistake.value) == (
        "/srv/x cannot be written on the VM: the VM has no user 'nobody-knows'"
    )


def test_closing_twice(vm_factory: VmFactory) -> None:
    vm = vm_factory()
    vm.close()
    vm.close()


def test_the_first_process_is_not_called_python(vm: VirtualMachine) -> None:
    assert vm.path("/proc/1/comm").read_text() == "vm-agent\n"


def test_directories_on_the_way_have_the_usual_mode(vm_factory: VmFactory) -> None:
    vm = vm_factory(directories=["/u02/oradata/orcl"])
    vm.write("/srv/way/to/file", "x")
    vm.run("true", check=True)
    vm.path("/srv/other/way/to").mkdir()

    ways = ("/u02", "/u02/oradata", "/srv/way", "/srv/way/to", "/srv/other", "/srv/other/way")
    assert [vm.path(way).mode for way in ways] == [0o755] * len(ways)


DEEPER = "import os; os.chdir('/srv'); [(os.mkdir('d'), os.chdir('d')) for _ in range(1200)]"


def test_a_very_deep_tree(vm_factory: VmFactory, python: str) -> None:
    vm, other = vm_factory(), vm_factory()
    vm.run([python, "-c", DEEPER], check=True)
    backup = vm.backup()
    assert backup.recovery_point is not None
    assert backup.recovery_point.exists("/srv" + "/d" * 1200)

    vm.path("/srv/d").remove()

    assert not vm.path("/srv/d").exists()
    vm.close()
    assert other.run("echo alive").stdout == "alive\n"


def test_a_path_of_too_many_directories(vm: VirtualMachine) -> None:
    with pytest.raises(OSError, match="too many directories below each other"):
        vm.path("/srv" + "/d" * 1500).mkdir()
    vm.run("true", check=True)


def test_mistakes_in_a_command(vm: VirtualMachine) -> None:
    arguments: dict[str, Any] = {"env": {"A": 1}, "cwd": Path("/srv"), "stdin": 5, "clock": "fast"}

    with pytest.raises(UsageError) as mistake:
        vm.run([], **arguments)

    assert mistake.value.mistakes == (
        "command is []; write a string, or a list of strings",
        "env is {'A': 1}; write names and values as strings",
        "cwd is PosixPath('/srv'); write a path on the VM as a string",
        "stdin is 5; write text or bytes",
        "clock is 'fast'; write 'vm' or 'real'",
    )
    assert vm.run("echo alive").stdout == "alive\n"


@pytest.mark.vm(allow=["processes"])
def test_out_of_descriptors_is_no_verdict(vm_factory: VmFactory) -> None:
    """Daemons hold the output of their script open, two descriptors of the VM each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    vm = vm_factory()
    vm.install(pre="#!/bin/sh\nsetsid sleep 1000 &\n", post="#!/bin/sh\n")
    vm.backup()
    vm.run("prlimit --pid 1 --nofile=40", check=True)

    def back_up_often() -> None:
        for _ in range(40):
            vm.backup().assert_application_consistent()

    with pytest.raises(GuestDied) as gone:
        back_up_often()
    assert str(gone.value) == (
        "the VM has run out of descriptors: each process that a script leaves behind with its "
        "output open keeps one; end them in the post-script, or take a new VM"
    )
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
