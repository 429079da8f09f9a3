"""Scenarios: cases of backups that are declared in files named ``*.vmsnapshot.toml``."""

from .case import SCHEMA, SUFFIX, Case, load_cases
from .run import CaseResult, Mismatch, run_alone, run_case

__all__ = [
    "SCHEMA",
    "SUFFIX",
    "Case",
    "CaseResult",
    "Mismatch",
    "load_cases",
    "run_alone",
    "run_case",
]
