"""What bash needs to trace a script, and what a script does that a trace would disturb."""

from __future__ import annotations

import shlex

SH_NAME = "sh-in-bash"
"""What bash is called by ``sh_in_bash``; the script sees ``sh``."""

DESCRIPTOR = 231
"""Where the trace is open: bash keeps its script at 255, and scripts count from 3."""

_POSIX = """\
set -o posix
BASH=/bin/sh
[ "$0" != {name} ] || BASH_ARGV0=sh
unset BASH_ARGV0
{environment}
"""

_TRACE = """\
__vmsnapshot() {{
unset -f __vmsnapshot
if {{ command exec {descriptor}>>{trace}; }} 2>/dev/null; then
PS4=$'+\\x1fvmsnapshot\\x1f''${{#BASH_SOURCE[@]}} $BASH_SUBSHELL $LINENO $BASHPID ${{FUNCNAME-}}'\
$'\\x1f''${{BASH_SOURCE-}}'$'\\x1f'
BASH_XTRACEFD={descriptor}
set -x
fi
}} 2>/dev/null
"""
_CALL = '__vmsnapshot "$_"\n'


def start_up(trace: str, *, posix: bool, bash_start_up: str = "") -> bytes:
    """Make the file that bash reads before a script, by the variable ``BASH_ENV``.

    The script finds ``$?``, ``$#``, ``$@``, ``$0`` and ``$_`` as they would be without, and no
    variables but ``PS4``, ``BASH_XTRACEFD`` and ``BASH_ENV``. If the trace cannot be opened, it runs
    untraced, and nothing is printed.

    ``BASH_ENV`` stays in the environment, so that bash scripts which the script starts are traced
    too. bash ignores a ``PS4`` of the environment as uid 0, so it is set here.

    Args:
        trace: absolute path of a file on the VM that exists and that all may write.
        posix: whether it is for bash in the place of ``sh``, started by ``sh_in_bash``: in the mode
            it has when it is called ``sh``, in which it would not read this file.
        bash_start_up: with ``posix``, absolute path of the file for bash scripts which the script
            starts; without, they are not traced.
    """
    text = _TRACE.format(descriptor=DESCRIPTOR, trace=shlex.quote(trace))
    if posix:
        kept = f"BASH_ENV={shlex.quote(bash_start_up)}" if bash_start_up else "unset BASH_ENV"
        # Within the function, before the trace begins; what it sets outlives it.
        mode = _POSIX.format(name=SH_NAME, environment=kept)
        text = text.replace("unset -f __vmsnapshot\n", "unset -f __vmsnapshot\n" + mode)
    return (text + _CALL).encode()


def sh_in_bash(bash: str, start_up: str) -> bytes:
    """Make the program that stands in the place of ``/bin/sh`` where sh scripts are measured.

    Args:
        bash: absolute path of bash.
        start_up: absolute path of a file made by ``start_up(..., posix=True)``.
    """
    # -p: it is not for this one to read what BASH_ENV names.
    return (
        f"#!{bash} -p\n"
        f'BASH_ENV={shlex.quote(start_up)} exec -a {SH_NAME} {shlex.quote(bash)} "$@"\n'
    ).encode()


def touches_tracing(text: bytes) -> str:
    """Say why a script's deciding run must not be traced.

    Args:
        text: the script.

    Returns:
        What it does that a trace would disturb, or that would disturb the trace; empty if nothing.

    Raises:
        CoverageExtraMissing: tree-sitter is not installed.
    """
    from .touching import reason

    return reason(text)
