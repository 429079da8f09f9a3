"""``su``, ``sudo`` and ``runuser`` as command doubles that run what they are given."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

from ..command_double import CommandDouble
from ..errors import UsageError
from .several_places import SeveralPlaces

_LIBRARY = "/usr/local/libexec/pytest-vmsnapshot"

_PLACES = {
    "su": ("su", "/usr/bin/su"),
    "runuser": ("runuser", "/usr/sbin/runuser"),
    "sudo": ("sudo", "/usr/bin/sudo"),
}

_HEAD = """\
#!/bin/sh
# Stands in for {name}: runs the command as the user, or as root with the user's name where the VM
# has no such user, or cannot have another than root.
known={known}
user=root login= given= shell= preserve= resets=
"""

_SU_OPTIONS = """\
while [ $# -gt 0 ]; do
  case $1 in
    -|-l|--login) login=1 ;;
    -c|--command) given=$2; has_command=1; shift ;;
    -lc) login=1; given=$2; has_command=1; shift ;;
    --command=*) given=${1#*=}; has_command=1 ;;
    -c*) given=${1#-c}; has_command=1 ;;
    -s|--shell) shell=$2; shift ;;
    --shell=*) shell=${1#*=} ;;
    -g|-G|--group|--supp-group|-w|--whitelist-environment) shift ;;
    -m|-p|--preserve-environment) preserve=1 ;;
    -u|--user) named=1; user=$2; shift ;;
    --) shift; break ;;
    -?*) ;;
    *) [ -z "$named$found" ] || break; found=1; user=$1 ;;
  esac
  shift
done
"""

_SUDO_OPTIONS = """\
while [ $# -gt 0 ]; do
  case $1 in
    -u|--user) user=$2; shift ;;
    -u*) user=${1#-u} ;;
    --user=*) user=${1#*=} ;;
    -[!-]*u) case $1 in *i*) login=1 ;; esac; user=$2; shift ;;
    -i|--login) login=1 ;;
    -E|--preserve-env) preserve=1 ;;
    -D|--chdir) cd "$2" || exit 1; shift ;;
    --chdir=*) cd "${1#*=}" || exit 1 ;;
    -g|--group|-p|--prompt|-C|-h|--host|-r|-t|-T) shift ;;
    --) shift; break ;;
    -?*) ;;
    *) break ;;
  esac
  shift
done
"""

_FIND_USER = """\
if [ -n "$known" ]; then
  case " $known " in
    *" $user "*) ;;
    *) echo "{unknown}" >&2; exit 1 ;;
  esac
fi
entry=$(while IFS= read -r row; do case $row in "$user":*) echo "$row"; break ;; esac
  done < /etc/passwd)
uid= home= login_shell=
if [ -n "$entry" ]; then
  IFS=: read -r _ _ uid gid _ home login_shell <<END
$entry
END
fi
case $login_shell in ''|*/nologin|*/false) login_shell=/bin/sh ;; esac
[ -n "$shell" ] || shell=$login_shell
[ -x "$shell" ] || shell=/bin/sh
if [ -z "$preserve" ]; then
  export USER="$user" LOGNAME="$user" HOME="${home:-/home/$user}" SHELL="$shell"
fi
if [ -n "$login" ]; then cd "$HOME" 2>/dev/null || cd /; fi
clean=
if [ -z "$preserve" ] && [ -n "$login$resets" ]; then
  clean="env -i HOME=$HOME USER=$user LOGNAME=$user SHELL=$shell PATH=$PATH TERM=${TERM:-dumb}"
fi
become=
if [ -n "$uid" ] && [ "$uid" != 0 ] &&
  setpriv --reuid "$uid" --regid "$gid" --clear-groups true 2>/dev/null; then
  become="setpriv --reuid $uid --regid $gid --clear-groups"
fi
"""

_SU_RUNS = """\
if [ -n "$has_command" ]; then exec $become $clean "$shell" -c "$given" "$@"; fi
if [ -n "$named" ]; then exec $become $clean "$@"; fi
exec $become $clean "$shell" "$@"
"""

_SUDO_RUNS = """\
if [ -n "$login" ]; then exec $become $clean "$shell" -c '"$@"' "$shell" "$@"; fi
exec $become ${clean:-env} "$@"
"""

_UNKNOWN = {
    "su": "su: user $user does not exist or the user entry does not contain all the required "
    "fields",
    "runuser": "runuser: user $user does not exist or the user entry does not contain all the "
    "required fields",
    "sudo": "sudo: unknown user $user",
}


class WritableMachine(Protocol):
    """A VM, as far as this needs it."""

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file."""
        ...

    def command(
        self, name: str, *, passthrough: bool | str = False, optional: bool = False
    ) -> CommandDouble:
        """Put a command double in place."""
        ...


class SwitchUser(SeveralPlaces):
    """``su``, ``sudo`` and ``runuser``: they run the command they are given, and are recorded.

    It runs as the user if the VM has that user and can have others than root; else as root, with
    the user's name and home in its environment. As with the real ones, sudo and a login (``su -``)
    start from an environment of their own.

    Args:
        vm: where they are put in place.
        users: the only ones that exist; by default everybody does, on the VM or not.

    Raises:
        UsageError: users is no list of names.
    """

    def __init__(self, vm: WritableMachine, users: Sequence[str] | None = None) -> None:
        if isinstance(users, str) or not all(isinstance(name, str) for name in users or ()):
            raise UsageError([f"users is {users!r}; write a list of names, such as ['postgres']"])
        self._doubles = []
        for name, places in _PLACES.items():
            helper = f"{_LIBRARY}/{name}"
            vm.write(helper, _script(name, users), mode=0o755)
            self._doubles += [
                vm.command(place, passthrough=helper, optional=True) for place in places
            ]


def _script(name: str, users: Sequence[str] | None) -> str:
    known = shlex.quote(" ".join(["root", *users])) if users is not None else "''"
    head = _HEAD.replace("{name}", name).replace("{known}", known)
    find = _FIND_USER.replace("{unknown}", _UNKNOWN[name])
    if name == "sudo":
        return head + "resets=1\n" + _SUDO_OPTIONS + find + _SUDO_RUNS
    return head + "has_command= named= found=\n" + _SU_OPTIONS + find + _SU_RUNS
