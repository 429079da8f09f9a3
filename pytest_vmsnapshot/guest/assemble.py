"""Assembling one VM's tree from the session's template, inside the VM's own mount namespace."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import syscalls
from .extension import provide_extension
from .steps import step
from .template import (
    DISK,
    EMPTY,
    HOST,
    SYS,
    Entry,
    Kind,
    Template,
    overlay_options,
)
from .trees import copy_tree
from .volumes import Volumes

ROOT = f"{DISK}/root"
UPPER = f"{DISK}/upper"
WORK = f"{DISK}/work"
UPTIME = "uptime"
"""Lies on the disk, beside the layers, and over /proc/uptime."""

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
_PROTECTED = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
"""Written by root of the host, these would change the host itself."""

HOSTNAME = "vm"


@dataclass(frozen=True, slots=True)
class TreeSpec:
    """What one VM's tree shall hold beyond the template.

    Args:
        disk_bytes: size of the private layer; 0 means half of the machine's memory.
        directories: directories to create, absolute.
        shares: the project's directories, shown read-only where nothing else shows them.
        layer: a copied private layer to start from instead of an empty one.
        booted: whether that is the VM's own from now on; otherwise it is shown read-only.
        volumes: what is mounted besides, as requests describe it.
        own_uptime: whether a file of the VM's own lies over /proc/uptime.
    """

    disk_bytes: int
    directories: tuple[str, ...]
    shares: tuple[str, ...]
    layer: str = ""
    booted: bool = False
    volumes: Sequence[dict[str, Any]] = ()
    own_uptime: bool = False


def assemble(template: Template, spec: TreeSpec, volumes: Volumes) -> int:
    """Mount the tree and make it this process's root.

    Args:
        template: what it is made from.
        spec: what it shall hold beyond that.
        volumes: mounts volumes.

    Returns:
        A descriptor of the disk, from which the private layer can be reached though no path
        leads there any more.

    Raises:
        StepFailed: a call was refused; it says which.
    """
    with step("mount a tmpfs"):
        size = f",size={spec.disk_bytes}" if spec.disk_bytes else ""
        syscalls.mount("tmpfs", DISK, "tmpfs", 0, "mode=755" + size)
    os.umask(0)
    for directory in (ROOT, UPPER, WORK):
        os.mkdir(directory, 0o755)
    if spec.layer:
        _copy_root(spec.layer)
    with step("bind the new root"):
        syscalls.mount(ROOT, ROOT, None, syscalls.MS_BIND)
    with step("mount the host's directories"):
        for entry in template.entries:
            _ENTRIES[entry.kind](entry, template, spec)
    _devices()
    _fresh_directories(template)
    os.umask(0o022)
    for share in spec.shares:
        _share(share)
    for volume in () if spec.booted else spec.volumes:
        with step(f"show the volume {volume['path']}"):
            volumes.show(volume, ROOT, spec.layer)
    disk = os.open(DISK, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with step("mount /proc"):
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
        syscalls.mount("proc", f"{ROOT}/proc", "proc", flags)
    if spec.own_uptime:
        with step("cover /proc/uptime"):
            os.close(os.open(f"{DISK}/{UPTIME}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))
            syscalls.mount(f"{DISK}/{UPTIME}", f"{ROOT}/proc/uptime", None, syscalls.MS_BIND)
    with step("pivot_root into the VM"):
        os.chdir(ROOT)
        syscalls.pivot_root(".", ".")
        syscalls.unmount(".", syscalls.MNT_DETACH)
        os.chdir("/")
    for volume in spec.volumes:
        with step(f"mount the volume {volume['path']}"):
            volumes.bring_back(volume, read_only=not spec.booted)
    if not template.rootless:
        _protect_host()
    if not spec.layer:  # the files of a recovery point are all there is
        with contextlib.suppress(OSError):  # what it has here cannot be changed: scripts say so
            provide_extension("")
    for directory in spec.directories:
        with step(f"make {directory}"):
            os.makedirs(directory, mode=0o755, exist_ok=True)
    with contextlib.suppress(OSError):
        socket.sethostname(HOSTNAME)
    return disk


def flat(path: str) -> str:
    """The name of a layer's upper directory."""
    return path.replace("%", "%25").replace("/", "%2F")


def _link(entry: Entry, template: Template, spec: TreeSpec) -> None:
    if not os.path.lexists(f"{ROOT}/{entry.path}"):
        os.symlink(entry.target, f"{ROOT}/{entry.path}")


