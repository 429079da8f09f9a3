from __future__ import annotations

import pytest

from pytest_vmsnapshot import VmFactory


@pytest.fixture
def real_owners(vm_factory: VmFactory) -> bool:
    """Whether files of a VM can belong to others than root here."""
    with vm_factory() as vm:
        return vm.run("touch /srv/x && chown 65534 /srv/x").exit_status == 0
