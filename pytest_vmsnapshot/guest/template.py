"""What every VM of a session is made from: a survey of the host's tree, and lower layers.

The warden prepares this once. Its own root is then a private memory file system::

    /host       the host's tree, as it was
    /lower/DIR  directories (and, for /etc, copies of files) that lie over the host's
    /empty      an empty directory: an overlay that cannot be written needs two layers
    /extension  the directory of the backup extension, to lie below the host's
    /sys        the host's /sys, read-only
    /points     recovery points
    /vm         where each VM mounts its disk, in its own mount namespace
    /images     images of file systems, and /nodes of their devices, once a VM wants real ones

A rootless VM sees the host's files with an owner that has no number inside ("nobody"), and may
change nothing in such a directory. The lower layers mend that: directories made by us merge with
the host's and belong to root.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import shutil
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .. import syscalls
from ..layout import EXTENSION_DIRECTORY
from .extension import provide_extension
from .steps import StepFailed, step

HOST = "/host"
LOWER = "/lower"
EMPTY = "/empty"
_EXTENSION = "/extension"
POINTS = "/points"
SYS = "/sys"
DISK = "/vm"
IMAGES, NODES = "/images", "/nodes"

IN_MEMORY = frozenset({"dev", "proc", "sys", "run"})
"""Top-level directories that are on no disk: no recovery point has anything of them."""

_FRESH = frozenset({*IN_MEMORY, "tmp", "lost+found"})
"""Top-level directories a VM has its own of, whatever the host's hold."""

_DEPTHS = {"usr": 2}
_DEPTH = 4
_DIRECTORY_BUDGET = 3000
"""At most this many directories are made in lower layers, so that a session starts at once."""

_COPY_LIMIT = 16 * 1024 * 1024
"""Bytes: larger files below /etc are not copied, and absent on the VM."""

_OPAQUE = "user.overlay.opaque"


class Kind(enum.Enum):
    """How one entry of the host's tree appears in a VM."""

    LINK = "link"
    PLAIN = "plain"
    LAYER = "layer"
    BIND = "bind"


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory (or link) of a VM's tree.

    Args:
        path: its place, without the leading slash.
        kind: how it is made.
        lowers: for a layer, the directories below it, uppermost first.
        mode: permission bits.
        uid: owner inside.
        gid: group inside.
        target: for a link, where it points.
    """

    path: str
    kind: Kind
    lowers: tuple[str, ...] = ()
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """All a VM is assembled from.

    Args:
        entries: the tree, parents before children.
        rootless: whether the VMs live in a user namespace.
        has_sys: whether the host's /sys could be shown.
        shown_read_only: directories of the host no layer could be put over.
    """

    entries: tuple[Entry, ...]
    rootless: bool
    has_sys: bool
    shown_read_only: tuple[str, ...]

    def layers(self) -> list[str]:
        """Where overlays lie."""
        return [entry.path for entry in self.entries if entry.kind is Kind.LAYER]

    def skipped(self) -> frozenset[str]:
        """Names in a VM's root that are mounted anew for each VM and so belong to no layer."""
        made = {entry.path for entry in self.entries if entry.kind is not Kind.PLAIN}
        return frozenset({*IN_MEMORY, *made})


def prepare(*, rootless: bool) -> Template:
    """Turn this process's mount namespace into the layout above and survey the host.

    Raises:
        StepFailed: a call was refused; it says which.
    """
    _enter_private_root()
    mounts = _mount_points()
    has_sys = _show_sys()
    entries: list[Entry] = []
    read_only: list[str] = []
    budget = _Budget(_DIRECTORY_BUDGET)
    unmapped = _overflow_uid() if rootless else -1  # as root of the host every owner has a number
    for entry in _survey("", mounts, unmapped):
        match entry.kind:
            case Kind.LAYER:
                layer = _with_lower(entry, budget, unmapped) if rootless else entry
                if EXTENSION_DIRECTORY.startswith(f"/{entry.path}/"):
                    layer = _with_extension_directory(layer)
                if _can_layer(layer, rootless=rootless):
                    entries.append(layer)
                else:
                    entries.append(
                        Entry(entry.path, Kind.BIND, lowers=entry.lowers, mode=entry.mode)
                    )
                    read_only.append("/" + entry.path)
            case _:
                entries.append(entry)
    entries.append(_copied_etc(unmapped))
    with step("mount an overlay over a copy of /etc"):
        _try_layer(entries[-1], rootless=rootless)
    return Template(tuple(entries), rootless, has_sys, tuple(read_only))


