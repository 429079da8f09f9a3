"""Image files of file systems: made, cloned, mounted and unmounted. For root only."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import select
import signal
import stat
import time
from dataclasses import dataclass

from .. import syscalls
from . import frozen
from .loop_device import PATIENCE, SECTOR, Departure, LoopDevice, attach
from .tally import Tally
from .trees import copy_file

_MKFS_LIMIT = 60.0
"""Seconds: it takes 0.04 s; a disk that is this slow is of no use."""

_MIB = 1024 * 1024

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where mkfs may be beside PATH: an ordinary root shell (su, say) may not have these in it."""

_BLOCK = str(SECTOR)

_CHUNK = 256 * 1024
"""Bytes looked at at once when zeros are sought."""

_SAID_LIMIT = 4096
"""Bytes kept of what mkfs says: it begins with the reason."""


class FileSystem(enum.Enum):
    """A type of file system that can be frozen."""

    EXT4 = "ext4"
    XFS = "xfs"
    BTRFS = "btrfs"


@dataclass(frozen=True, slots=True)
class _Making:
    """How a file system is made and mounted.

    Args:
        package: Debian's and Ubuntu's package with its mkfs.
        least: bytes it can be made with.
        arguments: of its mkfs.
        options: of its mount.
    """

    package: str
    least: int
    arguments: tuple[str, ...]
    options: str


_MAKING = {
    # An image is a sparse file of zeros: there is nothing to discard or to fill with zeros, now or
    # in the background.
    FileSystem.EXT4: _Making(
        "e2fsprogs",
        8 * _MIB,
        ("-q", "-F", "-b", _BLOCK, "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"),
        "noinit_itable",
    ),
    # A clone has the same UUID, and the kernel would mount only one of them.
    FileSystem.XFS: _Making(
        "xfsprogs",
        300 * _MIB,
        ("-q", "-f", "-K", "-s", f"size={_BLOCK}", "-m", "reflink=1"),
        "nouuid",
    ),
    FileSystem.BTRFS: _Making("btrfs-progs", 109 * _MIB, ("-q", "-f", "-K", "-s", _BLOCK), ""),
}


class NoFileSystem(Exception):
    """A file system cannot be made or mounted here; the text says why, and what to do."""


def create(path: str, kind: FileSystem, size: int, root: str = "/") -> int:
    """Make an image with an empty file system.

    Args:
        path: of the new file; it takes space only for what is written.
        kind: type of the file system.
        size: bytes.
        root: where this machine's own tree is, whose programs make file systems.

    Returns:
        A descriptor of it, for reading and writing.

    Raises:
        NoFileSystem: too small, or the program is not installed or failed.
        OSError: the file cannot be made.
    """
    making = _MAKING[kind]
    if size < making.least:
        raise NoFileSystem(
            f"{kind.value} cannot be made with {_in_mib(size)}: it needs {_in_mib(making.least)} "
            "at least; give the volume a larger size"
        )
    program = find_mkfs(kind, root)
    if not program:
        raise NoFileSystem(
            f"{kind.value} cannot be made: mkfs.{kind.value} is not installed; "
            f"install the package {making.package} (its name in Debian and Ubuntu)"
        )
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, size)
        said = _run([program, *making.arguments], fd, root)
        if said is not None:
            raise NoFileSystem(f"{kind.value} cannot be made: mkfs.{kind.value} failed: {said}")
        _give_back_zeros(fd)
    except BaseException:
        os.close(fd)
        os.unlink(path)
        raise
    return fd


def package_of(kind: FileSystem) -> str:
    """The package with the program that makes a file system, by its name in Debian and Ubuntu."""
    return _MAKING[kind].package


def find_mkfs(kind: FileSystem, root: str = "/") -> str:
    """The program that makes a file system, as a path below ``root``; empty if there is none.

    Args:
        kind: type of the file system.
        root: where this machine's own tree is.
    """
    for directory in (*os.get_exec_path(), *_SYSTEM_PATH):
        path = f"{directory}/mkfs.{kind.value}"
        if os.access(root + path, os.X_OK):
            return path
    return ""


def clone(source: str, target: str, deadline: float | None = None) -> None:
    """Make a second image with the content of one, which is frozen or not mounted.

    Blocks are shared where the file system below can do that; else what is not a hole is copied.

    Args:
        source: path of the image.
        target: path of the new file.
        deadline: reading of the monotonic clock after which it is given up.

    Raises:
        OSError: no space, for instance, or ETIMEDOUT; nothing is left of the new file then.
    """
    try:
        copy_file(source, target, Tally(deadline))
    except FileExistsError:
        raise
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        raise


