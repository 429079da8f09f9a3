"""Options of ``set`` that end a script under a shell that does not know them."""

from __future__ import annotations

from collections.abc import Iterator

from .codes import UNKNOWN_SET_OPTION
from .finding import LintFinding, Severity
from .reading import ReadScript
from .shell_words import Command
from .target_shells import by_program, described

UNKNOWN_TO = {
    "pipefail": ("dash",),
    "-E": ("ksh", "mksh", "yash"),
    "errtrace": ("dash", "ksh", "mksh", "yash"),
    "functrace": ("dash", "mksh", "yash"),
}
"""Options, and the shells that end a script over them."""

_ASKS = ("BASH_VERSION", "KSH_VERSION", "BASH")
"""What a script looks at that treats shells differently."""


def set_options(script: ReadScript) -> Iterator[LintFinding]:
    """``pipefail`` and others."""
    used = [(c, name) for c in script.shell.commands if c.name == "set" for name in _options(c)]
    if any(name in script.text for name in _ASKS):
        return
    for command, name in used:
        tried_before = sum(1 for _, other in used if other == name) > 1
        unknown = [p for p in by_program(script.shells) if p in UNKNOWN_TO.get(name, ())]
        if unknown and not tried_before:
            yield script.found(
                UNKNOWN_SET_OPTION,
                Severity.ERROR,
                command,
                f"{described(unknown, script.shells)} does not know the option {name} of set, and "
                "ends the script here",
                "leave it out" + (_WITHOUT_PIPEFAIL if name == "pipefail" else ""),
            )


_WITHOUT_PIPEFAIL = (
    ", and write what a pipe hands on into a file where the status of its first command matters"
)


def _options(command: Command) -> Iterator[str]:
    """The options a set command turns on or off, long ones by name."""
    words = iter(command.words[1:])
    for word in words:
        if not word.literal or word.plain == "--" or word.plain[:1] not in ("-", "+"):
            return
        for letter in word.plain[1:]:
            if letter == "o":
                name = next(words, None)
                if name is None:
                    return
                yield name.plain
            else:
                yield f"-{letter}"
