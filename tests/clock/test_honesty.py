"""What cannot be virtual is real, never wrong, and the result says so."""

from __future__ import annotations

import os
import platform
import select
import shutil
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_vmsnapshot import GuestDied, VirtualMachine, VmFactory

OK = "#!/bin/sh\n"

ANSWER_AFTER = 0.4
"""Seconds of real time."""


@pytest.fixture
def outside() -> Iterator[int]:
    """A server of the machine that takes its time; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1)
                    threading.Event().wait(ANSWER_AFTER)
                    connection.sendall(b"answer\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_server_outside_is_waited_for(vm_factory: VmFactory, outside: int) -> None:
    vm = vm_factory(clock="virtual", network=True)
    vm.install(
        pre=f"#!/bin/bash\nexec 3<> /dev/tcp/127.0.0.1/{outside}\necho -n x >&3\n"
        "read -t 30 line <&3; echo $? $line\nsleep 1000\n",
        post=OK,
        timeout=2000,
    )
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.pre is not None
    assert backup.pre.stdout == "0 answer\n"
    assert 1000 + ANSWER_AFTER <= backup.duration < 1010
    (told,) = [text for text in backup.modelled if "by itself" in text]
    assert told == (
        "time passed by itself while '/bin/bash /opt/vmsnapshot/pre.sh' waits for a server outside "
        "the VM"
    )
    assert told in backup.explain()


def test_a_server_of_the_vm_is_not_outside(vm_factory: VmFactory) -> None:
    vm = vm_factory(clock="virtual", network=True)
    if not shutil.which("python3", path="/usr/bin:/bin"):
        pytest.skip("needs python3 in /usr/bin (Debian: apt-get install python3)")
    vm.write(
        "/srv/server.py",
        "import socket, time\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "open('/srv/port', 'w').write(str(listener.getsockname()[1]))\n"
        "open('/srv/ready', 'w').close()\n"
        "connection, _ = listener.accept()\n"
        "connection.recv(1)\n"
        "time.sleep(300)\n"
        "connection.sendall(b'late\\n')\n",
    )
    vm.run("mkfifo /srv/ready; python3 /srv/server.py > /dev/null 2>&1 & read x < /srv/ready; :")
    began = time.monotonic()
    done = vm.run(
        [
            "bash",
            "-c",
            'exec 3<> /dev/tcp/127.0.0.1/"$(cat /srv/port)"; echo -n x >&3; read -t 400 l <&3; '
            "echo $? $l",
        ],
        timeout=1000,
    )
    assert done.stdout == "0 late\n"
    assert time.monotonic() - began < 60


def test_a_program_on_the_real_clock_is_waited_for(vm: VirtualMachine, python: str) -> None:
    """A server that shall not notice skipped time, and a client that must not lose patience."""
    vm.write(
        "/srv/server.py",
        "import socket, time\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind('/srv/socket')\n"
        "listener.listen()\n"
        "began = time.monotonic()\n"
        "open('/srv/ready', 'w').close()\n"
        "connection, _ = listener.accept()\n"
        f"time.sleep({ANSWER_AFTER})\n"
        "connection.sendall(str(time.monotonic() - began).encode())\n",
    )
    vm.run("mkfifo /srv/ready")
    vm.run(
        f"{python} /srv/server.py > /dev/null 2>&1 & read x < /srv/ready; :",
        clock="real",
        check=True,
    )
    client = (
        "import socket\n"
        "end = socket.socket(socket.AF_UNIX)\n"
        "end.settimeout(30)\n"
        "end.connect('/srv/socket')\n"
        "print(end.recv(100).decode())\n"
    )
    done = vm.run([python, "-c", client], check=True)
    assert ANSWER_AFTER <= float(done.stdout) < 20


def test_a_command_on_the_real_clock(vm: VirtualMachine) -> None:
    began = time.monotonic()
    assert vm.run("sleep 0.3; echo slept", clock="real").stdout == "slept\n"
    assert time.monotonic() - began >= 0.3


# An ELF of i386 whose only instruction is exit(42): mov al, 1; mov bl, 42; int 0x80.
I386_CODE = bytes.fromhex("31c031dbb001b32acd80")
I386 = (
    b"\x7fELF\1\1\1".ljust(16, b"\0")
    + struct.pack("=HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    + struct.pack("=8I", 1, 0, 0x8048000, 0x8048000, 84 + 10, 84 + 10, 5, 4096)
    + I386_CODE
)


def test_a_program_of_another_architecture_is_refused(vm_factory: VmFactory) -> None:
    real = vm_factory(clock="real")
    real.write("/srv/i386", I386, mode=0o755)
    if real.run("/srv/i386").exit_status != 42:
        pytest.skip("this machine runs no programs of i386")
    vm = vm_factory(clock="virtual")
    vm.write("/srv/i386", I386, mode=0o755)
    vm.install(pre="#!/bin/sh\n/srv/i386\n", post=OK)
    backup = vm.backup()
    assert backup.pre is not None
    assert backup.pre.exit_status == 128 + signal.SIGSYS
    assert (
        "'/srv/i386' was refused: it is a program of another architecture than x86_64, which the "
        "virtual clock does not cover; use clock='real'"
    ) in backup.modelled


def test_a_traced_program_takes_its_time(vm: VirtualMachine) -> None:
    if not shutil.which("strace", path="/usr/bin:/bin"):
        pytest.skip("needs strace (Debian: apt-get install strace)")
    vm.install(pre="#!/bin/sh\nstrace -qq -o /dev/null sleep 0.3\n", post=OK)
    backup = vm.backup()
    backup.assert_application_consistent()
    assert backup.real_duration >= 0.3
    assert "time passed by itself while 'sleep 0.3' is traced by another program" in backup.modelled


def test_the_rest_of_a_sleep_that_a_signal_ended(vm: VirtualMachine) -> None:
    """The kernel tells it by its own time; who sleeps on for it is woken in time all the same."""
    if not shutil.which("perl", path="/usr/bin:/bin"):
        pytest.skip("needs perl (Debian: apt-get install perl)")
    program = "$SIG{ALRM} = sub {}; alarm 10; sleep 30; sleep 1"
    vm.install(pre=f"#!/bin/sh\nperl -e '{program}'\n", post=OK)
    backup = vm.backup()
    backup.assert_application_consistent()
    assert 11 <= backup.duration < 13
    assert (
        "a program may have been told too long a rest of a sleep that a signal ended"
    ) in backup.modelled


def test_a_stopped_service_does_not_hide_what_others_wait_for(vm: VirtualMachine) -> None:
    """The usual way to bring one to rest that has no better."""
    vm.run("(while :; do sleep 1; done) > /dev/null 2>&1 & echo $! > /run/service", check=True)
    vm.install(
        pre="#!/bin/sh\npkill -STOP sleep; kill -STOP $(cat /run/service)\nsleep 3\n",
        post="#!/bin/sh\npkill -CONT sleep; kill -CONT $(cat /run/service)\n",
    )
    backup = vm.backup()
    backup.assert_application_consistent()
    assert 3 <= backup.duration < 5


def test_many_timers_that_are_left_behind(vm: VirtualMachine) -> None:
    """None keeps a descriptor of the agent."""
    vm.run("prlimit --pid 1 --nofile=60", check=True)
    script = "i=0; while [ $i -lt 150 ]; do timeout 6000 true; i=$((i+1)); done; timeout 9 sleep 99"
    assert vm.run(script).exit_status == 124


def test_answers_that_the_kernel_delays(vm: VirtualMachine, python: str) -> None:
    """Two short packets in a row: the second waits for an answer that the kernel holds back."""
    program = (
        "import socket, threading\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "def serve():\n"
        "    with listener.accept()[0].makefile('rwb') as end:\n"
        "        for _ in range(5):\n"
        "            end.write(end.readline() + end.readline()); end.flush()\n"
        "threading.Thread(target=serve, daemon=True).start()\n"
        "client = socket.create_connection(listener.getsockname(), timeout=20)\n"
        "answers = client.makefile('rb')\n"
        "for _ in range(5):\n"
        "    client.sendall(b'a\\n'); client.sendall(b'b\\n')\n"
        "    print(answers.readline(), answers.readline())\n"
    )
    done = vm.run([python, "-c", program], check=True)
    assert done.stdout == "b'a\\n' b'b\\n'\n" * 5


ODD_ARGUMENTS = """
import ctypes, errno, resource, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
class Pair(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("part", ctypes.c_long)]
def call(number, *words):
    result = libc.syscall(ctypes.c_long(number), *words)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result
