"""Loop devices: an image file as a disk that can be mounted. For root only.

Every device is attached with the flag that detaches it when nobody has it open any more. So none
is left when a process dies: the kernel closes its files and drops its mounts, then the device.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import select
import socket
import stat
import struct
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Self

# linux/loop.h
_LOOP_CONFIGURE = 0x4C0A
_LOOP_GET_STATUS64 = 0x4C05
_LOOP_CTL_GET_FREE = 0x4C82
_LO_FLAGS_AUTOCLEAR = 4
_LO_FLAGS_DIRECT_IO = 16
_INFO = struct.Struct("=5Q4I64s64s32s2Q")
"""linux/loop.h: struct loop_info64."""
_CONFIG = struct.Struct("=II232s64x")
"""linux/loop.h: struct loop_config."""
_FLAGS, _FILE_NAME = 8, 9

# linux/major.h, linux/miscdevice.h
_LOOP_MAJOR = 7
_CONTROL = (10, 237)

_NETLINK_KOBJECT_UEVENT = 15  # linux/netlink.h
_KERNEL_EVENTS = 1
"""The group of what the kernel itself says; group 2 is udev's."""

SECTOR = 4096
"""Bytes that are read or written at least, which file systems in images must be made for.

A smaller one would keep files that share blocks from being read past the page cache.
"""

_TRIES = 256
"""Free numbers tried: each one lost means that another process has got its device."""

_BLIND_WAIT = 0.02
"""Seconds between two looks where the kernel's events cannot be heard."""

_MARK = "vmsnapshot-"

PATIENCE = 10.0
"""Seconds for a device to go: writing back what a file system holds takes time on a slow disk."""


class NoLoopDevice(OSError):
    """No loop device can be had here.

    Args:
        number: errno.
        reason: what is missing, and what to do.
    """

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, f"no loop device can be attached: {reason}")


class StillAttached(OSError):
    """A loop device stays attached: somebody has it open, or its file system mounted.

    Args:
        numbers: of the devices.
        patience: seconds that were waited.
    """

    def __init__(self, numbers: Collection[int], patience: float) -> None:
        names = ", ".join(f"/dev/loop{number}" for number in sorted(numbers))
        super().__init__(
            errno.EBUSY,
            f"still attached {patience:g} s after the unmount: {names}; something holds a file on "
            "it open, or another mount namespace still shows it (fuser -vm DEVICE shows who)",
        )
        self.numbers = frozenset(numbers)


@dataclass(frozen=True, slots=True)
class LoopDevice:
    """An attached image.

    Args:
        number: N in ``/dev/loopN``.
        path: of its node, to mount.
        mark: the name it was given, by which it is known when its number is used again.
        direct_io: whether it passes the page cache by. Where the file system below cannot do
            that, the content of the image is in memory twice; nothing else changes.
    """

    number: int
    path: str
    mark: str
    direct_io: bool

    def is_attached(self) -> bool:
        """Whether it is still this image's device.

        Raises:
            OSError: its node cannot be opened.
        """
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _status_of(fd).mark == self.mark
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT):  # cleared, being cleared, or removed
                return False
            raise


@contextlib.contextmanager
def attach(image: int, nodes: str) -> Iterator[LoopDevice]:
    """Attach an image file to a free loop device.

    It stays attached for as long as the block lasts, and then for as long as it is mounted.
    Several processes may do so at once: they compete for numbers, and a loser tries another.

    Args:
        image: descriptor of the file, readable and writable.
        nodes: directory with device nodes; one that is missing, as in a container, is made. A
            private directory does as well as ``/dev``, on a file system mounted without nodev.

    Raises:
        NoLoopDevice: the kernel or the container has none; the text says which.
        OSError: the image cannot be attached.
    """
    mark = _MARK + secrets.token_hex(12)
    number, path, fd = _attach_to_free(image, nodes, mark)
    try:
        yield LoopDevice(number, path, mark, _status_of(fd).direct_io)
    finally:
        os.close(fd)


def _attach_to_free(image: int, nodes: str, mark: str) -> tuple[int, str, int]:
    control = _open_node(f"{nodes}/loop-control", stat.S_IFCHR, os.makedev(*_CONTROL))
    try:
        for _ in range(_TRIES):
            number = _free_number(control)
            path = f"{nodes}/loop{number}"
            fd = _attach_to(number, path, image, mark)
            if fd is not None:
                return number, path, fd
    finally:
        os.close(control)
    raise NoLoopDevice(
        errno.EBUSY, f"{_TRIES} times another process took the free number; run fewer at once"
    )


def attached(nodes: str, below: str = "/sys/block") -> dict[int, str]:
    """All attached devices of this project, of any process: their numbers and marks.

    Args:
        nodes: directory with device nodes.
        below: where the kernel lists block devices.
    """
    found = {}
    for name in os.listdir(below):
        if not (name.startswith("loop") and os.path.exists(f"{below}/{name}/loop")):
            continue
        number = int(name.removeprefix("loop"))
        with contextlib.suppress(OSError):  # it was removed meanwhile
            fd = _open_node(f"{nodes}/{name}", stat.S_IFBLK, _device_number(number))
            try:
                if (mark := _status_of(fd).mark).startswith(_MARK):
                    found[number] = mark
            finally:
                os.close(fd)
    return found


