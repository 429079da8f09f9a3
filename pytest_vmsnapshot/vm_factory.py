"""What the fixture ``vm_factory`` is, for those who annotate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from .fault_checks import FaultOptions
from .machine import VirtualMachine


class VmFactory(Protocol):
    """Makes VMs. Each argument overrides the marker, the option and the ini value of its name."""

    def __call__(
        self,
        *,
        guest: str | None = None,
        rules: str | None = None,
        shell: str | None = None,
        clock: str | None = None,
        clock_start: str | datetime | None = None,
        storage: str | None = None,
        disks: int | None = None,
        deployment: str | None = None,
        os: str | None = None,
        platform: Mapping[str, object] | None = None,
        mounts: Sequence[tuple[str, str, str, str]] | None = None,
        agent_umask: int | None = None,
        agent_stdin: bytes | Literal["open"] | None = None,
        agent_env: Mapping[str, str | None] | None = None,
        network: bool | None = None,
        directories: Sequence[str] | None = None,
        disk_size: int | str | None = None,
        crash_seed: int | None = None,
        require: Sequence[str] | None = None,
        strict: bool | None = None,
        allow: Sequence[str] | None = None,
        faults: FaultOptions | None = None,
    ) -> VirtualMachine:
        """Make a VM; it is closed when the test ends."""
        ...
