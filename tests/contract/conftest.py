from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_vmsnapshot.contract.stand import Stand
from pytest_vmsnapshot.vm_factory import VmFactory

from .authored import contract, write


@pytest.fixture
def stand_of(tmp_path: Path, vm_factory: VmFactory) -> Callable[..., Stand]:
    """Where a pair of scripts is tried; takes what ``authored.write`` does."""
    return lambda *scripts, **more: Stand(contract(write(tmp_path, *scripts, **more)), vm_factory)
