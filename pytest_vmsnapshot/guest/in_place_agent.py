"""The agent of the in-place guest: what it changes is written down, and can be put back."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Collection, Iterable, Iterator
from typing import Any, ClassVar

from ..frozen_mounts import Crash, FrozenMounts
from ..layout import CONFIG_DIRECTORY, EXTENSION_DIRECTORY
from . import processes, wire
from .agent import Agent, MakeKeeper
from .census import census
from .extension import provide_extension
from .journal import Journal
from .tally import Tally
from .trees import copy_file, copy_tree

_OF_THE_SYSTEM = frozenset(
    ["bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "tmp", "usr"]
)
"""Top-level directories that are never copied as a whole for one file that was put there."""

_LINKS_LIMIT = 40

_UNSEEN = "in place syncs are not seen"


class _NoCrash:
    """A layer of which a crash takes nothing: syncs of other programs of the machine are unseen."""

    def complete(self) -> None:
        """Nothing was put off."""

    def census(self) -> Iterator[list[Any]]:
        """There is nothing of its own."""
        return iter(())

    def begin(self, *, unseen: bool) -> None:
        """Nobody sees syncs anyway."""

    def put(self, path: str) -> None:
        """It counts as on the disk, as all does."""

    def flushed(self, frozen: FrozenMounts) -> None:
        """It counts as on the disk anyway."""

    def crash(self, name: str, crash: Crash, spared: Collection[str]) -> dict[str, object]:
        """Take nothing: the machine goes on."""
        return {"lost": [], "unseen": _UNSEEN}


class Installed(_NoCrash):
    """The part of the real file system that counts as the VM's disk.

    These directories and files are what a recovery point holds.

    Args:
        journal: knows which directories are ours.
        directories: those every VM has.
        points: directory that takes recovery points.
    """

    def __init__(self, journal: Journal, directories: Iterable[str], points: str) -> None:
        self._journal = journal
        self._directories = list(directories)
        self._files: list[str] = []
        self._points = points

    def add_file(self, path: str) -> None:
        """A file was put at a path."""
        if path not in self._files:
            self._files.append(path)

    def add_directory(self, path: str) -> None:
        """A directory was made at a path, or was there and is used."""
        if path not in self._directories:
            self._directories.append(path)

    def covered(self) -> list[str]:
        """All paths a recovery point holds, the shortest names for them."""
        wanted = [*self._directories]
        for path in self._files:
            parent = os.path.dirname(path)
            ours = self._journal.made_above(os.path.realpath(parent))
            if ours or not self._is_shared(os.path.realpath(parent)):
                wanted.append(parent)
            else:
                wanted.append(path)
        unique = sorted(set(wanted))
        return [
            path
            for path in unique
            if not any(other != path and path.startswith(other + "/") for other in unique)
        ]

    def census(self) -> Iterator[list[Any]]:
        """List what counts as the VM's disk; what scripts write elsewhere is not seen."""
        for path in self.covered():
            if os.path.isdir(path):
                yield from census(path, path, 0)

    def _is_shared(self, directory: str) -> bool:
        """Whether more than the VM's own things can be expected in a directory."""
        parts = directory.strip("/").split("/")
        holds_store = self._journal.store.startswith(directory.rstrip("/") + "/")
        return len(parts) < 2 or parts[0] in _OF_THE_SYSTEM or holds_store

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Copy it into a recovery point.

        Raises:
            OSError: no space, for instance, or ETIMEDOUT; nothing is left of the copy then.
        """
        point = f"{self._points}/{name}"
        os.mkdir(point, 0o700)
        tally = Tally(deadline, one_device=False)
        try:
            for path in self.covered():
                self._copy_path(path, point, tally)
        except BaseException:
            shutil.rmtree(point, ignore_errors=True)
            raise
        return tally

    def _copy_path(self, path: str, point: str, tally: Tally) -> None:
        real = _show_way(path, point)
        target = point + real
        if not os.path.lexists(real):
            return  # removed meanwhile
        if not stat.S_ISDIR(os.lstat(real).st_mode):
            if not os.path.lexists(target):
                tally.files += 1
                copy_file(real, target, tally)
            return
        if not os.path.isdir(target) or not os.listdir(target):
            os.makedirs(target, exist_ok=True)
            copy_tree(real, target, tally)


def _show_way(path: str, point: str) -> str:
    """Make the directories and links that lead to a path in a recovery point.

    Returns:
        The path with the links in its parents, and its own if it leads to a directory, resolved.
    """
    here = "/"
    pending = path.strip("/").split("/")
    links = 0
    while pending:
        name = pending.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        is_last = not pending
        if os.path.islink(there) and links < _LINKS_LIMIT and (not is_last or os.path.isdir(there)):
            links += 1
            target = os.readlink(there)
            if not os.path.lexists(point + there):
                os.symlink(target, point + there)
            pending[:0] = target.split("/")
            here = "/" if target.startswith("/") else here
            continue
        if not is_last and not os.path.lexists(point + there):
            facts = os.stat(there) if os.path.isdir(there) else None
            os.mkdir(point + there, 0o755 if facts is None else stat.S_IMODE(facts.st_mode))
        here = there
    return here


class InPlaceAgent(Agent):
    """Serves a VM that is the machine itself.

    Args:
        sock: where requests come from.
        helper: pidfd of the process that puts things back; if it ends, this process does.
        household: the VM's processes.
        installed: what a snapshot copies.
        journal: where changes are written down.
        make_keeper: makes what keeps the VM's time.
    """

    def __init__(
        self,
        sock: socket.socket,
        helper: int,
        household: processes.Household,
        installed: Installed,
        journal: Journal,
        make_keeper: MakeKeeper,
    ) -> None:
        super().__init__(sock, helper, household, installed, make_keeper)
        self._installed = installed
        self._journal = journal

    def provide(self, directories: Iterable[str]) -> None:
        """Make the directories every VM has."""
        if not os.path.isdir(EXTENSION_DIRECTORY):
            self._journal.before_directory(EXTENSION_DIRECTORY)
            provide_extension("")
        for directory in (CONFIG_DIRECTORY, *directories):
            if not os.path.isdir(directory):
                self._journal.before_directory(directory)
                os.makedirs(directory, mode=0o755, exist_ok=True)

    def kill_all(self) -> None:
        """End every process of the VM."""
        processes.kill_all_but((), self._household, self._reap_next)

    def install(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Put a file in place."""
        path = request.body["path"]
        request.body["draft"] = self._journal.before_file(path)
        answer = super().install(request, fds)
        self._installed.add_file(path)
        return answer

    def make_directory(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Make a directory and its parents."""
        path = request.body["path"]
        self._journal.before_directory(path)
        answer = super().make_directory(request, fds)
        self._installed.add_directory(path)
        return answer

    def volume(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Make the directory that stands for a volume: in place nothing is mounted."""
        path = request.body["path"]
        if os.path.isdir(path) and os.listdir(path):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        self._journal.before_directory(path)
        os.makedirs(path, mode=0o755, exist_ok=True)
        self._installed.add_directory(path)
        return {}

    def remove(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Remove a file or a whole directory."""
        self._journal.before_removal(request.body["path"])
        return super().remove(request, fds)

    def double(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Refuse: a stand-in over a command of the machine itself could outlive the run.

        Raises:
            OSError: always.
        """
        raise OSError(errno.EOPNOTSUPP, "in place there are no command doubles")

    def copy_layer(self, request: wire.Received, fds: list[int]) -> dict[str, Any]:
        """Copy what counts as the VM's disk into a recovery point, and say what that is."""
        answer = super().copy_layer(request, fds)
        return {**answer, "covered": self._installed.covered()}

    operations: ClassVar = {
        **Agent.operations,
        "install": install,
        "make_directory": make_directory,
        "remove": remove,
        "copy_layer": copy_layer,
        "double": double,
        "volume": volume,
    }


class NoLayer(_NoCrash):
    """What a recovery point's reader has to copy: nothing."""

    def copy(self, name: str, deadline: float | None) -> Tally:
        """Refuse.

        Raises:
            OSError: always.
        """
        raise OSError(f"{name}: a recovery point cannot be copied again")
