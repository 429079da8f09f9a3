"""The report by which the extension tells what became of a backup, as it stands in the log."""

from __future__ import annotations

import json
from dataclasses import dataclass

_TRANSITION = "transitioning"
_STATUSES = frozenset({"success", "error", _TRANSITION})
_TRANSITION_CODE = 4
_SIGNS_OF_LIFE = ("Transitioning state", "AlreadyProcessed")
_UNTOLD = frozenset({"0", "1", "76", "556"})
"""Codes with which the report is a success in the blob as well (SHIPPED.md, section 7)."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the extension says at the end.

    Args:
        status: ``success`` or ``error``.
        code: the result: 0 application-consistent, 1 a success without, or what made it fail.
        error: the error code beside it; None where the report does not say.
        message: in words.
        crash_consistent: whether it says that the recovery point is crash-consistent.
        is_final: whether it is the last word on a backup, and not a sign of life.
        to_file: whether it is the one for the agent, which on most VMs is always a success.
        task: the id of the task it is about, or empty.
    """

    status: str
    code: int
    error: int | None = None
    message: str = ""
    crash_consistent: bool = False
    is_final: bool = True
    to_file: bool = False
    task: str = ""

    @property
    def true_status(self) -> str:
        """The status as the service is told it."""
        if self.to_file and self.status == "success" and str(self.code) not in _UNTOLD:
            return "error"
        return self.status


def read_report(text: str, *, to_file: bool) -> Report | None:
    """Read a report.

    Args:
        text: JSON.
        to_file: whether it is the one for the agent.

    Returns:
        None for what is no report.
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        return None
    told = rows[0].get("status")
    if not isinstance(told, dict) or not isinstance(told.get("status"), str):
        return None
    code = _number(told.get("code"))
    if code is None or told["status"].lower() not in _STATUSES:
        return None
    formatted = told.get("formattedMessage")
    message = formatted.get("message") if isinstance(formatted, dict) else ""
    health = told.get("vmHealthInfo")
    return Report(
        told["status"].lower(),
        code,
        _number(health.get("vmHealthStatusCode")) if isinstance(health, dict) else None,
        message if isinstance(message, str) else "",
        _holds(told, "crashConsistent"),
        told["status"].lower() != _TRANSITION
        and code != _TRANSITION_CODE
        and not any(words in str(message) for words in _SIGNS_OF_LIFE),
        to_file,
        task if isinstance(task := told.get("taskId"), str) else "",
    )


def _number(value: object) -> int | None:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= 9 else None


def _holds(value: object, wanted: str, depth: int = 0) -> bool:
    if depth > 20:
        return False
    if isinstance(value, dict):
        return any(_holds(item, wanted, depth + 1) for item in value.values())
    if isinstance(value, list):
        return any(_holds(item, wanted, depth + 1) for item in value)
    return value == wanted