word = ctypes.c_ulong
moment = Pair(int(time.monotonic()) + 1, 0)
print(call(230, word(0x100000001), word(1), ctypes.byref(moment), None))  # clock_nanosleep
both = (Pair * 2)(Pair(2**63 - 1, 2**63 - 1), Pair(2**63 - 1, 2**63 - 1))
print(call(38, word(0), ctypes.byref(both), None))  # setitimer
both = (Pair * 2)(Pair(0, 0), Pair(0, 5000000))
print(call(38, word(0), ctypes.byref(both), None))
print(call(35, ctypes.byref(Pair(-1, 0)), None), call(35, ctypes.byref(Pair(0, 10**9)), None))
print(call(35, word(8), None), call(13, word(99), None, None, word(8)))
beside = ctypes.create_string_buffer(b"\\xff" * 4096, 4096)
print(call(23, word(500000), beside, None, None, ctypes.byref(Pair(3, 0))))  # select
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
def test_odd_arguments_get_the_answers_of_the_kernel(vm_factory: VmFactory, python: str) -> None:
    answers = []
    for clock in ("virtual", "real"):
        vm = vm_factory(clock=clock)
        answers.append(vm.run([python, "-c", ODD_ARGUMENTS], check=True).stdout)
    assert answers[0] == answers[1]