def mount(
    image: int,
    kind: FileSystem,
    target: str,
    nodes: str,
    flags: int = 0,
    options: str = "",
    shown: str = "",
) -> LoopDevice:
    """Mount an image; nothing but the mount holds the device afterwards.

    Args:
        image: descriptor of the file.
        kind: type of its file system.
        target: directory to mount it on.
        nodes: directory with device nodes, or for them.
        flags: of mount(2).
        options: more of them, for this type.
        shown: path of a node that is made for it, by which the table of mounts names it.

    Raises:
        NoFileSystem: the kernel cannot mount it.
        NoLoopDevice: there is none for it.
        OSError: the mount was refused.
    """
    wanted = ",".join(filter(None, (_MAKING[kind].options, options)))
    with attach(image, nodes) as device:
        try:
            if shown:
                _make_node(shown, device.path)
            syscalls.mount(shown or device.path, target, kind.value, flags, wanted)
        except OSError as error:
            reason = _why_not_mounted(kind, error.errno)
            if not reason:
                raise
            raise NoFileSystem(f"{target} cannot be mounted: {reason}") from error
    return device


def _make_node(path: str, like: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of a volume whose mount was refused
    os.mknod(path, stat.S_IFBLK | 0o660, os.stat(like).st_rdev)


def unmount(target: str, device: LoopDevice, patience: float = PATIENCE) -> None:
    """Thaw and unmount, and wait until the device is gone.

    The kernel would unmount a frozen file system without a word, and never let the device go.

    Args:
        target: where it is mounted.
        device: what :func:`mount` returned.
        patience: seconds.

    Raises:
        StillAttached: something still holds it.
        OSError: it is not mounted, or cannot be thawed.
    """
    with Departure() as departure:
        with frozen.opened([target]) as volumes:
            for thawed in frozen.thaw(volumes):
                if thawed.outcome is frozen.Thaw.REFUSED:
                    raise OSError(thawed.number, os.strerror(thawed.number), target)
        # Not refused when somebody has a file open: whether that is so, the wait will tell.
        syscalls.unmount(target, syscalls.MNT_DETACH)
        departure.wait([device], patience)


def _give_back_zeros(image: int) -> None:
    """Make holes of what holds nothing but zeros: mkfs.xfs writes a log of 64 MiB of them."""
    zeros = bytes(_CHUNK)
    start = 0
    while True:
        try:
            start = os.lseek(image, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise
        start -= start % _CHUNK
        data = os.pread(image, _CHUNK, start)
        if data == zeros:
            try:
                syscalls.punch_hole(image, start, _CHUNK)
            except OSError as error:
                if error.errno == errno.EOPNOTSUPP:  # it takes more space, nothing else
                    return
                raise
        start += _CHUNK


def _why_not_mounted(kind: FileSystem, number: int | None) -> str:
    if number == errno.ENODEV:
        return f"this kernel has no {kind.value}; sudo modprobe {kind.value}"
    if number in (errno.EEXIST, errno.EBUSY) and kind is FileSystem.BTRFS:
        return (
            "this kernel mounts only one btrfs of the same UUID, and this is a copy of one that is "
            "mounted; it takes Linux 6.7, or a volume of another type"
        )
    return ""


def _in_mib(size: int) -> str:
    return f"{size / _MIB:.4g} MiB"


def _run(command: list[str], image: int, root: str) -> str | None:
    """Run a program on an image, with the machine's own tree as its root.

    Returns:
        What it said if it failed, else None.
    """
    heard, said = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.chroot(root)
            os.chdir("/")
            os.set_inheritable(image, True)
            null = os.open(os.devnull, os.O_RDONLY)
            for fd, standard in ((null, 0), (said, 1), (said, 2)):
                os.dup2(fd, standard)
            os.execve(command[0], [*command, f"/proc/self/fd/{image}"], {"LC_ALL": "C"})
        except OSError as error:
            os.write(said, str(error).encode())
        finally:
            os._exit(127)
    os.close(said)
    ended = os.pidfd_open(pid)
    try:
        text, late = _read_until_closed(heard, ended)
        if late:
            signal.pidfd_send_signal(ended, signal.SIGKILL)
    finally:
        os.close(heard)
        os.close(ended)
    _, status = os.waitpid(pid, 0)
    if late:
        return f"it was not ready after {_MKFS_LIMIT:g} s"
    return None if status == 0 else " ".join(text.split()) or f"it ended with status {status}"


def _read_until_closed(heard: int, ended: int) -> tuple[str, bool]:
    """What a program says until it ends, and whether it had to be given up."""
    deadline = time.monotonic() + _MKFS_LIMIT
    text = b""
    while True:
        left = max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select([heard, ended], [], [], left)
        if heard in readable:
            data = os.read(heard, _SAID_LIMIT)
            if not data:
                return text.decode("utf-8", "backslashreplace"), False
            text = (text + data)[:_SAID_LIMIT]
        elif ended in readable:
            return text.decode("utf-8", "backslashreplace"), False
        else:
            return "", True
