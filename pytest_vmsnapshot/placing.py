"""Putting planned files on a VM."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import UsageError
from .installing import PlannedFile
from .vm_path import FileGuest


def put(guest: FileGuest, planned: Sequence[PlannedFile]) -> None:
    """Put files on a VM, as many as it takes.

    Args:
        guest: the VM.
        planned: the files.

    Raises:
        UsageError: some could not be written; all of them are named.
    """
    __tracebackhide__ = True
    mistakes: list[str] = []
    for file in planned:
        try:
            _put_one(guest, file)
        except UsageError as unreadable:
            mistakes += unreadable.mistakes
        except OSError as error:
            mistakes.append(f"{file.path} cannot be written on the VM: {error.strerror}")
    if mistakes:
        raise UsageError(mistakes)


def _put_one(guest: FileGuest, file: PlannedFile) -> None:
    if isinstance(file.content, bytes):
        guest.install(file.path, file.content, file.mode, file.owner)
    elif file.content.is_dir():
        guest.make_directory(file.path, file.mode, file.owner)
    else:
        try:
            local = file.content.open("rb")
        except OSError as error:
            raise UsageError([f"{file.content} cannot be read: {error.strerror}"]) from None
        with local:
            guest.install(file.path, local.fileno(), file.mode, file.owner)