def test_a_process_that_hides_its_memory(vm: VirtualMachine, python: str) -> None:
    program = (
        "import ctypes, time\n"
        "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"  # PR_SET_DUMPABLE
        "a = time.monotonic(); time.sleep(20); print(round(time.monotonic() - a))\n"
    )
    assert vm.run([python, "-c", program]).stdout == "20\n"


def test_a_file_of_the_machine_that_changes_meanwhile(
    vm: VirtualMachine, request: pytest.FixtureRequest
) -> None:
    """It cannot be brought to the VM's clock: it is not the VM's."""
    shared = request.config.rootpath / ".pytest_cache"
    shared.mkdir(exist_ok=True)
    file = shared / f"changed-{os.getpid()}"
    file.write_text("")
    try:
        if vm.run(["test", "-e", str(file)]).exit_status:
            pytest.skip(f"a VM does not see {file}")
        vm.install(pre=f"#!/bin/sh\nstat -c %Y {file}\n", post=OK)
        vm.wait(100)
        assert not [text for text in vm.backup().modelled if "the time of" in text]
        os.utime(file)
        backup = vm.backup()
    finally:
        file.unlink()
    assert (
        f"the time of {file} is the machine's, and does not know of skipped time"
    ) in backup.modelled


def test_without_the_supervisor_nothing_runs_on(vm: VirtualMachine) -> None:
    """If the agent dies, no script may go on with commands that fail."""
    vm.run("(while sleep 5; do :; done; echo ran on > /srv/harm) > /dev/null 2>&1 &")
    namespace = vm.run("readlink /proc/self/ns/pid").stdout.strip()
    members = [pid for pid in _processes() if _namespace(pid) == namespace]
    (agent,) = (pid for pid in members if _name(pid) == "vm-agent")
    ends = [os.pidfd_open(pid) for pid in members if pid != agent]
    assert ends
    os.kill(agent, signal.SIGKILL)
    with pytest.raises(GuestDied):
        vm.run("true")
    for end in ends:
        assert select.select([end], [], [], 20)[0], "a process lives on"
        os.close(end)


def _processes() -> Iterator[int]:
    yield from map(int, filter(str.isdigit, os.listdir("/proc")))


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
