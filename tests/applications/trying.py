"""What tests of applications have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_vmsnapshot import VirtualMachine
from pytest_vmsnapshot.applications import Answers, Application, Writer

VOLUME = "/var/lib/app"
SCRIPTS = Path(__file__).resolve().parent.parent.parent / "examples" / "databases"

Prepare = Callable[[Application], VirtualMachine]


def backed_up(vm: VirtualMachine, app: Application) -> tuple[Answers, Writer]:
    """Write, back up once, and ask."""
    with Writer(vm, app) as writer:
        vm.wait(2)
        backup = vm.backup()
    return writer.check(backup), writer


def install(vm: VirtualMachine, folder: str, *params: str, fs_freeze: bool = True) -> None:
    """Install a pair of the example's scripts."""
    vm.install(
        pre=SCRIPTS / folder / "pre.sh",
        post=SCRIPTS / folder / "post.sh",
        pre_params=params,
        fs_freeze=fs_freeze,
    )
