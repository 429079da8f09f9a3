"""The fixture ``memory_vm``: a VM in memory, on pyfakefs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .asked import marker_of, note_strict, plain_failure, sources_of, uses_vm

if TYPE_CHECKING:
    from .machine import VirtualMachine
    from .memory import MemoryMachine


@pytest.fixture
def memory_vm(
    request: pytest.FixtureRequest, _vmsnapshot_machines: list[VirtualMachine]
) -> Iterator[MemoryMachine]:
    """A VM in memory, on pyfakefs's fixture ``fs``: its scripts are Python functions."""
    _import_memory()
    from pyfakefs.fake_filesystem import FakeFilesystem

    from .errors import UsageError
    from .memory import MemoryMachine
    from .settings import resolve

    item: pytest.Item = request.node
    if uses_vm(item):
        pytest.fail(
            "a test cannot use both vm and memory_vm: while pyfakefs hides the files of the host, "
            "no other VM works; write two tests",
            pytrace=False,
        )
    sources = [marker_of(item), *sources_of(request.config)]
    fs = _fake_file_system(request)
    if not isinstance(fs, FakeFilesystem):
        pytest.fail(
            f"memory_vm needs pyfakefs's fixture fs, but here fs is {fs!r}; give the project's own "
            "fixture another name",
            pytrace=False,
        )
    with plain_failure(UsageError):
        note_strict(item, sources)
        settings = resolve(sources).settings
        machine = MemoryMachine(
            fs,
            rules=settings.rules,
            disks=settings.disks,
            deployment=settings.deployment,
            os=settings.os,
            platform=settings.platform,
            mounts=settings.mounts,
            agent_umask=settings.agent_umask,
            agent_env=settings.agent_env,
            directories=settings.directories,
            allow=settings.allow,
            bases=list(dict.fromkeys((request.config.rootpath, item.path.parent))),
            pass_through=(pytest.exit.Exception,),
        )
        machine.begin_with(settings.faults)
    _vmsnapshot_machines.append(machine)
    yield machine
    machine.close()


def _import_memory() -> None:
    """Import what ``memory_vm`` needs: for good, even if ``fs`` was asked for first.

    What is imported while pyfakefs is at work is thrown away when it ends, and comes a second time
    with classes and enums of its own.
    """
    if f"{__package__}.memory" in sys.modules:
        return
    from pyfakefs.fake_filesystem_unittest import Patcher, Pause

    patcher = Patcher.PATCHER
    at_work = patcher is not None and patcher.is_patching
    with Pause(patcher) if patcher is not None and at_work else contextlib.nullcontext():
        from . import after_test, failure_report, memory, recording  # noqa: F401


def _fake_file_system(request: pytest.FixtureRequest) -> Any:
    try:
        return request.getfixturevalue("fs")
    except pytest.FixtureLookupError:
        pytest.fail(
            "memory_vm needs the fixture fs of pyfakefs's pytest plugin, which is not loaded here; "
            "take -p no:fakefs away, or write -p pyfakefs.pytest_plugin",
            pytrace=False,
        )
