"""A storage that goes wrong where a test wants it to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..faults import Faults, FreezeFault, SnapshotFault
from ..protocols import (
    Clock,
    Copied,
    MountNotOpened,
    Storage,
    StorageFailed,
    StorageTimeout,
    ThawFailed,
)

_ASKED_FOR = "a fault the test asked for"

_FREEZE = {
    FreezeFault.FAIL: "the freezing helper refused",
    FreezeFault.LOCK_HELD: "another process holds the lock of the freezing helper",
}

_THAW = {
    FreezeFault.LATE_THAW: "the file systems thawed before the snapshot was complete",
    FreezeFault.SLEEP_UNABLE: "the freezing helper could not wait for the snapshot",
    FreezeFault.THAW_FAIL: "a file system could not be thawed",
}


class Faulty:
    """Another storage, and the faults it has.

    Args:
        storage: what works when nothing goes wrong.
        clock: the VM's clock.
        patience: seconds the answer of the freezing helper is waited for.
        faults: what goes wrong.
    """

    def __init__(self, storage: Storage, clock: Clock, patience: float, faults: Faults) -> None:
        self._storage = storage
        self._clock = clock
        self._patience = patience
        self._frozen = False
        self._faults = faults

    @property
    def name(self) -> str:
        """That of the storage."""
        return self._storage.name

    def freeze(self, mounts: Sequence[str], deadline: float, others: Sequence[str] = ()) -> str:
        """Freeze, unless a fault prevents it.

        Raises:
            StorageFailed: nothing is frozen.
        """
        fault = self._faults.freeze
        if fault in _FREEZE:
            raise StorageFailed(f"{_FREEZE[fault]} ({_ASKED_FOR})")
        if fault is FreezeFault.OPEN_FAILED:
            raise MountNotOpened(f"{mounts[0]} could not be opened ({_ASKED_FOR})")
        if fault is FreezeFault.TIMEOUT:
            self._clock.run_until(self._clock.deadline(self._patience))
            raise StorageTimeout(f"the freezing helper did not answer ({_ASKED_FOR})")
        said = self._storage.freeze(mounts, deadline, others)
        self._frozen = True
        return said

    def snapshot(self, deadline: float | None) -> Copied:
        """Copy, unless a fault prevents it.

        Raises:
            StorageFailed: there is no copy.
        """
        if self._faults.snapshot is SnapshotFault.ALL_FAILED:
            raise StorageFailed(f"the snapshot of every disk failed ({_ASKED_FOR})")
        copied = self._storage.snapshot(deadline)
        if self._faults.snapshot is SnapshotFault.SOME_FAILED:
            return replace(copied, complete=False)
        return copied

    def thaw(self) -> None:
        """Thaw; a fault only shows afterwards.

        Raises:
            ThawFailed: the freeze did not hold.
        """
        was_frozen, self._frozen = self._frozen, False
        self._storage.thaw()
        fault = self._faults.freeze
        if was_frozen and fault in _THAW:
            raise ThawFailed(f"{_THAW[fault]} ({_ASKED_FOR})")

    @property
    def pauses(self) -> bool:
        """As the storage."""
        return self._storage.pauses

    def modelled(self) -> tuple[str, ...]:
        """That of the storage."""
        return self._storage.modelled()
