"""From the traces of a backup to the lines of local files."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..kept import Measured
from .branches import ways
from .parse_tree import Script, parse
from .placing import placed
from .trace import read_trace

Arc = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Run:
    """What one attempt of a script has executed of one local file.

    Args:
        script: ``pre-script`` or ``post-script``.
        attempt: which launch of it, from 1.
        path: where the file lay on the VM.
        local: the local file.
        lines: those that stand for a statement.
        arcs: ways taken from a line with several to the line that is next.
    """

    script: str
    attempt: int
    path: str
    local: Path
    lines: frozenset[int]
    arcs: frozenset[Arc]


class Scripts:
    """Local scripts, parsed once; they are read as they are when they are first asked for."""

    def __init__(self, read: Callable[[Path], bytes] = Path.read_bytes) -> None:
        self._read = read
        self._parsed: dict[Path, Script | None] = {}

    def of(self, local: Path) -> Script | None:
        """A local file as a script; None if it cannot be read."""
        if local not in self._parsed:
            try:
                self._parsed[local] = parse(self._read(local))
            except OSError:
                self._parsed[local] = None
        return self._parsed[local]


def runs(measured: Measured, sources: Mapping[str, Path], scripts: Scripts) -> list[Run]:
    """What the attempts of a backup have executed of local files.

    Args:
        measured: the backup.
        sources: local files, by where they lie on the VM.
        scripts: what was parsed already.

    Raises:
        CoverageExtraMissing: tree-sitter is not installed.
    """
    found: list[Run] = []
    for trace in measured.traces:
        paths: dict[str, str | None] = {}
        chosen: dict[int, str] = {}

        def script_of(
            name: str, paths: dict[str, str | None] = paths, chosen: dict[int, str] = chosen
        ) -> Script | None:
            if name not in paths:
                paths[name] = _path_of(name, sources)
            path = paths[name]
            script = None if path is None else scripts.of(sources[path])
            if path is not None and script is not None:
                chosen.setdefault(id(script), path)
            return script

        steps = list(placed(read_trace(trace.text), script_of))
        lines: dict[int, set[int]] = {}
        by_id = {id(step.script): step.script for step in steps}
        for step in steps:
            lines.setdefault(id(step.script), set()).add(step.statement.line)
        arcs = ways(steps)
        for number, hit in lines.items():
            path = chosen[number]
            script = by_id[number]
            found.append(
                Run(
                    trace.script,
                    trace.attempt,
                    path,
                    sources[path],
                    frozenset(script.executed(hit)),
                    frozenset(arcs.get(number, ())),
                )
            )
    return found


def _path_of(name: str, sources: Mapping[str, Path]) -> str | None:
    """Where a file lies on the VM that bash calls by a name, which may be a relative one."""
    path = posixpath.normpath(name)
    if path in sources:
        return path
    if path.startswith("/"):
        return None
    ends = [known for known in sources if known.endswith("/" + path.removeprefix("../"))]
    return ends[0] if len({sources[known] for known in ends}) == 1 else None
