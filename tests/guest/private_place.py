"""Work in a process with mounts of its own, which end with it: the test process keeps none."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_vmsnapshot import syscalls
from pytest_vmsnapshot.guest.disk_image import FileSystem, find_mkfs
from pytest_vmsnapshot.guest.loop_device import NoLoopDevice, attach

PACKAGES = {
    FileSystem.EXT4: "e2fsprogs",
    FileSystem.XFS: "xfsprogs",
    FileSystem.BTRFS: "btrfs-progs",
}


def enter(place: Path) -> None:
    """Give this process a mount namespace in which a directory is a memory file system."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("tmpfs", str(place), "tmpfs", 0, "mode=700")
    (place / "nodes").mkdir()


def run_in(place: Path, work: Callable[[Path], str | None]) -> str:
    """Run work with a private memory file system at a directory; returns what it returns."""
    heard, said = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            enter(place)
            answer = "ok\n" + (work(place) or "")
        except BaseException:
            answer = traceback.format_exc()
        with open(said, "w", encoding="utf-8") as file:
            file.write(answer)
        os._exit(0)
    os.close(said)
    with open(heard, encoding="utf-8") as file:
        verdict, _, answer = file.read().partition("\n")
    os.waitpid(pid, 0)
    assert verdict == "ok", f"{verdict}\n{answer}"
    return answer


def why_no_loop_devices(place: Path) -> str:
    """Why nothing can be mounted from an image here; empty if it can."""
    if os.geteuid() != 0:
        return "only root may freeze file systems and attach loop devices"

    def attempt(place: Path) -> str:
        image = os.memfd_create("image", os.MFD_CLOEXEC)
        os.ftruncate(image, 1 << 20)
        try:
            with attach(image, f"{place}/nodes"):
                return ""
        except NoLoopDevice as reason:
            return str(reason.strerror)

    return run_in(place, attempt)


def skip_without(*kinds: FileSystem) -> None:
    """Skip the test where a file system cannot be made."""
    for kind in kinds:
        if not find_mkfs(kind):
            pytest.skip(f"needs the package {PACKAGES[kind]} (mkfs.{kind.value})")
