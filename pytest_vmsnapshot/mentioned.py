"""Which further shell scripts a script may start or source, as far as its text says.

bash hands its trace down to them. A script that is found here and does not run costs no more than
a twin that would not have been needed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence

from .kept import LIMIT, KeptFile
from .protocols import FileKind, Guest

_PATH = re.compile(rb"(?<![\w$}./-])/[\w.@%+/-]*\w")
_FILE = re.compile(rb"[\w@%+-][\w.@%+-]*")
_SOURCED = re.compile(rb"(?:^|[\s;&|({])(?:\.|source)[ \t]+[\"']?(/[\w.@%+/-]*\w)", re.MULTILINE)
_SHELL = re.compile(rb"#![^\n]*\b(?:sh|bash|dash)\b")
_ENDINGS = (".sh", ".bash", ".inc", ".env", ".conf", ".lib")
"""What files are called that are sourced and have no first line."""
_PROGRAMS = ("/bin/", "/sbin/", "/usr/", "/dev/", "/proc/", "/sys/")
"""Where no scripts of an author lie."""
_MOST = 50


def mentioned(
    scripts: Sequence[KeptFile], sources: Collection[str], guest: Guest
) -> Iterator[KeptFile]:
    """Find the shell scripts that others name, and those that these name.

    Args:
        scripts: where to begin.
        sources: places on the VM of files that a test has copied there; by their names alone, too,
            they are found.
        guest: the VM.

    Yields:
        Them, each once, without those to begin with.
    """
    seen = {script.path for script in scripts}
    waiting = list(scripts)
    while waiting and len(seen) < _MOST:
        sourced: set[str] = set()
        wanted: set[str] = set()
        for script in waiting:
            sourced |= {found[1].decode() for found in _SOURCED.finditer(script.content)}
            wanted |= sourced | set(_places(script, sources))
        places = sorted(wanted - seen)[:_MOST]
        seen.update(places)
        waiting = []
        for facts in guest.examine(places, LIMIT) if places else ():
            content = facts.content
            if facts.kind is FileKind.FILE and content is not None:
                is_plain = not content.startswith((b"#!", b"\x7fELF"))
                may_be_sourced = facts.path in sourced or facts.path.endswith(_ENDINGS)
                if _SHELL.match(content) or (is_plain and may_be_sourced):
                    waiting.append(KeptFile(facts.path, content))
        yield from waiting


def _places(script: KeptFile, sources: Collection[str]) -> Iterator[str]:
    for found in _PATH.finditer(script.content):
        path = posixpath.normpath(found[0].decode(errors="surrogateescape"))
        if not path.startswith(_PROGRAMS):
            yield path
    names = {found[0].decode() for found in _FILE.finditer(script.content)}
    directory = posixpath.dirname(script.path)
    yield from (f"{directory}/{name}" for name in names if name.endswith(_ENDINGS))
    yield from (place for place in sources if posixpath.basename(place) in names)
