"""A VM is the same however the host is mounted and whatever the test process hands down."""

from __future__ import annotations

import os
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