def overlay_options(lowers: tuple[str, ...], *, upper: str, work: str, rootless: bool) -> str:
    """The mount options of one layer."""
    options = ["lowerdir=" + ":".join(_escaped(lower) for lower in lowers)]
    if upper:
        options += [f"upperdir={_escaped(upper)}", f"workdir={_escaped(work)}"]
    if rootless:
        options.append("userxattr")
    return ",".join(options)


def _escaped(path: str) -> str:
    for special in "\\:,":
        path = path.replace(special, "\\" + special)
    return path


def _enter_private_root() -> None:
    with step("make mounts private"):
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    with step("mount a tmpfs"):
        syscalls.mount("tmpfs", "/tmp", "tmpfs", 0, "mode=755")
    for name in (HOST, LOWER, EMPTY, POINTS, SYS, DISK, IMAGES, NODES):
        os.mkdir("/tmp" + name, 0o755)
    with step("pivot_root into a private tree"):
        os.chdir("/tmp")
        syscalls.pivot_root(".", "host")
        os.chdir("/")


def _show_sys() -> bool:
    """Bind the host's /sys; without it (a chroot, a kernel before 5.12) a VM's /sys is empty."""
    try:
        syscalls.mount(HOST + "/sys", SYS, None, syscalls.MS_BIND | syscalls.MS_REC)
    except OSError:
        return False
    try:
        syscalls.make_read_only(SYS)
    except OSError:
        syscalls.unmount(SYS, syscalls.MNT_DETACH)
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Mount:
    path: str
    fstype: str


