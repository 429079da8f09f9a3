"""Configs as pytest sees them: each check of a contract is a test, and each code of the lint."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .asked import MACHINES, QUIET, plain_failure
from .contract.check import NAMES, Check, checks_of, made
from .contract.contract import Contract
from .contract.outcome import Outcome
from .contract.reading import findings_of
from .contract.settings import LINT, settings_near
from .contract.stand import Stand
from .errors import DeclarationError, GuestUnavailable, UsageError
from .item_vms import VmItem
from .lint.codes import CODES, NO_SHELLCHECK, is_shellcheck
from .lint.finding import LintFinding, Severity

if TYPE_CHECKING:
    from .machine import VirtualMachine

SHELLCHECK = "shellcheck"
"""The variant of the lint that is about ShellCheck's codes."""


class ConfigFile(pytest.File):
    """A config: a file of tests."""

    _item: CheckItem

    def collect(self) -> Iterator[pytest.Item]:
        """Its checks, each as a test.

        Raises:
            CollectError: it cannot be read, or the settings say what cannot be.
        """
        try:
            settings = settings_near(self.path, self.config.rootpath, NAMES)
            contract = Contract.read(self.path, settings)
        except DeclarationError as wrong:
            raise self.CollectError(str(wrong)) from None
        except OSError as error:
            told = f"{self.path} cannot be read: {error.strerror}"
            raise self.CollectError(told) from None
        self._contract = contract
        self._stand = Stand(contract, self._make)
        self._findings: tuple[LintFinding, ...] | None = None
        codes = () if LINT in settings.skip else (*CODES, SHELLCHECK)
        for code in codes:
            if code not in (*settings.ignore, NO_SHELLCHECK):
                yield LintItem.from_parent(self, name=f"lint[{code}]", code=code)
        for check in checks_of(contract):
            yield CheckItem.from_parent(self, name=str(check), check=check)

    def findings(self) -> tuple[LintFinding, ...]:
        """Static findings, looked for once."""
        if self._findings is None:
            self._findings = findings_of(self._contract)
        return self._findings

    def made(self, check: Check, item: CheckItem) -> Outcome:
        """Make a check.

        Args:
            check: which.
            item: the test that makes it, whose VMs are used.
        """
        self._item = item
        return made(check, self._stand)

    def doubled(self) -> dict[str, str]:
        """Commands that are doubled without anybody having asked for it."""
        return dict(self._stand.doubled)

    def _make(
        self, *, rules: str, shell: str | None, allow: Sequence[str]
    ) -> AbstractContextManager[VirtualMachine]:
        return self._item.make_vm(rules=rules, shell=shell, allow=allow)


class NotKept(Exception):
    """A check does not hold.

    Args:
        told: the problems.
    """


class CheckItem(VmItem):
    """A check of a contract.

    Args:
        check: which.
        **kwargs: name and parent, as any item has them.
    """

    parent: ConfigFile

    def __init__(self, *, check: Check, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_name = str(check)
        """Its name."""
        self._check = check
        self.uses_vm = check.of_vm is not None
        self.told: dict[str, Any] = {}
        """What a summary tells of it."""

    def runtest(self) -> None:
        """Make the check.

        Raises:
            NotKept: it does not hold.
        """
        with plain_failure(GuestUnavailable, UsageError):
            try:
                outcome = self.parent.made(self._check, self)
            finally:
                # What is to be said of their backups is in the outcome.
                self.stash[QUIET], self.stash[MACHINES] = self.stash[MACHINES], []
        self.told = {"config": _shown(self.path, self.config), "notes": list(outcome.notes)}
        if self.uses_vm:
            self.told["doubled"] = self.parent.doubled()
        if outcome.skipped:
            pytest.skip(outcome.skipped)
        if outcome.problems:
            raise NotKept(str(outcome))
        if outcome.notes:
            self.add_report_section("call", "notes", "\n".join(outcome.notes))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The problems, without a traceback through the plugin."""
        if isinstance(excinfo.value, NotKept):
            return f"{self.check_name}: {self._check.promise}: not so\n\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """The config, and the check."""
        return self.path, None, f"{self.path.name}: {self.check_name}"


class LintItem(pytest.Item):
    """Static findings of one code.

    Args:
        code: which; or ``shellcheck``.
        **kwargs: name and parent, as any item has them.
    """

    parent: ConfigFile

    def __init__(self, *, code: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_name = self.name
        """Its name."""
        self._code = code
        self.told: dict[str, Any] = {}
        """What a summary tells of it."""

    def runtest(self) -> None:
        """Look for findings.

        Raises:
            NotKept: there are some that are more than a note.
        """
        found = [finding for finding in self.parent.findings() if self._is_ours(finding.code)]
        absent = [f for f in self.parent.findings() if f.code == NO_SHELLCHECK]
        self.told = {
            "config": _shown(self.path, self.config),
            "lint": [finding.row() for finding in found],
        }
        bad = [finding for finding in found if finding.severity is not Severity.NOTE]
        notes = [finding for finding in found if finding.severity is Severity.NOTE]
        if bad:
            raise NotKept("\n".join(self._text(finding) for finding in found))
        if self._code == SHELLCHECK and absent:
            pytest.skip("; ".join(f"{finding.text}; {finding.remedy}" for finding in absent))
        if notes:
            self.add_report_section("call", "notes", "\n".join(map(self._text, notes)))

    def _is_ours(self, code: str) -> bool:
        return is_shellcheck(code) if self._code == SHELLCHECK else code == self._code

    def _text(self, finding: LintFinding) -> str:
        place = _shown(finding.path, self.config)
        if finding.line:
            place += f":{finding.line}"
        return f"{place}: {finding.code}: {finding.text}\n  remedy: {finding.remedy}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings, without a traceback through the plugin."""
        if not isinstance(excinfo.value, NotKept):
            return super().repr_failure(excinfo, style)
        if self._code == SHELLCHECK:
            return f"{excinfo.value}\nto ignore one: # shellcheck disable=CODE"
        summary = CODES[self._code].summary
        return (
            f"{self._code}: {summary}\n\n{excinfo.value}\n"
            f'to ignore it: # vmsnapshot: ignore={self._code}, or ignore = ["{self._code}"] in '
            "vmsnapshot.toml"
        )

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """The config, and the code."""
        return self.path, None, f"{self.path.name}: {self.check_name}"


def _shown(path: Path, config: pytest.Config) -> str:
    """A path as seen from where pytest was started, if it lies below."""
    here = str(config.invocation_params.dir)
    return os.path.relpath(path, here) if str(path).startswith(here + "/") else str(path)
