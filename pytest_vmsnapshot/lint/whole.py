"""All checks, one after the other, over a config and its scripts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from . import config_checks, file_form, placeholders, script_places, shellcheck, terminals
from .codes import NO_SHELLCHECK
from .double_freeze import double_freeze
from .finding import LintFinding, Severity
from .first_line import first_line, interpreter, is_shell, options
from .idle_script import does_nothing
from .ignoring import without_ignored
from .one_shot_locks import one_shot_locks
from .reading import ReadScript, read_script
from .set_options import set_options
from .shellcheck import ShellCheckFailed, ShellCheckMissing
from .subject import ScriptFile, Subject

_Check = Callable[[ReadScript], Iterator[LintFinding]]

_OF_FILES: Final[tuple[_Check, ...]] = (
    file_form.line_ends,
    file_form.byte_order_mark,
    file_form.encoding,
)
"""Checks of any file."""

_OF_TEXT: Final[tuple[_Check, ...]] = (file_form.final_newline, first_line, options)
"""Checks of any text."""

_OF_SCRIPTS: Final[tuple[_Check, ...]] = (
    script_places.relative_paths,
    script_places.source,
    script_places.dot,
    script_places.home,
    placeholders.in_script,
    does_nothing,
    one_shot_locks,
    terminals.waits,
    terminals.su,
    set_options,
)
"""Checks of what is written in the language of a shell."""

_OF_CONFIGS: Final = (
    config_checks.time_limit,
    config_checks.locations,
    config_checks.same_script,
    config_checks.placeholders,
    config_checks.freeze_off,
)


def lint(subject: Subject, ignore: Collection[str] = ()) -> tuple[LintFinding, ...]:
    """Everything that is found, sorted by file and line; nothing is run but ShellCheck.

    Args:
        subject: the config, its scripts, and what will run them.
        ignore: codes that are not told; see ``unknown_ignores`` for those that do not exist.
    """
    config = config_checks.read_config(subject.config, subject.config_content)
    found = [finding for check in _OF_CONFIGS for finding in check(config)]
    program, missing = _program(subject)
    found += missing
    checks = (*_OF_SCRIPTS, double_freeze) if config_checks.freezes(config) else _OF_SCRIPTS
    for file in _once(subject.scripts):
        found += _of_script(file, subject.shells, checks, ignore, program)
    told = {finding for finding in found if finding.code not in ignore}
    return tuple(sorted(told, key=_order))


def _once(scripts: Iterable[ScriptFile]) -> Iterator[ScriptFile]:
    """Scripts, each file once, even where the config names it for both steps."""
    found: dict[Path, ScriptFile] = {}
    for file in scripts:
        before = found.get(file.path, file)
        found[file.path] = file if before.step == file.step else replace(file, step="both")
    yield from found.values()


def _order(finding: LintFinding) -> tuple[str, int, int, str, str]:
    return (str(finding.path), finding.line, finding.column, finding.code, finding.text)


def _program(subject: Subject) -> tuple[str, tuple[LintFinding, ...]]:
    """ShellCheck's path, or one finding that says that there is none."""
    try:
        return shellcheck.executable(), ()
    except ShellCheckMissing as missing:
        text = f"no script was looked at by ShellCheck: {missing}"
        what, _, remedy = text.rpartition(": ")
        note = LintFinding(NO_SHELLCHECK, Severity.NOTE, subject.config, 0, 0, what, remedy)
        return "", (note,)


def _of_script(
    file: ScriptFile,
    shells: tuple[str, ...],
    of_scripts: Sequence[_Check],
    ignore: Collection[str],
    program: str,
) -> tuple[LintFinding, ...]:
    script = read_script(file, shells)
    is_text = file_form.is_text(script)
    is_script = is_text and is_shell(interpreter(script))
    checks = [*_OF_FILES, *(_OF_TEXT if is_text else ()), *(of_scripts if is_script else ())]
    found = [finding for check in checks for finding in check(script)]
    ran = False
    if program and is_script:
        try:
            asked = shellcheck.check(script, program)
        except ShellCheckFailed as failed:
            remedy = "try it by hand, or install another version"
            found.append(script.found(NO_SHELLCHECK, Severity.NOTE, 0, str(failed), remedy))
        else:
            found += shellcheck.beside_ours(asked, found)
            ran = True
    return without_ignored(script, found, ignore, shellcheck_ran=ran)