class Departure:
    """Waiting until loop devices are gone; made before what lets them go, to miss nothing."""

    def __init__(self) -> None:
        self._events: socket.socket | None = None
        with contextlib.suppress(OSError):  # some containers have no such socket
            self._events = socket.socket(
                socket.AF_NETLINK,
                socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
                _NETLINK_KOBJECT_UEVENT,
            )
            self._events.bind((0, _KERNEL_EVENTS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._events is not None:
            self._events.close()

    def wait(self, devices: Collection[LoopDevice], patience: float = PATIENCE) -> None:
        """Wait until none is attached any more. All must have been closed and unmounted.

        Raises:
            StillAttached: the time is over.
        """
        deadline = time.monotonic() + patience
        left = [device for device in devices if device.is_attached()]
        while left:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise StillAttached([device.number for device in left], patience)
            self._until_something_changes(remaining)
            left = [device for device in left if device.is_attached()]

    def _until_something_changes(self, limit: float) -> None:
        """Wait for an event of any device: there are few, and a look costs little."""
        if self._events is None:
            select.select([], [], [], min(limit, _BLIND_WAIT))
            return
        select.select([self._events], [], [], limit)
        with contextlib.suppress(OSError):  # BlockingIOError, or ENOBUFS: some were lost
            while self._events.recv(1):
                pass


def _free_number(control: int) -> int:
    try:
        return fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    except OSError as error:
        raise NoLoopDevice(error.errno or 0, f"the kernel gives none ({error.strerror})") from error


def _attach_to(number: int, path: str, image: int, mark: str) -> int | None:
    """Attach to one number; None if another process has it."""
    try:
        fd = _open_node(path, stat.S_IFBLK, _device_number(number))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
    try:
        _configure(fd, image, mark)
    except OSError as error:
        os.close(fd)
        if error.errno == errno.EBUSY:
            return None
        raise
    return fd


def _configure(fd: int, image: int, mark: str) -> None:
    flags = _LO_FLAGS_AUTOCLEAR | _LO_FLAGS_DIRECT_IO
    info = _INFO.pack(0, 0, 0, 0, 0, 0, 0, 0, flags, mark.encode("ascii"), b"", b"", 0, 0)
    try:
        fcntl.ioctl(fd, _LOOP_CONFIGURE, _CONFIG.pack(image, SECTOR, info))
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            reason = f"LOOP_CONFIGURE was refused ({error.strerror}): it needs Linux 5.8"
            raise NoLoopDevice(error.errno, reason) from error
        raise


@dataclass(frozen=True, slots=True)
class _Status:
    """What the kernel says of a device.

    Args:
        mark: the name it was given.
        direct_io: whether it passes the page cache by.
    """

    mark: str
    direct_io: bool


def _status_of(fd: int) -> _Status:
    """Ask the kernel.

    Raises:
        OSError: ENXIO: nothing is attached.
    """
    buffer = bytearray(_INFO.size)
    fcntl.ioctl(fd, _LOOP_GET_STATUS64, buffer)
    fields = _INFO.unpack(buffer)
    name = fields[_FILE_NAME].rstrip(b"\0").decode("utf-8", "backslashreplace")
    return _Status(name, bool(fields[_FLAGS] & _LO_FLAGS_DIRECT_IO))


def _device_number(number: int) -> int:
    """Of a loop device: where it may have partitions, its minor is not its plain number."""
    with contextlib.suppress(OSError), open(f"/sys/block/loop{number}/dev") as file:
        major, minor = file.read().split(":")
        return os.makedev(int(major), int(minor))
    return os.makedev(_LOOP_MAJOR, number)


def _open_node(path: str, kind: int, device: int) -> int:
    """Open a device node, made if it is missing.

    Raises:
        NoLoopDevice: the kernel has no loop devices, or they may not be used here.
    """
    try:
        if not os.path.exists(path):
            with contextlib.suppress(FileExistsError):  # another process has made it
                os.mknod(path, kind | 0o600, device)
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        reason = _why_no_node(os.path.basename(path), error.errno)
        if not reason:
            raise
        raise NoLoopDevice(error.errno or 0, reason) from error


def _why_no_node(name: str, number: int | None) -> str:
    match number:
        case errno.ENODEV:
            return f"this kernel has no {name}; sudo modprobe loop"
        case errno.ENXIO if name == "loop-control":
            return f"this kernel has no {name}; sudo modprobe loop"
        case errno.EPERM | errno.EACCES:
            return (
                f"{name} may not be opened here; only root may, and in a container only with "
                "--privileged (or --device-cgroup-rule 'b 7:* rwm' --device-cgroup-rule "
                "'c 10:237 rwm' --cap-add SYS_ADMIN --cap-add MKNOD)"
            )
        case _:
            return ""
