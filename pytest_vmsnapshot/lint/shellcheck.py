"""ShellCheck, asked in the dialects that sh will really be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import HarnessError
from .codes import SOURCE_FOR_DOT, UNKNOWN_SET_OPTION
from .finding import LintFinding, Severity
from .first_line import interpreter
from .reading import ReadScript, lf_only
from .target_shells import by_program, described

DIALECTS: Final = {
    "dash": "dash",
    "bash": "bash",
    "busybox": "busybox",
    "ksh": "ksh",
    "mksh": "ksh",
    "yash": "sh",
}
"""What ShellCheck calls the language of a shell; bash knows its own also when it is called sh."""

_BEFORE_BUSYBOX = "dash"
"""What stands in for busybox in a ShellCheck before 0.10, which does not know it."""

_BUSYBOX_KNOWS: Final = frozenset(
    {"SC3003", "SC3010", "SC3014", "SC3020", "SC3040", "SC3046", "SC3051", "SC3057", "SC3060"}
)
"""What dash does not know, and busybox does."""

_NOT_ASKED: Final = ("SC1017", "SC1090", "SC2217")
"""Not asked for: CR (VMS001 says so once), sourced files that it cannot follow, and redirections of
``sleep``, by which a script holds a FIFO open until its post-script."""

_OURS: Final = {
    "SC3040": UNKNOWN_SET_OPTION,
    "SC3041": UNKNOWN_SET_OPTION,
    "SC3046": SOURCE_FOR_DOT,
    "SC3051": SOURCE_FOR_DOT,
}
"""Codes that say the same as one of this package, which knows more."""

_PREFIX = re.compile(r"In (?:dash|busybox sh|POSIX sh|ksh), ")
_LIMIT = 60.0
"""Seconds for one script; it takes a tenth of one."""

_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}

_WIKI = "https://www.shellcheck.net/wiki/"


class ShellCheckMissing(HarnessError):
    """ShellCheck is not installed; says how to get it."""


class ShellCheckFailed(HarnessError):
    """ShellCheck could not look at a script; says what it said."""


@dataclass(frozen=True, slots=True)
class _Comment:
    """What ShellCheck says, and in which shells it holds."""

    line: int
    column: int
    code: str
    level: str
    message: str


def executable() -> str:
    """The path of ShellCheck: beside this Python, where pip puts it, or on PATH.

    Raises:
        ShellCheckMissing: it is in neither place.
    """
    beside = os.path.dirname(sys.executable)
    found = shutil.which("shellcheck", path=beside) or shutil.which("shellcheck")
    if found is None:
        raise ShellCheckMissing(
            "ShellCheck is not installed: pip install 'pytest-vmsnapshot[lint]', or "
            "apt-get install shellcheck"
        )
    return found


def check(script: ReadScript, program: str) -> tuple[LintFinding, ...]:
    """What ShellCheck finds in a script, in every dialect that sh will be.

    Args:
        script: the script.
        program: the path of ShellCheck.

    Raises:
        ShellCheckFailed: it does not run, or its answer cannot be read.
    """
    content = lf_only(script.file.content)
    answers: dict[str, tuple[_Comment, ...]] = {}
    shells: dict[_Comment, list[str]] = {}
    for shell in by_program(script.shells):
        dialect = DIALECTS[shell]
        if dialect not in answers:
            answers[dialect] = tuple(_asked(script.file.path, content, dialect, program))
        for comment in answers[dialect]:
            shells.setdefault(comment, []).append(shell)
    return tuple(_found(script, comment, programs) for comment, programs in shells.items())


def _asked(path: Path, content: bytes, dialect: str, program: str) -> Iterator[_Comment]:
    """ShellCheck's comments in one dialect, worded without its name."""
    done = _run(path, content, dialect, program)
    knows: Iterable[str] = ()
    if dialect == "busybox" and "unknown shell" in done.stderr.lower():
        done, knows = _run(path, content, _BEFORE_BUSYBOX, program), _BUSYBOX_KNOWS
    try:
        comments: list[dict[str, Any]] = json.loads(done.stdout)["comments"]
        read = [
            _Comment(
                int(found["line"]),
                int(found["column"]),
                f"SC{int(found['code']):04}",
                str(found["level"]),
                _PREFIX.sub("", str(found["message"])).strip().removesuffix("."),
            )
            for found in comments
        ]
    except (ValueError, KeyError, TypeError):
        said = " ".join((done.stderr or done.stdout).split())[:300]
        raise ShellCheckFailed(
            f"{program} ended with {done.returncode} over {path} and gave no list of findings: "
            f"{said or '(it said nothing)'}"
        ) from None
    yield from (comment for comment in read if comment.code not in knows)


def _run(
    path: Path, content: bytes, dialect: str, program: str
) -> subprocess.CompletedProcess[str]:
    command = (
        *(program, f"--shell={dialect}", "--format=json1", "--severity=warning", "--color=never"),
        *(f"--exclude={','.join(_NOT_ASKED)}", "-"),
    )
    directory = path.parent if path.parent.is_dir() else None  # where a .shellcheckrc may lie
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, cwd=directory, timeout=_LIMIT, check=False
        )
    except OSError as error:
        raise ShellCheckFailed(f"{program} does not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ShellCheckFailed(
            f"{program} did not end within {_LIMIT:g} s over {path}, and was killed"
        ) from None
    return subprocess.CompletedProcess(
        command,
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )


def _found(script: ReadScript, comment: _Comment, programs: Sequence[str]) -> LintFinding:
    text = comment.message
    everywhere = len(programs) == len(by_program(script.shells))
    if not everywhere or comment.code.startswith("SC3"):
        asked = interpreter(script)
        whatever = ", which runs the script whatever its first line says" if asked.differs else ""
        text += f" (in {described(programs, script.shells)}{whatever})"
    return LintFinding(
        comment.code,
        _SEVERITIES.get(comment.level, Severity.NOTE),
        script.file.path,
        comment.line,
        comment.column,
        text,
        f"see {_WIKI}{comment.code}",
    )


def beside_ours(
    found: Iterable[LintFinding], ours: Iterable[LintFinding]
) -> tuple[LintFinding, ...]:
    """ShellCheck's findings without those that one of this package's says already.

    Args:
        found: ShellCheck's.
        ours: those of this package in the same script.
    """
    said = {(finding.code, finding.line) for finding in ours}
    return tuple(each for each in found if (_OURS.get(each.code, ""), each.line) not in said)
