from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_vmsnapshot import RecoveryPoint, VirtualMachine, virtual_machine
from pytest_vmsnapshot.applications import Application

from .trying import VOLUME, Prepare


@pytest.fixture(scope="module")
def prepared() -> Iterator[Prepare]:
    """Gives a VM with an application on a volume of its own; it is set up once for all tests of a
    module, and each VM is booted from what that left.
    """
    points: dict[str, RecoveryPoint] = {}  # what is made does not depend on what is asked later
    with contextlib.ExitStack() as stack:

        def boot(app: Application) -> VirtualMachine:
            if app.name not in points:
                vm = stack.enter_context(virtual_machine())
                vm.volume(VOLUME)
                app.set_up(vm)
                point = vm.backup().recovery_point
                assert point is not None
                points[app.name] = point
            return points[app.name].boot()

        yield boot
