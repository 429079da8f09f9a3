"""A VM is the same however the host is mounted and whatever the test process hands down."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).with_name("confined.py")

BACK_UP = """
import sys
from pytest_vmsnapshot import virtual_machine
with virtual_machine(guest=sys.argv[1]) as vm:
    vm.install(pre="#!/bin/sh\\npwd; umask; sleep 0.01 & wait $!; echo $?\\n", post="#!/bin/sh\\n")
    backup = vm.backup()
    backup.assert_application_consistent()
    print(backup.pre.stdout, end="")
    print(vm.run("stat -c %a /etc/azure /var/lib/waagent").stdout, end="")
    print(backup.duration < 15)
"""


@pytest.mark.parametrize("kind", ["mounted-var", "mounted-var-log", "careless-caller"])
def test_a_backup_goes_as_anywhere(kind: str) -> None:
    if kind == "mounted-var" and any(
        Path(place).resolve().is_relative_to("/var") for place in (__file__, sys.prefix)
    ):
        pytest.skip("an empty /var would hide this project, which lies below it")
    words = [sys.executable, str(LAUNCHER), kind, sys.executable, "-c", BACK_UP, "rootless"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    if done.returncode and "StepFailed" in done.stderr:
        pytest.skip(f"{kind} needs a user namespace: {done.stderr.splitlines()[-1]}")
    assert done.stderr == ""
    assert done.stdout == (
        "/var/lib/waagent/Microsoft.Azure.RecoveryServices.VMSnapshotLinux-1.0.9120.0\n"
        "0022\n0\n755\n755\nTrue\n"
    )


IN_THREADS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from pytest_vmsnapshot.guest.processes import descendants
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source
workshop = Workshop(Path("/"), Path("/"))
def make(_):
    return workshop.make([Source("test", {"guest": "rootless"})], Path("/"), None)
with ThreadPoolExecutor(4) as threads:
    machines = list(threads.map(make, range(8)))
print(*(vm.run("echo alive").stdout for vm in machines), sep="", end="")
for vm in machines:
    vm.close()
workshop.close()
print(descendants([os.getpid()]))
"""


SPARE_KILLED = """
import os, select, signal
from pathlib import Path
from pytest_vmsnapshot.guest.processes import descendants
from pytest_vmsnapshot.running import Workshop
from pytest_vmsnapshot.settings import Source
workshop = Workshop(Path("/"), Path("/"))
def make():
    return workshop.make([Source("test", {"guest": "rootless"})], Path("/"), None)
first = make()
assert not first.backup().recovery_point.exists("/no/such")  # by now there is a spare one
outer, warden, agent, spare, reader = descendants([os.getpid()])
end = os.pidfd_open(spare)
os.kill(spare, signal.SIGKILL)
select.select([end], [], [])
second = make()
print(first.run("echo alive").stdout + second.run("echo alive").stdout, end="")
first.close()
second.close()
workshop.close()
"""


def said(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.stderr == ""
    return done.stdout


def test_threads_share_what_makes_vms() -> None:
    assert said(IN_THREADS) == "alive\n" * 8 + "[]\n"


def test_a_spare_vm_that_was_killed() -> None:
    assert said(SPARE_KILLED) == "alive\n" * 2


LATIN_1 = """
import sys
from pytest_vmsnapshot import virtual_machine
assert sys.getfilesystemencoding() == "iso8859-1"
pre = "#!/bin/sh\\nprintf %s $1 | od -An -tx1\\n"
with virtual_machine(guest="rootless") as vm:
    vm.install(pre=pre, post="#!/bin/sh\\n", pre_params=["\\u00fc\\u2192"])
    print(vm.backup().pre.stdout, end="")
"""


def test_a_locale_without_utf_8(tmp_path: Path) -> None:
    locale = tmp_path / "de_DE.ISO-8859-1"
    localedef = shutil.which("localedef", path="/usr/bin:/bin")
    if localedef is None:
        pytest.skip("no localedef, which makes a locale")
    subprocess.run(
        [localedef, "-i", "de_DE", "-f", "ISO-8859-1", str(locale)],
        capture_output=True,
        check=False,
    )
    if not locale.exists():
        pytest.skip("no sources of locales here")
    place = {"LOCPATH": str(tmp_path), "LC_ALL": locale.name, "PYTHONUTF8": "0"}
    assert said(LATIN_1, **place) == " c3 bc e2 86 92\n"
