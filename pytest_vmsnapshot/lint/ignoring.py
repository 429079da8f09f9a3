"""Comments that ignore findings: ``# vmsnapshot: ignore=VMS004`` and ``ignore-file=VMS004``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from .codes import UNKNOWN_IGNORE, UNUSED_IGNORE, is_known, is_shellcheck, nearest
from .finding import LintFinding, Severity
from .reading import ReadScript
from .shell_words import Comment

_OURS = re.compile(r"\s*vmsnapshot:(?P<rest>.*)")
_DIRECTIVE = re.compile(
    r"(?P<what>ignore|ignore-file)=(?P<codes>[^\s,]+(?:\s*,\s*[^\s,]+)*)(?=\s|\Z)"
)
_WRITE = "write # vmsnapshot: ignore=VMS004, or ignore-file= in the comments at the top"


@dataclass(frozen=True, slots=True)
class _Ignore:
    """One code that a comment ignores, and in which lines; none for the whole file."""

    code: str
    comment: Comment
    lines: range | None

    def covers(self, found: LintFinding) -> bool:
        return found.code == self.code and (self.lines is None or found.line in self.lines)


def without_ignored(
    script: ReadScript,
    findings: Sequence[LintFinding],
    ignore: Collection[str],
    *,
    shellcheck_ran: bool,
) -> tuple[LintFinding, ...]:
    """Findings of a script without those its comments ignore, and what is wrong with the comments.

    Args:
        script: the script.
        findings: what was found in it.
        ignore: codes that are ignored everywhere; a comment about one of them is not judged.
        shellcheck_ran: whether ShellCheck's codes are complete.
    """
    ignores: list[_Ignore] = []
    wrong: list[LintFinding] = []
    for comment in script.shell.comments:
        ours = _OURS.match(comment.text)
        if ours is not None:
            _take(script, comment, ours["rest"].strip(), ignores, wrong)
    kept = [found for found in findings if not any(each.covers(found) for each in ignores)]
    for each in ignores:
        judged = each.code not in ignore and (shellcheck_ran or not is_shellcheck(each.code))
        if judged and not any(each.covers(found) for found in findings):
            where = "in this script" if each.lines is None else "here"
            wrong.append(
                script.found(
                    UNUSED_IGNORE,
                    Severity.WARNING,
                    each.comment.line,
                    f"{each.code} is ignored, but it is not found {where}",
                    "take the comment out",
                )
            )
    return (*kept, *wrong)


def _take(
    script: ReadScript,
    comment: Comment,
    rest: str,
    ignores: list[_Ignore],
    wrong: list[LintFinding],
) -> None:
    """Read one comment that speaks to us."""
    directive = _DIRECTIVE.match(rest)
    if directive is None:
        wrong.append(
            _unknown(script, comment, f"nothing is ignored by {f'vmsnapshot: {rest}'!r}", _WRITE)
        )
        return
    whole = directive["what"] == "ignore-file"
    if whole and comment.line > _top(script.text):
        text = "ignore-file is heeded among the comments at the top of a script only"
        wrong.append(_unknown(script, comment, text, "move it there"))
        return
    lines = None if whole else _lines(script.text.split("\n"), comment)
    for code in re.split(r"\s*,\s*", directive["codes"]):
        if is_known(code):
            ignores.append(_Ignore(code, comment, lines))
        else:
            text = f"there is no code {code!r} to ignore{nearest(code)}"
            wrong.append(_unknown(script, comment, text, "write a code of docs/lint.md"))


def _unknown(script: ReadScript, comment: Comment, text: str, remedy: str) -> LintFinding:
    return script.found(UNKNOWN_IGNORE, Severity.WARNING, comment.line, text, remedy)


def _top(text: str) -> int:
    """Number of the lines at the top that have nothing but comments."""
    count = 0
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        count += 1
    return count


def _lines(lines: Sequence[str], comment: Comment) -> range:
    """The lines a comment speaks of: those of the command beside it, or below it."""
    first = comment.line
    if comment.own_line:
        first = next(_code_lines(lines, comment.line + 1), comment.line)
    else:
        while first > 1 and lines[first - 2].endswith("\\"):
            first -= 1
    last = first
    while last < len(lines) and lines[last - 1].endswith("\\"):
        last += 1
    return range(first, last + 1)


def _code_lines(lines: Sequence[str], first: int) -> Iterator[int]:
    for number in range(first, len(lines) + 1):
        text = lines[number - 1].strip()
        if text and not text.startswith("#"):
            yield number
