"""A static finding: what is wrong in a file, where, and what to write instead."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class Severity(enum.Enum):
    """How bad a finding is."""

    ERROR = "error"
    """The backup will not do what it is meant to."""

    WARNING = "warning"
    """It may go wrong, or only works by luck."""

    NOTE = "note"
    """Worth knowing; nothing has to be done."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """Something that was found by reading a config or a script.

    Args:
        code: ``VMS001`` and so on, or ShellCheck's own, such as ``SC3010``.
        severity: how bad it is.
        path: the local file.
        line: counted from 1; 0 where the whole file is meant.
        column: counted in characters from 1; 0 where there is none.
        text: what was found and why it matters, without a full stop.
        remedy: what to write instead, without a full stop.
    """

    code: str
    severity: Severity
    path: Path
    line: int
    column: int
    text: str
    remedy: str

    def row(self) -> dict[str, Any]:
        """The finding as plain data, which travels between processes and is written as JSON."""
        return {**asdict(self), "severity": self.severity.value, "path": str(self.path)}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> LintFinding:
        """The finding that plain data stand for."""
        return cls(**{**row, "severity": Severity(row["severity"]), "path": Path(row["path"])})

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        place += f":{self.column}" if self.line and self.column else ""
        return f"{place}: {self.severity.value} {self.code}: {self.text}; {self.remedy}"
