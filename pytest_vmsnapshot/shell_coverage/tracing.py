"""What bash needs to trace a script, and which scripts a trace would disturb."""

from __future__ import annotations

from ..kept import START_UP
from ..twin import SH_NAME

_POSIX = f"""\
builtin set -o posix
BASH=/bin/sh
builtin [ "$0" != {SH_NAME} ] || BASH_ARGV0=sh
BASH_ENV=/proc/self/fd/{START_UP}
"""
"""With them bash is as if it had been called ``sh``; bash scripts that it starts are not."""

_START_UP = """\
__vmsnapshot() {{
builtin unset -f __vmsnapshot
{mode}\
if {{ builtin true >&{descriptor}; }} 2>/dev/null; then
PS4=$'+\\x1fvmsnapshot\\x1f''${{#BASH_SOURCE[@]}} $BASH_SUBSHELL $LINENO $BASHPID ${{FUNCNAME-}}'\
$'\\x1f''${{BASH_SOURCE-}}'$'\\x1f'
BASH_XTRACEFD={descriptor}
builtin set -x
fi
}}
__vmsnapshot "$_"
"""


class BashTracer:
    """Lets bash tell which commands it runs; ``trace.read_trace`` reads what it writes.

    Bash as uid 0 ignores a ``PS4`` of the environment, and as ``sh`` it reads no ``BASH_ENV``; so
    all is said in the file that bash reads through ``BASH_ENV``, its POSIX mode too.
    """

    def start_up(self, descriptor: int, *, posix: bool) -> bytes:
        """Make the file that bash reads before a script, by the variable ``BASH_ENV``.

        The script finds ``$?``, ``$#``, ``$@``, ``$0`` and ``$_`` as they would be without, and
        no more variables than ``PS4``, ``BASH_XTRACEFD`` and ``BASH_ENV``. If it does not have the
        descriptor, it runs untraced, and nothing is printed.

        ``BASH_ENV`` stays in the environment, so bash scripts that the script starts are traced,
        too.

        Args:
            descriptor: open for writing.
            posix: whether bash runs in the place of ``sh``.
        """
        return _START_UP.format(descriptor=descriptor, mode=_POSIX if posix else "").encode()

    def refusal(self, script: bytes) -> str:
        """Why a script would notice that it is traced; empty where it would not.

        Args:
            script: its text.
        """
        from .touching import reason

        return reason(script)
