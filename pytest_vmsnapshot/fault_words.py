"""Faults in words: what a result says that was forced, so that nobody takes it for real."""

from __future__ import annotations

from .explain import signal_name
from .faults import END, START, CommandFault, Faults, FileFault, FreezeFault, ScriptFault
from .faults import SnapshotFault as Snapshot

_FREEZE = {
    FreezeFault.FAIL: "the freezing helper refuses to freeze",
    FreezeFault.LOCK_HELD: "another process holds the lock of the freezing helper",
    FreezeFault.TIMEOUT: "the freezing helper does not answer",
    FreezeFault.OPEN_FAILED: "a mount cannot be opened for the freeze",
    FreezeFault.LATE_THAW: "the file systems thaw before the snapshot is complete",
    FreezeFault.SLEEP_UNABLE: "the freezing helper cannot wait for the snapshot",
    FreezeFault.THAW_FAIL: "a file system cannot be thawed",
}

_SNAPSHOT = {
    Snapshot.ALL_FAILED: "the snapshot of every disk fails",
    Snapshot.SOME_FAILED: "the snapshot of some disks fails",
}

_WHOSE = {
    "pre_file": "the pre-script's file",
    "post_file": "the post-script's file",
    "config_file": "the config",
    "plugin_host": "the Pluginhost file",
}

_DAMAGE = {
    "missing": "is missing",
    "unreadable": "is a link to itself, which nobody can read",
    "directory": "is a directory",
    "dangling": "is a link that leads nowhere",
    "crlf": "has CR LF line ends",
    "truncated": "is cut off in the middle",
    "empty": "is empty",
    "bom": "begins with a byte order mark",
    "single_quotes": "has single quotes",
    "trailing_comma": "has a comma too many at its end",
    "comment": "begins with a comment",
    "not_an_object": "is a JSON list",
    "quoted_booleans": "has its booleans in quotes",
    "misspelt_key": "has a misspelt key",
    "corrupt": "is corrupt",
}

_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


def in_words(faults: Faults) -> dict[str, str]:
    """Each fault as a sentence, by what it is about.

    Keys are the names of the fields of ``Faults``; ``command NAME`` for each command, and
    ``read_only PATH`` for each directory.
    """
    found: dict[str, str] = {}
    if faults.freeze is not None:
        found["freeze"] = _FREEZE[faults.freeze]
    if faults.snapshot is not None:
        found["snapshot"] = _SNAPSHOT[faults.snapshot]
    for name, fault in (("pre", faults.pre), ("post", faults.post)):
        if fault is not None:
            found[name] = _of_script(f"{name}-script", fault)
    for name, damaged in faults.files:
        found[name] = f"{_WHOSE[name]} {_of_file(damaged)}"
    for command, afflicted in faults.commands:
        found[f"command {command}"] = f"{command} {of_command(afflicted)}{_calls(afflicted)}"
    if faults.disk_full:
        found["disk_full"] = "the disk is full from the pre-script on"
    for directory in faults.read_only:
        found[f"read_only {directory}"] = f"{directory} is read-only from the pre-script on"
    for moment, seconds in faults.clock_jump:
        way = f"{'forward' if seconds > 0 else 'back'} by {abs(seconds):g} s"
        found[f"clock_jump {moment.value}"] = f"the wall clock is set {way} at {moment.value}"
    return found


def of_script(fault: ScriptFault) -> str:
    """What happens to a script, or to one of its commands."""
    return f"{_doings(fault)}{_WHEN.get(str(fault.at), '')}"


_WHEN = {START: " before its first line", END: " after its work"}


def ordinal(number: int) -> str:
    """A number as a place in an order."""
    tens, ones = divmod(number, 10)
    if tens % 10 == 1 or ones not in _ORDINALS:
        return f"{number}th"
    return f"{tens or ''}{_ORDINALS[ones]}"


def _of_script(name: str, fault: ScriptFault) -> str:
    who = f"the {name}"
    if isinstance(fault.at, int):
        who = f"the {ordinal(fault.at)} command of the {name}"
    tries = ""
    if fault.attempts is not None:
        tries = f", at its first {fault.attempts} attempts" if fault.attempts > 1 else ""
        tries = tries or ", at its first attempt"
    return f"{who} {of_script(fault)}{tries}"


def _doings(fault: ScriptFault | CommandFault) -> str:
    parts = []
    if isinstance(fault, ScriptFault) and fault.prints:
        parts.append(f"prints {fault.prints} bytes")
    if fault.delay:
        parts.append(f"waits {fault.delay:g} s")
    if fault.hang:
        parts.append("hangs")
    if fault.exit_status is not None:
        parts.append(f"ends with exit status {fault.exit_status}")
    if fault.signal is not None:
        parts.append(f"is killed by {signal_name(fault.signal)}")
    return " and ".join(parts)


def of_command(fault: CommandFault) -> str:
    """What happens to a command."""
    return "is missing" if fault.missing else _doings(fault)


def _calls(fault: CommandFault) -> str:
    if fault.calls is None:
        return ""
    return f", at its first {fault.calls} calls" if fault.calls > 1 else ", at its first call"


def _of_file(fault: FileFault) -> str:
    parts = []
    if callable(fault.damage):
        parts.append(f"is damaged by {getattr(fault.damage, '__name__', 'a function')}")
    elif fault.damage is not None:
        parts.append(_DAMAGE[fault.damage])
    if fault.mode is not None:
        parts.append(f"has mode {fault.mode:03o}")
    if fault.owner is not None:
        parts.append(f"belongs to {fault.owner}")
    return " and ".join(parts)
