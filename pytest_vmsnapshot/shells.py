"""What ``/bin/sh`` is on a VM: a shell by its name, or that of a distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .errors import ShellMissing, UsageError
from .protocols import Clock, Guest, Launch

PACKAGES: Final[Mapping[str, str]] = {
    "dash": "dash",
    "bash": "bash",
    "busybox": "busybox",
    "ksh": "ksh93u+m",
    "mksh": "mksh",
    "yash": "yash",
}
"""Shells a VM can have, and the Debian package of each."""

DISTRIBUTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("debian", "ubuntu"), "dash"),
    **dict.fromkeys(("rhel", "centos", "rocky", "almalinux", "fedora", "oracle"), "bash"),
    **dict.fromkeys(("suse", "sles", "opensuse"), "bash"),
    "alpine": "busybox",
}
"""What ``/bin/sh`` is on a distribution."""

NAMES: Final = (*PACKAGES, *DISTRIBUTIONS)
"""All that can be asked for."""

_LIMIT = 10.0
"""Seconds of the VM's clock for two links."""

_MISSING = 3
_LINK = (
    f'found=$(command -v "$1") || exit {_MISSING}\n'
    "for sh in /bin/sh /usr/bin/sh; do\n"
    '  [ -e "$sh" ] || continue\n'
    '  ln -s "$found" "$sh.new" && mv -f "$sh.new" "$sh" || exit 1\n'
    "done\n"
)


def set_shell(name: str, guest: Guest, clock: Clock, env: Mapping[str, str]) -> None:
    """Let ``/bin/sh`` of a VM be a shell.

    Args:
        name: one of ``NAMES``.
        guest: the VM.
        clock: its clock.
        env: the environment of a script.

    Raises:
        ShellMissing: it is not installed.
        UsageError: this VM cannot have another shell.
    """
    if guest.name == "in-place":
        raise UsageError(
            ["shell: in place /bin/sh is the machine's own; leave shell out, or take another guest"]
        )
    shell = DISTRIBUTIONS.get(name, name)
    launch = Launch(("/bin/sh", "-c", _LINK, "sh", shell), env, "/")
    done = guest.execute(launch, clock.deadline(_LIMIT))
    if done.exit_status == _MISSING:
        raise ShellMissing(
            f"shell {name}: {shell} is not installed (Debian: apt-get install {PACKAGES[shell]})"
        )
    if done.exit_status != 0:
        said = " ".join(done.error_output.text.split())
        raise UsageError([f"shell {name}: /bin/sh of the VM cannot be replaced: {said}"])
