"""Text that no CI takes for a command of its own, whatever a script has printed.

GitHub's runner looks for ``::name …::`` at the beginning of a line, blanks before it or not, and
for ``##[name …]`` anywhere in it; Azure's agent for ``##vso[area.action …]`` anywhere in it
(``ActionCommand.cs`` of actions/runner, ``Command.cs`` of microsoft/azure-pipelines-agent). To
indent a line is therefore no protection. Both compare as people read, so that characters that are
not seen do not count.
"""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = r"[^\x20-\x7e\n\r]*"
"""Between the characters of a mark: what may be passed over."""

_ANYWHERE: Final = re.compile(
    rf"#(?={_UNSEEN}#{_UNSEEN}(?:v{_UNSEEN}s{_UNSEEN}o{_UNSEEN})?\[)", re.IGNORECASE
)
_AT_BEGINNING: Final = re.compile(
    rf"(?P<before>(?:^|[\n\r])(?:[^\x21-\x7e\n\r])*):(?={_UNSEEN}:[^\n\r]*:{_UNSEEN}:)"
)


def harmless(text: str) -> str:
    r"""The same text, in which the first character of what would be a command is an escape.

    ``##vso[task.complete]`` becomes ``\x23#vso[task.complete]``, and ``::error::no`` becomes
    ``\x3a:error::no``.

    Args:
        text: of one line or several.
    """
    if "#" in text:
        text = _ANYWHERE.sub(r"\\x23", text)
    if ":" in text:
        text = _AT_BEGINNING.sub(r"\g<before>\\x3a", text)
    return text


def harmless_json(text: str) -> str:
    """JSON text that means the same and has no commands in it.

    Args:
        text: JSON; what would be a command in it can only stand in a string.
    """
    return _ANYWHERE.sub(r"\\u0023", text)
