"""A backup in words: its verdict, timeline and output, for a person who reads a failed test."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .alike import pieces
from .harmless import harmless

if TYPE_CHECKING:
    from .backup import Backup, Consistency
    from .script_run import Attempt, ScriptRun

WIDTH = 100
"""Columns of the rules between sections."""

OUTPUT_LINES = 60
"""Lines of a script's output shown in a report: the first and the last half."""

LINE = 500
"""Characters kept of a line longer than twice as many; its middle is left out."""

ATTEMPTS_SHOWN = 5
"""Attempts whose output is shown, counted from the last."""

_KINDS = {
    "application": "an application-consistent backup",
    "file-system": "a file-system-consistent backup",
    "crash": "a crash-consistent backup",
    "none": "a backup without a recovery point",
}


def kind_of_backup(consistency: Consistency) -> str:
    """Name a backup by its consistency, with its article."""
    return _KINDS[consistency.value]


def ending(attempt: Attempt) -> str:
    """How an attempt ended, in a few words."""
    if attempt.launch_error:
        return f"could not be started: {line(attempt.launch_error)}"
    if attempt.left_running:
        return "ran on past its limit"
    if attempt.timed_out:
        return "stopped at its limit" if attempt.stopped_processes else "reached its limit"
    if attempt.signal is not None:
        return f"killed by {signal_name(attempt.signal)}"
    return f"exit status {attempt.exit_status}"


def signal_name(number: int) -> str:
    """Name of a signal, with its number."""
    try:
        return f"{signal.Signals(number).name} ({number})"
    except ValueError:
        return f"signal {number}"


def command(words: tuple[str, ...]) -> str:
    """A command as it would be typed, on one line that is safe to print."""
    return line(shlex.join(words))


def printable(text: str) -> str:
    """Text on one line: control characters and lone surrogates become escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def line(text: str) -> str:
    """Text on one printable line of bounded length, which no CI takes for a command."""
    return harmless(_bounded(text))


def _bounded(text: str) -> str:
    if len(text) > 2 * LINE:
        half = LINE // 2
        text = f"{text[:half]} [{len(text) - 2 * half} characters not shown] {text[-half:]}"
    return printable(text)


def block(text: str) -> list[str]:
    """A program's output as lines that are safe to print: of control characters tabs only.

    A carriage return at the end of a line is shown as an escape, because a script with wrong
    line ends looks right otherwise. A line that a CI would take for a command has an escape, too.
    """
    lines = text.removesuffix("\n").split("\n")
    shown = ("\t".join(_bounded(part) for part in whole.split("\t")) for whole in lines)
    return [harmless(whole) for whole in shown]


def one_line(backup: Backup) -> str:
    """A backup in one line."""
    parts = [f"<Backup {backup.number}: {backup.status.value}, {backup.consistency.value}"]
    parts += [f"{error.name} ({error.code})" for error in backup.errors]
    for name, run in (("pre", backup.pre), ("post", backup.post)):
        if run is not None:
            how = f", of {run.attempt_count} side by side"
            if not run.side_by_side:
                how = f" after {run.attempt_count} attempts"
            tries = how if run.attempt_count > 1 else ""
            parts.append(f"{name}-script {ending(run.last)}{tries}")
    return ", ".join(parts) + f", {backup.duration:.1f} s>"


def verdict(backup: Backup) -> str:
    """What the backup amounts to, what decided it, and what to do."""
    if backup.status.value == "failed":
        lines = ["a failed backup"]
    else:
        lines = [kind_of_backup(backup.consistency)]
    lines += [f"  {error}" for error in backup.errors]
    lines.append(f"  decided by: {backup.decided_by} ({backup.rules} rules)")
    lines += [f"  fault asked for by the test: {fault}" for fault in backup.faults]
    lines += [f"  Azure is not told: {error}" for error in backup.unreported]
    lines += [f"  remedy: {remedy}" for remedy in _remedies(backup)]
    return "\n".join(line(found) for found in lines)


def _remedies(backup: Backup) -> list[str]:
    errors = (*backup.errors, *backup.unreported)
    found = (text for error in errors for text in error.advice or (error.remedy,))
    return list(dict.fromkeys(found))


def heading(backup: Backup) -> str:
    """Name and duration of a backup."""
    real = backup.real_duration
    shown = f"{real * 1000:.0f} ms" if real < 0.9995 else f"{real:.1f} s"
    return f"backup {backup.number} · {backup.duration:.1f} s on the VM's clock, {shown} real"


def timeline(backup: Backup) -> Iterator[str]:
    """The events, a line each; what comes again and again, as of a script that polls, once."""
    events = backup.events
    told = [f"{event.step.value:<11}  {line(event.text)}" for event in events]
    for piece in pieces(told):
        for index in range(piece.start, piece.start + piece.length):
            yield f"{events[index].at:8.3f}  {told[index]}"
        if piece.again:
            last = events[piece.end - 1]
            yield f"     ...  {last.step.value:<11}  {piece.again}, until {last.at:.3f}"


def whole(backup: Backup, *, headed: bool = True) -> str:
    """Everything there is to say.

    Args:
        backup: what happened.
        headed: whether the timeline gets a heading of its own.
    """
    first, *rest = verdict(backup).splitlines()
    lines = [f"{first[0].upper()}{first[1:]}", *rest]
    lines += [rule(heading(backup))] if headed else []
    lines += timeline(backup)
    lines += [f"modelled: {line(sentence)}" for sentence in backup.modelled]
    other = "documented" if backup.rules == "shipped" else "shipped"
    lines += [f"under {other} rules: {line(str(found))}" for found in backup.differences]
    lines += [f"found: {line(str(found))}" for found in backup.findings]
    for title, printed in outputs(backup, ATTEMPTS_SHOWN):
        lines += [rule(title), *_shortened(printed)]
    return "\n".join(lines)


def rule(title: str) -> str:
    """A heading across the page."""
    return f" {title} ".center(WIDTH, "-")


def outputs(backup: Backup, most: int) -> Iterator[tuple[str, list[str]]]:
    """What the scripts of a backup have printed: a title for each stream, and its lines.

    Args:
        backup: the backup.
        most: attempts of each script that are shown, counted from the last.
    """
    for name, run in (("pre-script", backup.pre), ("post-script", backup.post)):
        if run is not None:
            yield from _outputs(name, run, most)


def _outputs(name: str, run: ScriptRun, most: int) -> Iterator[tuple[str, list[str]]]:
    total = run.attempt_count
    for index, attempt in list(enumerate(run.attempts, 1 + run.dropped))[-most:]:
        which = f"{name}, attempt {index} of {total}" if total > 1 else name
        which = f"{name} {shlex.join(attempt.argv)}" if run.side_by_side else which
        for stream, text in (
            ("standard output", attempt.stdout),
            ("standard error", attempt.stderr),
        ):
            if text:
                yield f"{which}, {stream}", told_once(block(text))


def told_once(lines: list[str]) -> list[str]:
    """Lines of which those that come again and again are shown once, and counted."""
    shown = []
    for piece in pieces(lines):
        shown += lines[piece.start : piece.start + piece.length]
        shown += [f"[{piece.again}]"] if piece.again else []
    return shown


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= OUTPUT_LINES:
        return lines
    half = OUTPUT_LINES // 2
    return [*lines[:half], f"[{len(lines) - 2 * half} lines not shown]", *lines[-half:]]