def _mount_points() -> tuple[_Mount, ...]:
    with open(f"{HOST}/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.split() for line in file]
    found = []
    for fields in lines:
        path = fields[4]
        for code, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            path = path.replace(code, plain)
        if path.startswith(HOST + "/"):
            found.append(_Mount(path.removeprefix(HOST), fields[fields.index("-") + 1]))
    return tuple(found)


def _survey(directory: str, mounts: tuple[_Mount, ...], unmapped: int) -> Iterator[Entry]:
    """List a directory that cannot be layered as a whole, because mounts lie below it."""
    try:
        names = sorted(os.listdir(f"{HOST}/{directory}"))
    except OSError:
        return
    for name in names:
        path = f"{directory}/{name}" if directory else name
        if path in _FRESH or path == "etc":
            continue
        entry = _entry(path, mounts, unmapped)
        if entry is None:
            continue
        yield entry
        if entry.kind is Kind.PLAIN and _has_mount_below(path, mounts):
            yield from _survey(path, mounts, unmapped)


def _entry(path: str, mounts: tuple[_Mount, ...], unmapped: int) -> Entry | None:
    host = f"{HOST}/{path}"
    if any(mount.path == "/" + path and mount.fstype == "autofs" for mount in mounts):
        return Entry(path, Kind.PLAIN)
    try:
        facts = os.lstat(host)
    except OSError:
        return None
    mode = stat.S_IMODE(facts.st_mode)
    if stat.S_ISLNK(facts.st_mode):
        return Entry(path, Kind.LINK, target=os.readlink(host))
    if not stat.S_ISDIR(facts.st_mode):
        return Entry(path, Kind.BIND, lowers=(host,)) if "/" in path else None
    uid, gid = _owner_inside(facts, unmapped)
    readable = os.access(host, os.R_OK | os.X_OK)
    if not readable or _has_mount_below(path, mounts) or not os.listdir(host):
        return Entry(path, Kind.PLAIN, mode=mode, uid=uid, gid=gid)
    return Entry(path, Kind.LAYER, lowers=(host,), mode=mode, uid=uid, gid=gid)


def _has_mount_below(path: str, mounts: tuple[_Mount, ...]) -> bool:
    return any(mount.path.startswith(f"/{path}/") for mount in mounts)


def _owner_inside(facts: os.stat_result, unmapped: int) -> tuple[int, int]:
    """The owner a directory gets inside: an owner without a number there becomes root."""
    return (0, 0) if facts.st_uid == unmapped else (facts.st_uid, facts.st_gid)


def _overflow_uid() -> int:
    try:
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            return int(file.read())
    except OSError:
        return 65534


class _Budget:
    """Counts the directories made."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


def _with_lower(entry: Entry, budget: _Budget, unmapped: int) -> Entry:
    """Make the directories that belong to root inside, and put them over the host's."""
    top = f"{LOWER}/{entry.path}"
    os.makedirs(top, exist_ok=True)
    os.chmod(top, entry.mode)
    limit = _DEPTHS.get(entry.path, _DEPTH)
    queue = deque([(entry.lowers[0], top, 1)])
    while queue and budget.left > 0:
        host, lower, depth = queue.popleft()
        try:
            children = [child for child in os.scandir(host) if child.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for child in children:
            facts = child.stat(follow_symlinks=False)
            if facts.st_uid != unmapped or budget.left <= 0:
                continue
            budget.left -= 1
            made = f"{lower}/{child.name}"
            os.mkdir(made)
            os.chmod(made, stat.S_IMODE(facts.st_mode))
            if not os.access(child.path, os.R_OK | os.X_OK):
                _hide_content(made)
            elif depth < limit:
                queue.append((child.path, made, depth + 1))
    return Entry(entry.path, Kind.LAYER, (top, *entry.lowers), entry.mode, entry.uid, entry.gid)


def _with_extension_directory(entry: Entry) -> Entry:
    """Add the directory of the backup extension, where scripts are started."""
    provide_extension(_EXTENSION)
    return replace(entry, lowers=(*entry.lowers, f"{_EXTENSION}/{entry.path}"))


def _hide_content(directory: str) -> None:
    """A directory we may not read appears empty instead of failing every listing."""
    with contextlib.suppress(OSError):  # tmpfs before Linux 6.6 has no user attributes
        os.setxattr(directory, _OPAQUE, b"y")


def _can_layer(entry: Entry, *, rootless: bool) -> bool:
    try:
        with step(f"mount an overlay over /{entry.path}"):
            _try_layer(entry, rootless=rootless)
    except StepFailed as refused:
        if refused.number not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ELOOP):
            raise
        return False
    return True


def _try_layer(entry: Entry, *, rootless: bool) -> None:
    os.makedirs(f"{POINTS}/try/upper")
    os.makedirs(f"{POINTS}/try/work")
    options = overlay_options(
        entry.lowers, upper=f"{POINTS}/try/upper", work=f"{POINTS}/try/work", rootless=rootless
    )
    try:
        syscalls.mount("overlay", DISK, "overlay", 0, options)
        syscalls.unmount(DISK, syscalls.MNT_DETACH)
    finally:
        shutil.rmtree(f"{POINTS}/try")


def _copied_etc(unmapped: int) -> Entry:
    """Copy /etc: its files then belong to root inside, and each can be changed in place.

    The host's own ``/etc/azure`` is left out: a VM starts without a config.
    """
    top = f"{LOWER}/etc"
    os.makedirs(f"{top}/azure", mode=0o755)
    queue = deque([(f"{HOST}/etc", top)])
    while queue:
        source, copy = queue.popleft()
        try:
            children = list(os.scandir(source))
        except OSError:
            continue
        for child in children:
            if source == f"{HOST}/etc" and child.name == "azure":
                continue
            made = f"{copy}/{child.name}"
            with contextlib.suppress(OSError):  # unreadable to us: absent in the VM
                if _copy_one(child, made, unmapped):
                    queue.append((child.path, made))
    return Entry("etc", Kind.LAYER, (top,))


def _copy_one(child: os.DirEntry[str], made: str, unmapped: int) -> bool:
    """Copy one entry of /etc; true for a directory to go on with."""
    facts = child.stat(follow_symlinks=False)
    if stat.S_ISLNK(facts.st_mode):
        os.symlink(os.readlink(child.path), made)
        return False
    is_directory = stat.S_ISDIR(facts.st_mode)
    if is_directory:
        os.mkdir(made)
    elif stat.S_ISREG(facts.st_mode) and facts.st_size <= _COPY_LIMIT:
        _copy_file(child.path, made)
    else:
        return False
    with contextlib.suppress(OSError):  # an owner without a number here stays root
        if facts.st_uid != unmapped and (facts.st_uid or facts.st_gid):
            os.chown(made, facts.st_uid, facts.st_gid)
    os.chmod(made, stat.S_IMODE(facts.st_mode))
    os.utime(made, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return is_directory


def _copy_file(source: str, made: str) -> None:
    """Copy a file's content in few calls: there are hundreds, at the start of each session."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while os.sendfile(writing, reading, None, _COPY_LIMIT):
                pass
        finally:
            os.close(writing)
    finally:
        os.close(reading)
