"""Starting the process that makes VMs, as whoever is allowed to, and ending it."""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import user_namespace, wire
from .steps import Refusal

_START_LIMIT = 60.0
"""Seconds for the helper's first word: it surveys the host's tree, which may be on a slow disk."""

_END_LIMIT = 10.0
"""Seconds for the helper to end by itself once its socket is closed; then it is killed."""

_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from pytest_vmsnapshot.guest.warden import main; main(sys.argv[1:])"
)

IN_PLACE = (
    "in a disposable container, as root: pytest --vmsnapshot-guest=in-place "
    "(it works on the real /etc/azure and puts everything back)"
)


def ways() -> tuple[str, ...]:
    """Ways to make namespaces that this user may have, best first."""
    if os.geteuid() == 0:
        return ("root", "subids", "rootless")
    return ("subids", "rootless", "sudo")


def candidates() -> list[str | Refusal]:
    """Ways to make namespaces, best first; those that cannot work here as refusals."""
    if os.geteuid() == 0:
        return list(ways())
    # Their remedies would not help: each makes another way better, not possible.
    return [
        replace(found, remedy="") if isinstance(found, Refusal) else found
        for found in (_checked(name) for name in ways())
    ]


def _checked(name: str) -> str | Refusal:
    """A way, or what it lacks, as far as that can be told without trying."""
    if name == "subids":
        reason, remedy = user_namespace.why_no_subordinate_ids()
        if reason:
            return Refusal(name, user_namespace.SUBIDS_STEP, 0, reason, remedy)
    if name == "sudo" and shutil.which("sudo") is None:
        remedy = "install sudo, and " + _sudo_remedy()
        return Refusal(name, "sudo -n", 0, "sudo is not installed", remedy)
    return name


def unavailable(refusals: Sequence[Refusal], *, asked: str) -> str:
    """Say why there is no VM, and every way out.

    Args:
        refusals: what was tried.
        asked: the guest that was asked for.
    """
    lines = ["no VM can be made on this machine:"]
    lines += [f"  {refusal}" for refusal in refusals]
    ways = list(dict.fromkeys(refusal.remedy for refusal in refusals if refusal.remedy))
    if asked != "in-place":
        ways.append(IN_PLACE)
    return "\n".join([*lines, "ways out:", *(f"  - {way}" for way in ways)])


@dataclass(slots=True)
class Helper:
    """The process that makes VMs.

    Args:
        process: it, or the sudo it is started by.
        control: the socket on which it is asked.
    """

    process: subprocess.Popen[bytes]
    control: socket.socket

    def end(self) -> None:
        """End it, and with it every VM that is left."""
        self.control.close()
        _end(self.process)

    def first_word(self) -> dict[str, Any]:
        """Wait for the first message: whether VMs can be made."""
        readable, _, _ = select.select([self.control], [], [], _START_LIMIT)
        if not readable:
            return {"crashed": f"the helper process said nothing for {_START_LIMIT:g} s"}
        try:
            return wire.receive(self.control).body
        except wire.PeerGone:
            return {}


def _end(process: subprocess.Popen[bytes]) -> int | None:
    """Wait for a helper that has no socket any more; returns its exit status."""
    with contextlib.suppress(ProcessLookupError):  # it has ended, and somebody has collected it
        ended = os.pidfd_open(process.pid)
        try:
            for _ in range(2):
                if select.select([ended], [], [], _END_LIMIT)[0]:
                    break
                with contextlib.suppress(PermissionError):  # sudo belongs to root
                    process.kill()
            else:
                return None
        finally:
            os.close(ended)
    return process.wait()


def start(privilege: str) -> Helper | Refusal:
    """Start a helper process.

    Args:
        privilege: how it shall get namespaces, or ``in-place``.
    """
    checked = _checked(privilege)
    if isinstance(checked, Refusal):
        return checked
    package_parent = str(Path(__file__).resolve().parents[2])
    # UTF-8 whatever the locale is: paths and parameters of a VM are, and once its root has changed
    # no other codec could be imported.
    python = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, package_parent]
    if privilege == "sudo":
        return _start_with_sudo(python)
    ours, theirs = wire.socket_pair()
    with theirs:
        process = subprocess.Popen(
            [*python, privilege, "-"],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Helper(process, ours)


def _start_with_sudo(python: list[str]) -> Helper | Refusal:
    """Start it as root; sudo hands down no descriptors, so it connects to us."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        listener.bind("")  # Linux picks a free abstract name: nothing in the file system
        listener.listen(1)
        name = listener.getsockname()[1:].decode("ascii")
        # A file, not a pipe: nobody reads while it runs, and sudo must never wait for us.
        said = stack.enter_context(open(os.memfd_create("sudo"), "r+b", buffering=0))
        process = subprocess.Popen(
            ["sudo", "-n", "--", *python, "root", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        ended = os.pidfd_open(process.pid)
        stack.callback(os.close, ended)
        waited: list[Any] = [listener, ended]
        readable, _, _ = select.select(waited, [], [], _START_LIMIT)
        if listener in readable:
            connection, _ = listener.accept()
            if _uid_of(connection) == 0:
                return Helper(process, connection)
            connection.close()  # somebody else's: no script is handed to them
        listener.close()
        _end(process)
        said.seek(0)
        text = said.read(4096).decode("utf-8", "backslashreplace").strip()
        reason = " ".join(text.split()).removeprefix("sudo: ") or "it did not start"
        return Refusal("sudo", "sudo -n", 0, reason, _sudo_remedy())


def _uid_of(connection: socket.socket) -> int:
    """Who is at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], sys.byteorder)


def _sudo_remedy() -> str:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = f"#{os.geteuid()}"
    return (
        "let sudo start VMs without a password: put the line "
        f"'{user} ALL=(root) NOPASSWD: {sys.executable}' "
        "into /etc/sudoers.d/pytest-vmsnapshot"
    )
