"""Real file systems, frozen by the kernel while something is written to them. Needs root."""

from __future__ import annotations

import os

import pytest

from pytest_vmsnapshot import VmFactory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def test_a_look_at_a_frozen_file_hangs_nobody(vm_factory: VmFactory) -> None:
    vm = vm_factory(storage="loop")
    vm.volume("/var/lib/app", size="64M")
    vm.run("sleep 40; echo x > /var/lib/app/x", check=True)
    looks = []
    vm.on("frozen", lambda at: looks.append(at.run("cat /var/lib/app/x; stat /var/lib/app/x")))
    backup = vm.backup()
    assert backup.recovery_point is not None
    assert backup.duration < 10
    assert looks[0].stdout.startswith("x\n")
