"""The codes of the findings, each with its name and what it is about in a sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PAGES: Final = "docs/lint"
"""Where the project has a page for each code, named after it."""

_NUMBER = re.compile(r"VMS-?0*(\d{1,3})")
_SHELLCHECK = re.compile(r"SC[1-9]\d{3}\Z")


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding.

    Args:
        code: ``VMS001`` and so on.
        name: some words that stand for it.
        summary: what it is about, as a sentence.
    """

    code: str
    name: str
    summary: str

    @property
    def page(self) -> str:
        """Its page, as a path inside the project."""
        return f"{PAGES}/{self.code}.md"


_ALL = (
    ("line-ends", "The script has CR LF line ends, and a shell takes each CR for a character."),
    ("byte-order-mark", "The script begins with a byte order mark, so its first line is none."),
    ("no-final-newline", "The last line of the script is not ended."),
    ("other-encoding", "The script is not UTF-8, or has NUL bytes."),
    ("no-shell-script", "The first line names an interpreter that is no POSIX shell."),
    ("other-shell", "The first line names another shell than the sh that will run the script."),
    ("no-first-line", "The script does not say by a first line what runs it."),
    ("first-line-options", "Options in the first line are ignored by the extension."),
    ("relative-path", "A path is relative, but a script starts in the extension's directory."),
    ("source-for-dot", "The command source does not exist in every sh."),
    ("dot-searches-path", "A file is sourced by its bare name, which is looked up on PATH only."),
    ("no-home", "The script counts on HOME, which is not set."),
    ("placeholder", "Placeholder text was left in."),
    ("does-nothing", "The script does nothing."),
    ("one-shot-lock", "A client takes a lock and ends, and the lock ends with it."),
    ("waits-for-input", "A command waits for somebody at a terminal."),
    (
        "su-without-command",
        "A su without a command ends at once, and what follows runs as root.",
    ),
    ("unknown-set-option", "An option of set is unknown to the sh that will run the script."),
    ("time-limit-rounded", "The time limit is not a multiple of the extension's poll time."),
    ("time-limit-capped", "The time limit is above what the extension allows."),
    ("time-limit-missing", "There is no time limit, and the extension's own is 10 seconds."),
    ("location", "A script's location cannot be found as it is written."),
    ("same-script", "Both steps run one script with the same parameters."),
    ("freeze-off", "Without a freeze any failure of a script fails the backup."),
    ("unused-ignore", "A comment ignores something that is not found."),
    ("unknown-ignore", "A comment ignores something that does not exist."),
    ("no-shellcheck", "ShellCheck did not look at the script."),
    ("double-freeze", "The pre-script freezes a file system that the extension freezes too."),
)

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {code.code: code for code in (Code(f"VMS{n:03}", *words) for n, words in enumerate(_ALL, 1))}
)
"""All codes of this package; ShellCheck has its own beside them."""

LINE_ENDS: Final = "VMS001"
BYTE_ORDER_MARK: Final = "VMS002"
NO_FINAL_NEWLINE: Final = "VMS003"
OTHER_ENCODING: Final = "VMS004"
NO_SHELL_SCRIPT: Final = "VMS005"
OTHER_SHELL: Final = "VMS006"
NO_FIRST_LINE: Final = "VMS007"
FIRST_LINE_OPTIONS: Final = "VMS008"
RELATIVE_PATH: Final = "VMS009"
SOURCE_FOR_DOT: Final = "VMS010"
DOT_SEARCHES_PATH: Final = "VMS011"
NO_HOME: Final = "VMS012"
PLACEHOLDER: Final = "VMS013"
DOES_NOTHING: Final = "VMS014"
ONE_SHOT_LOCK: Final = "VMS015"
WAITS_FOR_INPUT: Final = "VMS016"
SU_WITHOUT_COMMAND: Final = "VMS017"
UNKNOWN_SET_OPTION: Final = "VMS018"
TIME_LIMIT_ROUNDED: Final = "VMS019"
TIME_LIMIT_CAPPED: Final = "VMS020"
TIME_LIMIT_MISSING: Final = "VMS021"
LOCATION: Final = "VMS022"
SAME_SCRIPT: Final = "VMS023"
FREEZE_OFF: Final = "VMS024"
UNUSED_IGNORE: Final = "VMS025"
UNKNOWN_IGNORE: Final = "VMS026"
NO_SHELLCHECK: Final = "VMS027"
DOUBLE_FREEZE: Final = "VMS028"


def is_shellcheck(code: str) -> bool:
    """Whether a code is one of ShellCheck's, by its form."""
    return bool(_SHELLCHECK.match(code))


def is_known(code: str) -> bool:
    """Whether there can be a finding of this code."""
    return code in CODES or is_shellcheck(code)


def nearest(code: str) -> str:
    """What is meant by a code that does not exist, as a phrase to follow it; empty if unclear."""
    by_name = {known.name: known.code for known in CODES.values()}
    if code.lower() in by_name:
        return f" (is {by_name[code.lower()]} meant?)"
    upper = code.strip().upper()
    if number := _NUMBER.fullmatch(upper):
        upper = f"VMS{int(number[1]):03}"
    if is_known(upper):
        return f" (is {upper} meant?)"
    near = difflib.get_close_matches(upper, list(CODES), 1)
    return f" (is {near[0]} meant?)" if near else ""


def unknown_ignores(ignore: Iterable[str]) -> tuple[str, ...]:
    """Mistakes in codes that somebody wants to ignore, each a sentence without a full stop.

    Args:
        ignore: what was asked for, such as ``VMS004`` or ``SC2086``.
    """
    return tuple(
        f"ignore: there is no code {code!r}{nearest(code)}" for code in ignore if not is_known(code)
    )
