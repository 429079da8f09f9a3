"""Checks of what a post-script finds after a pre-script that did not end well, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..errors import CommandTimeout
from ..faults import END, START, ScriptFault
from .checks_of_backups import left_running, lost, not_undone
from .failing import Commands
from .outcome import Outcome, Problem, failed
from .stand import Stand
from .trial import Trial

_MKTEMP = re.compile(r"\bmktemp\b(?:[^\n]*?(?P<template>(?:/tmp/)?[\w.-]+?X{3,}))?")
"""A call of ``mktemp``, with the template of the name."""

_RETRIES = ("preScriptNoOfRetries", "postScriptNoOfRetries")


def after_failed_pre(stand: Stand) -> Outcome:
    """The post-script ends well, and nothing is left, after a pre-script that failed."""
    problems: list[Problem] = []
    for at, when in ((END, "after its work"), (START, "before its work")):
        trial = stand.backup(faults={"pre": ScriptFault(exit_status=1, at=at)})
        problems += _of_post(stand, trial, f"after a pre-script that failed {when}")
    return _once_each(problems)


def after_timed_out_pre(stand: Stand) -> Outcome:
    """The post-script ends well, and nothing is left, after a pre-script that was stopped at its
    limit before it did anything; for one that did, see ``after_half_done_pre``.
    """
    trial = stand.backup(faults={"pre": ScriptFault(hang=True, at=START)})
    return failed(*_of_post(stand, trial, "after a pre-script that was stopped before its work"))


def after_half_done_pre(stand: Stand) -> Outcome:
    """The post-script ends well, and nothing is left, wherever the pre-script was stopped."""
    problems: list[Problem] = []
    temporary = _temporary(stand)
    for hanging in Commands(stand, "pre", ScriptFault(hang=True)):
        told = f"after a pre-script that was stopped at its {hanging.shown}"
        problems += _of_post(stand, hanging.trial, told, temporary)
    return _once_each(problems)


def post_alone(stand: Stand) -> Outcome:
    """The post-script ends well where no pre-script ever ran."""
    try:
        done = stand.post_alone()
    except CommandTimeout as late:
        return failed(
            Problem(
                "the post-script does not end where no pre-script ran: it waits for what is not "
                "there",
                "bound each wait, and leave at once where there is nothing to undo",
                str(late),
            )
        )
    if done.exit_status == 0:
        return Outcome()
    return failed(
        Problem(
            f"the post-script ends with {done.exit_status} where no pre-script ran: a backup whose "
            "pre-script was never started would have a second error",
            "leave with 0 where there is nothing to undo",
            done.stderr or done.stdout,
        )
    )


def post_twice(stand: Stand) -> Outcome:
    """The post-script ends well a second time: it is tried again after a failure."""
    trial = stand.backup(
        faults={"post": ScriptFault(exit_status=1, attempts=1)}, changes=_at_least_one(stand, 1)
    )
    return _once_each(_of_post(stand, trial, "at its second try"))


def pre_retried(stand: Stand) -> Outcome:
    """The pre-script succeeds at a second try, and both tries are undone."""
    trial = stand.backup(
        faults={"pre": ScriptFault(exit_status=1, attempts=1)}, changes=_at_least_one(stand, 0)
    )
    problems = list(_of_post(stand, trial, "after a pre-script that was tried twice"))
    pre = trial.backup.pre
    if pre is None or pre.exit_status != 0:
        ending = "it was not started" if pre is None else pre.last.ending
        problems.append(
            Problem(
                f"the pre-script does not succeed at a second try: {ending}",
                "let it begin by undoing what an earlier try left (a lock, a directory, a session)",
                trial.backup.explain(),
            )
        )
    if not any(lost(stand.good())):
        problems += lost(trial)
    return _once_each(problems)


def _at_least_one(stand: Stand, which: int) -> dict[str, object]:
    config = stand.contract.config
    assert config is not None
    retries = (config.pre_retries, config.post_retries)[which]
    return {_RETRIES[which]: max(1, retries)}


def _temporary(stand: Stand) -> tuple[str, ...]:
    """Patterns of what ``mktemp`` makes in the pre-script: nobody can know its name, and a trap
    that removes it does not run where the script is killed.
    """
    path = stand.contract.script("pre")
    text = "" if path is None else path.read_text(encoding="utf-8", errors="replace")
    names = ["/tmp/tmp.XXXXXXXXXX"] if _MKTEMP.search(text) else []
    templates = [found["template"] for found in _MKTEMP.finditer(text) if found["template"]]
    names += [f"/tmp/{template.removeprefix('/tmp/')}" for template in templates]
    patterns = [name.replace("X", "?") for name in names]
    return (*patterns, *(f"{pattern}/*" for pattern in patterns))


def _of_post(stand: Stand, trial: Trial, when: str, keep: Sequence[str] = ()) -> Iterator[Problem]:
    """What is wrong with a post-script and with what it leaves.

    Args:
        stand: where it was tried.
        trial: the backup.
        when: the situation it met, as a phrase.
        keep: patterns of paths that may stay behind there, beside those of the settings.
    """
    post = trial.backup.post
    if post is None:
        return
    if post.last.exit_status != 0:
        yield Problem(
            f"{when} the post-script fails: {post.last.ending}",
            "let it succeed where there is nothing, or only a part, to undo",
            trial.backup.explain(),
        )
    known = {_bare(problem.text) for problem in _left(stand, stand.good())}
    for problem in _left(stand, trial, keep):
        if _bare(problem.text) not in known:  # those are told by checks of their own
            yield Problem(f"{when}: {problem.text}", problem.remedy)


def _left(stand: Stand, trial: Trial, keep: Sequence[str] = ()) -> Iterator[Problem]:
    yield from left_running(trial)
    yield from not_undone(trial, (*stand.contract.settings.keep, *keep))


def _bare(text: str) -> str:
    """A text without what differs between backups: which processes, and their numbers."""
    head, _, named = text.partition(": ")
    return re.sub(r"\d+", "N", head if named else text)


def _once_each(problems: Iterator[Problem] | list[Problem]) -> Outcome:
    """The same problem in several situations is told with the first of them."""
    found: dict[str, Problem] = {}
    more: dict[str, int] = {}
    for problem in problems:
        _, _, bare = problem.text.partition(": ")
        key = bare or problem.text
        if key in found:
            more[key] = more.get(key, 0) + 1
        found.setdefault(key, problem)
    return failed(
        *(
            Problem(f"{one.text} (and in {more[key]} more situations)", one.remedy, one.evidence)
            if key in more
            else one
            for key, one in found.items()
        )
    )
