"""Scenario files as pytest sees them: each case is a test."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from .errors import DeclarationError, HarnessError
from .findings import FindingKind, permission
from .item_vms import VmItem
from .scenario.case import Case, load_cases
from .settings import Source

if TYPE_CHECKING:
    from .scenario.run import CaseResult


class ScenarioFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterator[ScenarioItem]:
        """Its cases, each as a test.

        Raises:
            CollectError: the file says what cannot be; all mistakes are told.
        """
        try:
            cases = load_cases(self.path)
        except DeclarationError as wrong:
            raise self.CollectError(str(wrong)) from None
        for case in cases:
            item = ScenarioItem.from_parent(self, name=case.id, case=case)
            self._mark(item, case)
            yield item

    def _mark(self, item: ScenarioItem, case: Case) -> None:
        if case.xfail:
            item.add_marker(pytest.mark.xfail(reason=case.xfail, strict=True))
        if case.expect.differences is not None:  # what is expected is not told
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest_vmsnapshot.RulesDiffer"))
        for line in case.filterwarnings:
            item.add_marker(pytest.mark.filterwarnings(line))
        for name in case.marks:
            try:
                item.add_marker(name)
            except (AttributeError, pytest.fail.Exception) as unknown:
                told = case.file.told(("marks",), f"marks has {name!r} in it: {unknown}")
                raise self.CollectError(told) from None


class ScenarioFailed(Exception):
    """A backup of a case is not as expected.

    Args:
        result: what came of the case.
    """

    def __init__(self, result: CaseResult) -> None:
        self.result = result
        super().__init__(result.told(whole=False))


class ScenarioItem(VmItem):
    """A case of a scenario file.

    Args:
        case: the case.
        **kwargs: name and parent, as any item has them.
    """

    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        """The case."""

    def vm_sources(self) -> tuple[Source, ...]:
        """What the case says of its VM."""
        return (self.case.source,)

    def permission(self, kinds: Iterable[FindingKind]) -> str:
        """What to write in the case so that some kinds of findings are not told."""
        return permission(kinds, "below [vm] of the case")

    def silence(self, rules: Sequence[str]) -> str:
        """What to write in the case so that differences between the rule sets are not told."""
        names = ", ".join(f'"{name}"' for name in sorted(rules))
        return f"if that is as expected: differences=[{names}] below [expect] of the case"

    def runtest(self) -> None:
        """Run the case.

        Raises:
            ScenarioFailed: something is not as expected.
        """
        from .scenario.run import run_case

        result = run_case(self.case, self.make_vm())
        if not result.ok:
            raise ScenarioFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong, without a traceback through the plugin."""
        if isinstance(excinfo.value, ScenarioFailed):
            return str(excinfo.value)
        if isinstance(excinfo.value, HarnessError):
            return f"{self.case.file.name}:{self.case.line}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Where the case stands."""
        return self.path, self.case.line - 1, self.name
