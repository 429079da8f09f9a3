"""How the lines of a backup are measured: in the backup itself, or in a twin.

A twin is the same backup made a second time, in a VM of its own, by a shell that can be traced. The
verdict is that of the first one. The twin begins with the files the VM had before it, and its
command doubles answer as they did then.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .backup import Backup
from .engine.interpreter import first_line
from .engine.rules import RuleSet
from .explain import printable
from .kept import POSIX_START_UP, TRACE, KeptFile, ScriptTrace, Tracer
from .mentioned import mentioned
from .protocols import FileKind, Guest
from .traced_guest import BASH
from .vm_path import FileGuest

_SH = ("sh", "dash")
"""Shells whose scripts bash can run as well, in its POSIX mode."""

_PLACES = ("/bin/sh", "/usr/bin/sh", "/bin/dash", "/usr/bin/dash")
"""Where they lie."""

SH_NAME = "sh-in-bash"
"""What bash is called in the place of sh, until its start-up file calls it ``sh``."""

WRAPPER = f"""\
#!{BASH} -p
if [ -e /proc/self/fd/{POSIX_START_UP} ]; then
    export BASH_ENV=/proc/self/fd/{POSIX_START_UP}
    exec -a {SH_NAME} {BASH} "$@"
fi
exec -a sh {BASH} "$@"
""".encode("ascii")
"""Lies where sh is. It is not started as ``sh``, because bash would not read ``BASH_ENV`` then."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the lines of a backup are measured.

    Args:
        shell: what measures; empty where nothing does.
        twin: why in a twin; empty where the backup itself is measured.
        notes: what is not measured and why, each a sentence.
        of_sh: paths of the scripts that sh runs without options of theirs.
        untraced: paths of the scripts that cannot be traced.
    """

    shell: str = ""
    twin: str = ""
    notes: tuple[str, ...] = ()
    of_sh: frozenset[str] = frozenset()
    untraced: frozenset[str] = frozenset()


def plan(
    scripts: Sequence[KeptFile],
    rules: RuleSet,
    guest: Guest,
    tracer: Tracer,
    sources: Collection[str] = (),
) -> Plan:
    """Decide how the lines of a backup are measured.

    Args:
        scripts: what it will run.
        rules: the rule set in effect.
        guest: where they run.
        tracer: knows which scripts would notice.
        sources: places on the VM of files that the test has copied there.
    """
    if not guest.runs_programs or not scripts:
        return Plan()
    if guest.name == "in-place":
        return Plan(notes=("in place no script is measured",))
    import resource  # only here: a VM in memory is had on any system

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most <= TRACE:  # the VM has inherited it
        told = f"no script is measured: it takes {TRACE + 1} descriptors, and ulimit -n is {most}"
        return Plan(notes=(told,))
    (bash,) = guest.examine((BASH,), 0)
    if bash.kind is not FileKind.FILE:
        return Plan(notes=(f"no script is measured: there is no {BASH} (Debian: bash)",))
    notes: list[str] = []
    reasons: list[str] = []
    of_sh: set[str] = set()
    untraced: set[str] = set()
    shells: set[str] = set()
    for script in scripts:
        shell = rules.interpreter or _shell_of(script.content)
        path = printable(script.path)
        if shell != "bash" and shell not in _SH:
            what = f"what runs it, {printable(shell)}," if shell else "it is a program that"
            untraced.add(script.path)
            notes.append(f"{path} is not measured: {what} cannot be traced")
            continue
        shells.add(shell)
        if shell != "bash":
            if rules.interpreter or not first_line(script.content).options:
                of_sh.add(script.path)
            reasons.append(f"{shell} does not tell which line it executes")
        elif why := tracer.refusal(script.content):
            reasons.append(f"{path} would notice: {why}")
    if not shells:
        return Plan(notes=tuple(notes))
    if not reasons:
        for further in mentioned(scripts, sources, guest):
            if why := tracer.refusal(further.content):
                reasons.append(f"{printable(further.path)} would notice: {why}")
                break
    measuring = "bash as sh" if shells.isdisjoint({"bash"}) else "bash"
    reason = "; ".join(dict.fromkeys(reasons))
    return Plan(measuring, reason, tuple(notes), frozenset(of_sh), frozenset(untraced))


def _shell_of(content: bytes) -> str:
    """The name of what runs a script that is executed; ``sh`` where it names nothing."""
    if content.startswith(b"\x7fELF"):
        return ""
    found = first_line(content)
    return posixpath.basename(found.name) if found.name else "sh"


def let_bash_be_sh(guest: FileGuest) -> None:
    """Let bash run what sh would, so that it can be traced.

    Args:
        guest: the twin.

    Raises:
        OSError: a shell cannot be replaced.
    """
    for facts in guest.examine(_PLACES, 0):
        if facts.kind is FileKind.FILE:
            guest.install(facts.path, WRAPPER, 0o755, "root")


def of_what_ran(backup: Backup, traces: Sequence[ScriptTrace]) -> tuple[ScriptTrace, ...]:
    """Leave out what only a twin has run: it begins with files that a VM may have lacked.

    Args:
        backup: the first one.
        traces: of the twin.
    """
    runs = {"pre-script": backup.pre, "post-script": backup.post}
    launched = {name: 0 if run is None else run.launched for name, run in runs.items()}
    return tuple(trace for trace in traces if trace.attempt <= launched.get(trace.script, 0))


def parted(backup: Backup, twin: Backup) -> str:
    """How a twin went another way than the backup; empty where it did not.

    Args:
        backup: the first one, whose verdict counts.
        twin: the second one.
    """
    told = []
    for name, one, other in (
        ("pre-script", backup.pre, twin.pre),
        ("post-script", backup.post, twin.post),
    ):
        endings = ["not run" if run is None else run.last.ending for run in (one, other)]
        if endings[0] != endings[1]:
            told.append(f"the {name}: {endings[1]}, in the backup itself: {endings[0]}")
    if not told:
        return ""
    return (
        f"the twin that was measured went another way ({'; '.join(told)}): what was in memory, in "
        "/run, and what the test does meanwhile are not in a twin, and bash takes some of what sh "
        "refuses"
    )