def _plain(entry: Entry, template: Template, spec: TreeSpec) -> None:
    target = f"{ROOT}/{entry.path}"
    if not os.path.lexists(target):
        os.mkdir(target, entry.mode)
        if not template.rootless:
            os.chown(target, entry.uid, entry.gid)


def _layer(entry: Entry, template: Template, spec: TreeSpec) -> None:
    _plain(entry, template, spec)
    name = flat(entry.path)
    copied = f"{spec.layer}/upper/{name}"
    if spec.layer and not spec.booted:
        lowers = (copied if os.path.exists(copied) else EMPTY, *entry.lowers)
        upper = work = ""
    else:
        lowers = entry.lowers
        upper, work = f"{UPPER}/{name}", f"{WORK}/{name}"
        os.mkdir(upper, entry.mode)
        os.mkdir(work, 0o755)
        if not template.rootless:
            os.chown(upper, entry.uid, entry.gid)
        if spec.layer and os.path.exists(copied):
            copy_tree(copied, upper)
    options = overlay_options(lowers, upper=upper, work=work, rootless=template.rootless)
    syscalls.mount("overlay", f"{ROOT}/{entry.path}", "overlay", 0, options)


def _bind(entry: Entry, template: Template, spec: TreeSpec) -> None:
    source, target = entry.lowers[0], f"{ROOT}/{entry.path}"
    if os.path.lexists(target):
        pass
    elif os.path.isdir(source):
        os.mkdir(target, entry.mode)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    _show(source, target)


_ENTRIES = {Kind.LINK: _link, Kind.PLAIN: _plain, Kind.LAYER: _layer, Kind.BIND: _bind}


def _show(source: str, target: str) -> None:
    """Bind a directory or file of the host, read-only."""
    syscalls.mount(source, target, None, syscalls.MS_BIND | syscalls.MS_REC)
    syscalls.make_read_only(target)


def _devices() -> None:
    """A /dev of the VM's own: no disk of the host is in it."""
    base = f"{ROOT}/dev"
    if os.path.lexists(base):  # it came with a copied layer: device nodes are mounted anew
        shutil.rmtree(base)
    os.mkdir(base, 0o755)
    with step("bind devices"):
        for name in _DEVICES:
            if os.path.exists(f"{HOST}/dev/{name}"):
                os.close(os.open(f"{base}/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
                syscalls.mount(f"{HOST}/dev/{name}", f"{base}/{name}", None, syscalls.MS_BIND)
    for name, target in _DEVICE_LINKS:
        os.symlink(target, f"{base}/{name}")
    os.mkdir(f"{base}/shm", 0o1777)
    os.mkdir(f"{base}/pts", 0o755)
    with contextlib.suppress(OSError):  # without pseudo-terminals nothing a backup needs is lost
        syscalls.mount("devpts", f"{base}/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")


def _fresh_directories(template: Template) -> None:
    for name, mode in (("proc", 0o555), ("sys", 0o555), ("tmp", 0o1777), ("run", 0o755)):
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{ROOT}/{name}", mode)
    with contextlib.suppress(FileExistsError):
        os.mkdir(f"{ROOT}/run/lock", 0o1777)
    if template.has_sys:
        with step("bind /sys"):
            syscalls.mount(SYS, f"{ROOT}/sys", None, syscalls.MS_BIND | syscalls.MS_REC)


def _share(path: str) -> None:
    """Show a directory of the host that a fresh /tmp or /run would hide."""
    target = ROOT + path
    with step(f"show {path}"):
        if os.path.exists(target):
            return
        os.makedirs(target, mode=0o755)
        _show(HOST + path, target)


def _protect_host() -> None:
    """As root of the host: what a script may reach must not change the host."""
    for path in _PROTECTED:
        if os.path.exists(path):
            with step(f"protect {path}"):
                _show(path, path)
    for capability in (
        syscalls.CAP_SYS_MODULE,
        syscalls.CAP_SYS_RAWIO,
        syscalls.CAP_SYS_BOOT,
        syscalls.CAP_SYS_TIME,
        syscalls.CAP_MKNOD,
    ):
        with contextlib.suppress(OSError):  # one we do not have cannot be inherited either
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)


def _copy_root(layer: str) -> None:
    """Take over the plain part of a copied layer: what lay directly in the VM's own root."""
    copy_tree(f"{layer}/root", ROOT)
