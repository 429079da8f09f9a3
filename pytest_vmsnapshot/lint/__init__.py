"""Static findings about a config and its scripts, before anything runs.

``lint(Subject(...))`` reads them and says what is wrong; each finding has a code with a page of its
own. ``lint.sarif`` writes findings for those who show them.
"""

from .codes import CODES, Code, unknown_ignores
from .finding import LintFinding, Severity
from .shellcheck import ShellCheckFailed, ShellCheckMissing
from .subject import ScriptFile, Step, Subject
from .whole import lint

__all__ = [
    "CODES",
    "Code",
    "LintFinding",
    "ScriptFile",
    "Severity",
    "ShellCheckFailed",
    "ShellCheckMissing",
    "Step",
    "Subject",
    "lint",
    "unknown_ignores",
]
