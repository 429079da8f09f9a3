"""Which clock a VM has: what is asked for, what can be had, and what is said."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_vmsnapshot import UsageError, VirtualMachine, VmFactory

CONFINED = Path(__file__).parent.parent / "guest" / "confined.py"

OK = "#!/bin/sh\n"


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_the_result_says_which(vm_factory: VmFactory, clock: str) -> None:
    vm = vm_factory(clock=clock)
    vm.install(pre="#!/bin/sh\nsleep 0.2\n", post=OK)
    backup = vm.backup()
    assert backup.clock == clock
    assert 0.2 <= backup.duration < 5
    assert (backup.real_duration >= 0.2) is (clock == "real")


def test_waiting(vm: VirtualMachine) -> None:
    vm.run("(sleep 50; touch /srv/woken) > /dev/null 2>&1 &", check=True)
    vm.wait(49.5)
    assert not vm.path("/srv/woken").exists()
    vm.wait(1)
    assert vm.path("/srv/woken").exists()
    vm.wait(0)


def test_waiting_on_the_real_clock(vm_factory: VmFactory) -> None:
    vm = vm_factory(clock="real")
    vm.run("(sleep 0.2; touch /srv/woken) > /dev/null 2>&1 &", check=True)
    vm.wait(0.5)
    assert vm.path("/srv/woken").exists()


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), "5", None])
def test_waiting_for_no_number(vm: VirtualMachine, seconds: float) -> None:
    with pytest.raises(UsageError) as mistake:
        vm.wait(seconds)
    assert str(mistake.value) == f"seconds is {seconds!r}; write a number from 0 up"


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        ("1999-12-31T23:59:59", "1999-12-31 23:59:59"),
        ("2038-01-19T03:14:07Z", "2038-01-19 03:14:07"),
        ("2026-07-01T02:00:00+02:00", "2026-07-01 00:00:00"),
        (datetime(2026, 2, 28, 12, tzinfo=UTC), "2026-02-28 12:00:00"),
    ],
)
def test_a_date_to_start_at(vm_factory: VmFactory, start: str | datetime, shown: str) -> None:
    vm = vm_factory(clock_start=start)
    assert vm.run("date -u '+%F %T'").stdout == shown + "\n"


def test_a_vm_without_a_date_has_the_present(vm: VirtualMachine) -> None:
    now = datetime.now(UTC).timestamp()
    assert abs(float(vm.run("date +%s.%N").stdout) - now) < 60


def test_a_real_clock_cannot_be_set(vm_factory: VmFactory) -> None:
    with pytest.raises(pytest.fail.Exception) as failed:
        vm_factory(clock="real", clock_start="2026-01-01")
    assert str(failed.value) == (
        "clock_start is for the virtual clock; leave it out, or write clock='virtual'"
    )


def test_header_and_requirement(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(vm): assert vm.run('true').exit_status == 0")
    pytester.makeini("[pytest]\nvmsnapshot_clock = real\n")
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.stdout.fnmatch_lines(
        ["vmsnapshot: rules documented, guest auto, clock real (ini), storage pause-and-copy", "*"]
    )
    result.stdout.re_match_lines([r"vmsnapshot: guest .*, clock real($|;)"])
    result.assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("--vmsnapshot-require=clock")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["required, but not to be had here: clock: time is not virtual: clock is set to real"]
    )
    result = pytester.runpytest_subprocess(
        "--vmsnapshot-require=clock", "--vmsnapshot-clock=virtual"
    )
    result.assert_outcomes(passed=1)


# -- machines that refuse it ---------------------------------------------------------------------


def confined(kind: str, directory: Path, *options: str) -> str:
    """What pytest prints on a machine that denies a system call."""
    (directory / "test_it.py").write_text(
        "def test_it(vm):\n"
        "    vm.install(pre='#!/bin/sh\\nsleep 0.3\\n', post='#!/bin/sh\\n')\n"
        "    backup = vm.backup()\n"
        "    print('the clock was', backup.clock, *backup.modelled)\n"
        "    assert (backup.real_duration >= 0.3) == (backup.clock == 'real')\n"
    )
    pytest_itself = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider"]
    words = [sys.executable, str(CONFINED), kind, *pytest_itself, f"--rootdir={directory}"]
    done = subprocess.run(
        [*words, *options, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stderr == ""
    return done.stdout


LISTENER = (
    "a seccomp listener (a container's profile may deny it, and a program that watches this one, "
    "too) was refused (EPERM)"
)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("no-listener", LISTENER),
        ("no-ptrace", "ending another process's sleep (ptrace) was refused"),
        (
            "no-memory-of-others",
            "reading another process's memory (process_vm_readv) was refused (EPERM)",
        ),
    ],
)
def test_where_a_step_is_refused_the_clock_is_real(tmp_path: Path, kind: str, why: str) -> None:
    text = confined(kind, tmp_path, "-k", "nothing" if kind == "no-ptrace" else "it")
    if kind != "no-ptrace":  # without it no snapshot can be taken either
        assert f", clock real (not virtual: {why})" in text
        assert "the clock was real" in text
        assert "1 passed" in text
    text = confined(kind, tmp_path, "--vmsnapshot-clock=virtual")
    assert (
        f"the virtual clock cannot be had here: {why}; write clock='real', with limits of a few "
        "seconds\n"
    ) in text
    assert "1 error" in text


def test_below_another_filter_the_clock_is_virtual(tmp_path: Path) -> None:
    """As in a container: programs are told by how many filters they have, not by having one."""
    text = confined("harmless-filter", tmp_path)
    assert "the clock was virtual the freeze was simulated" in text
    assert "1 passed" in text


def test_a_vm_in_a_vm_has_a_real_clock(vm: VirtualMachine) -> None:
    """There is one listener at most."""
    if vm.run([sys.executable, "-c", "import pytest_vmsnapshot"]).exit_status:
        pytest.skip(f"a VM does not see the Python of this run, {sys.executable}")
    done = vm.run(
        [
            sys.executable,
            "-c",
            "from pytest_vmsnapshot.clock.probe import why_no_virtual_clock\n"
            "print(why_no_virtual_clock())",
        ],
        check=True,
    )
    assert done.stdout == LISTENER.replace("EPERM", "EBUSY") + "\n"
