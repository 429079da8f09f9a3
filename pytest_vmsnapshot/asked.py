"""What a run, and each of its tests, asks of VMs: options, ini values and markers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .machine import VirtualMachine
    from .settings import Source

FIXTURES = frozenset({"vm", "vm_factory", "vm_session_factory"})
"""Fixtures that make VMs with processes."""

MACHINES: pytest.StashKey[list[VirtualMachine]] = pytest.StashKey()
"""The VMs of a test, for its report."""

SESSION_VMS: pytest.StashKey[list[VirtualMachine]] = pytest.StashKey()
"""VMs of a run that outlive a test."""

BEGAN: pytest.StashKey[list[int]] = pytest.StashKey()
"""How many backups of each of them there were when a test began."""

QUIET: pytest.StashKey[list[VirtualMachine]] = pytest.StashKey()
"""VMs of a test that tells by itself what was found on them."""

TOLD_BACKUPS: pytest.StashKey[dict[tuple[str, str], list[str]]] = pytest.StashKey()
"""What the tests of a run told of their backups, by id and worker; see ``recording``."""

RUN_AGAIN: pytest.StashKey[list[str]] = pytest.StashKey()
"""The ids of tests that were run again, once for each time."""

ENDED: pytest.StashKey[list[str]] = pytest.StashKey()
"""Lines for the terminal about what was written at the end of a run."""

TOLD_CHECKS: pytest.StashKey[dict[str, pytest.TestReport]] = pytest.StashKey()
"""Reports of checks of configs, by their ids."""

READ_BY_CI: pytest.StashKey[bool] = pytest.StashKey()
"""Whether a CI reads what is printed, and may take some of it for commands."""

STRICT: pytest.StashKey[bool] = pytest.StashKey()
"""Whether a test is to fail where the rule sets differ."""

OPTIONS = {
    "guest": "where the VM's processes run: auto (default), root, subids, rootless, sudo, in-place",
    "rules": "the rule set: documented (default), shipped",
    "shell": "what /bin/sh is: dash, bash, busybox, ksh, mksh, yash, or a distribution's name",
    "clock": "the VM's clock: auto (default: virtual where that works), virtual, real",
    "clock_start": "date at which a virtual clock starts, as 2026-03-29T01:59:50 (UTC)",
    "storage": "what freezes and copies the disks: pause-and-copy (default), loop (root)",
    "disks": "how many disks Azure sees (default: 2, or as volumes need)",
    "network": "true: VMs share the host's network (default false)",
    "directories": "more top-level directories to create on every VM, absolute, comma-separated",
    "disk_size": "how much a VM can write: bytes, or as 512M, 2G (default 1G)",
    "crash_seed": "decides what a snapshot without a freeze loses, 0 for nothing (default 1)",
    "strict": "fail for what a test is otherwise only warned of (default false)",
    "allow": "findings a test is not told of, such as processes,never-called; comma-separated",
    "require": "fail instead of modelling: clock, namespaces, owners, shell; comma-separated",
}

BACKUPS = "vmsnapshot_backups"
"""The attribute of a report with what a test tells of its backups."""

COUNT = "vmsnapshot_count"
"""The attribute of a report with how many there are."""

WHOLE = ("report", "jsonl")
"""Options about a whole run for which all is kept of each backup."""

TOLD = "vmsnapshot"
"""The attribute of a report with what a check told."""

CONFIG_NAME = "VMSnapshotScriptPluginConfig.json"
"""The name of a config, by which it is found."""

ALL, NAMED = "all", "named"
"""Which configs are checked."""

RUN_OPTIONS = {
    "configs": "which VMSnapshotScriptPluginConfig.json files are checked: all (default), or those "
    "named on the command line (named)",
    "sarif": "write what is found in configs and scripts into this file, as SARIF",
    "report": "write a page of all backups, with a timeline of each, into this file, as HTML",
    "jsonl": "write a line of JSON into this file for each test that used VMs",
    "ci": "tell a CI of backups and of what is found in scripts: auto (the one that runs this), "
    "github, azure, or off (default)",
    "coverage": "measure which lines of shell scripts run: auto (default: when coverage.py is "
    "active and has the plugin pytest_vmsnapshot.shell_coverage), on, off",
}
"""Options about a whole run, not about its VMs."""

CI_WORDS = ("auto", "github", "azure", "off")
"""Which CI is told."""

FLAGS = frozenset({"strict"})
"""Options that take no value."""


def sources_of(config: pytest.Config) -> list[Source]:
    """Where settings of a whole run come from, the weightiest first."""
    from .settings import Source

    command_line = {name: config.getoption(f"vmsnapshot_{name}") for name in OPTIONS}
    ini = {name: config.getini(f"vmsnapshot_{name}") or None for name in OPTIONS}
    return [Source("command line", command_line), Source("ini", ini)]


def asked_ci(config: pytest.Config) -> str:
    """Which CI is told, in the word that was written.

    Raises:
        UsageError: the ini value is none of these words.
    """
    word = config.getoption("vmsnapshot_ci") or config.getini("vmsnapshot_ci")
    if word not in CI_WORDS:
        words = ", ".join(CI_WORDS)
        raise pytest.UsageError(f"ini: vmsnapshot_ci={word!r} is none of {words}")
    return str(word)


def uses_vm(item: pytest.Item) -> bool:
    """Whether a test has a fixture that makes VMs, or makes them without (a ``VmItem``)."""
    if getattr(item, "uses_vm", False):
        return True
    return not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@contextlib.contextmanager
def plain_failure(*kinds: type[Exception]) -> Iterator[None]:
    """A mistake that says all there is to say fails the test without a traceback."""
    try:
        yield
    except kinds as mistake:
        raise pytest.fail.Exception(str(mistake), pytrace=False) from None


def marker_of(item: pytest.Item) -> Source:
    """What the markers of a test say, the nearest first."""
    from .settings import Source

    values: dict[str, Any] = {}
    for mark in item.iter_markers("vm"):
        if mark.args:
            pytest.fail(f"@pytest.mark.vm takes keywords only, not {mark.args!r}", pytrace=False)
        values = {**mark.kwargs, **values}
    if isinstance(values.get("shell"), list | tuple):
        from .several_shells import chosen

        values["shell"] = chosen(item)
    return Source("marker", values)


def note_strict(item: pytest.Item, sources: Sequence[Source]) -> None:
    """Remember whether a test is to fail where the rule sets differ."""
    from .settings import resolve

    if resolve(sources).settings.strict:
        item.stash[STRICT] = True
