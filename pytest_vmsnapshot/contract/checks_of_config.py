"""Checks of the config, and of the files as they would lie on the VM."""

from __future__ import annotations

import difflib
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from ..config import STOCK_TEMPLATE
from .contract import Contract
from .outcome import Outcome, Problem, failed

OPTIONAL_KEYS = ("appName", "ScriptsExecutionPollTimeSeconds")
"""Keys the extension reads besides those of the template (SHIPPED.md, section 2)."""

_LIMIT = 1800
"""Seconds to which the extension cuts a time limit (vector type-timeout-huge)."""

_RIGHT = "correct it; vmsnapshot init writes one that is right"
_BROKEN = "no script would run, and each backup would be file-system-consistent only"


def valid_config(contract: Contract) -> Outcome:
    """The config is correct: keys, types, nothing of the template left unedited."""
    problems = [
        Problem(
            f"{contract.path.name}: {phrase}: {_BROKEN}",
            _RIGHT,
        )
        for phrase in contract.incorrect
    ]
    problems += _unknown_keys(contract)
    problems += _left_of_the_template(contract)
    problems += [
        Problem(
            text.partition("; ")[0] + ": what is not there cannot be tried",
            text.partition("; ")[2],
        )
        for text in contract.missing
    ]
    if contract.config is not None and contract.config.timeout > _LIMIT:
        problems.append(
            Problem(
                f"timeoutInSeconds is {contract.config.timeout}, but the extension cuts it to "
                f"{_LIMIT} and stops waiting then",
                f"write {_LIMIT} or less, and let the pre-script need no longer",
            )
        )
    return failed(*problems)


def _unknown_keys(contract: Contract) -> Iterator[Problem]:
    known = [*STOCK_TEMPLATE, *OPTIONAL_KEYS]
    for key in contract.keys:
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, 1)
        remedy = f"write {near[0]}" if near else "take it out"
        yield Problem(f"{key!r} is no key of the framework, and is silently ignored", remedy)


def _left_of_the_template(contract: Contract) -> Iterator[Problem]:
    keys = contract.keys
    for key in ("preScriptLocation", "postScriptLocation"):
        if keys.get(key) == "":
            yield Problem(
                f"{key} is empty, as in the template: no script would be found (302), and each "
                "backup would end with a warning",
                "write the path of the script on the VM",
            )
    if keys.get("preScriptLocation") == keys.get("postScriptLocation") == "":
        return
    for key in ("preScriptParams", "postScriptParams"):
        if keys.get(key) == ["", ""]:
            yield Problem(
                f'{key} is ["", ""], as in the template: the script gets two empty arguments '
                "($# is 2)",
                "write [] for a script without arguments",
            )


def modes_and_owners(contract: Contract) -> Outcome:
    """Config and scripts have the modes and owners the framework asks for, as they are deployed."""
    deployed = contract.settings.deployed
    on_the_vm = contract.path.resolve().parent == Path("/etc/azure")
    if deployed.as_files or on_the_vm:
        return failed(*_of_local_files(contract))
    problems = list(
        _problems("the config", deployed.config_mode, str(deployed.config_owner), 0o600)
    )
    for name in ("pre-script", "post-script"):
        owner = str(deployed.script_owner)
        problems += _problems(f"the {name}", deployed.script_mode, owner, 0o700)
    note = (
        f"judged as deployed with {deployed.config_mode:03o} and {deployed.script_mode:03o}; if "
        "deployment keeps the modes of the local files, write as_files = true under [deployed]"
    )
    return Outcome(tuple(problems), (note,))


def _of_local_files(contract: Contract) -> Iterator[Problem]:
    wanted = [(contract.path, 0o600)]
    wanted += [(path, 0o700) for path in dict.fromkeys(contract.scripts.values())]
    for path, mode in wanted:
        facts = os.stat(path)
        try:
            owner = pwd.getpwuid(facts.st_uid).pw_name
        except KeyError:
            owner = str(facts.st_uid)
        yield from _problems(str(path), stat.S_IMODE(facts.st_mode), owner, mode)


def _problems(what: str, mode: int, owner: str, wanted: int) -> Iterator[Problem]:
    kind = "the config" if wanted == 0o600 else "the script"
    if mode != wanted:
        yield Problem(
            f"{what} has mode {mode:03o} where {wanted:03o} is wanted: {kind} is refused, and no "
            "script runs",
            f"deploy it with mode {wanted:03o} (install -m {wanted:03o} -o root)",
        )
    if owner not in ("root", "0"):
        yield Problem(
            f"{what} belongs to {owner}, not to root: {kind} is refused, and no script runs",
            "deploy it as root's (install -o root)",
        )
