"""Writes what scripts have executed into the data of coverage.py."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import PLUGIN
from .measuring import Arc, Run

if TYPE_CHECKING:
    from coverage import Coverage, CoverageData

TRACER = f"{PLUGIN}.ShellPlugin"
"""By which name coverage.py finds the plugin again when it reports."""


def active() -> Coverage | None:
    """The coverage that is being measured, without loading coverage.py for that."""
    if "coverage" not in sys.modules:
        return None
    from coverage import Coverage

    return Coverage.current()


def is_configured(coverage: Coverage) -> bool:
    """Whether the plugin stands in a coverage's settings.

    Args:
        coverage: the coverage.
    """
    return PLUGIN in _list(coverage, "run:plugins")


def can_parse() -> bool:
    """Whether what parses scripts is installed."""
    names = ("tree_sitter", "tree_sitter_bash")
    return all(importlib.util.find_spec(name) is not None for name in names)


@dataclass
class Recorded:
    """What was executed so far, by context.

    Args:
        lines: by context and name of the file.
        arcs: the same.
        files: all that were seen.
    """

    lines: dict[str, dict[Path, set[int]]] = field(default_factory=dict)
    arcs: dict[str, dict[Path, set[Arc]]] = field(default_factory=dict)

    def add(self, test: str, runs: Iterable[Run]) -> None:
        """Take down what was executed.

        Args:
            test: the test that took the backup.
            runs: what its scripts have executed.
        """
        for run in runs:
            context = f"{test}|{run.script}|attempt {run.attempt}"
            self._take(context, run.local, run.lines, run.arcs)

    def _take(self, context: str, local: Path, lines: Iterable[int], arcs: Iterable[Arc]) -> None:
        self.lines.setdefault(context, {}).setdefault(local, set()).update(lines)
        self.arcs.setdefault(context, {}).setdefault(local, set()).update(arcs)

    def as_plain(self) -> dict[str, list[tuple[str, list[int], list[Arc]]]]:
        """All of it, as what can be sent from process to process."""
        return {
            context: [
                (str(local), sorted(lines), sorted(self.arcs[context][local]))
                for local, lines in by_file.items()
            ]
            for context, by_file in self.lines.items()
        }

    def add_plain(self, plain: Mapping[str, Iterable[tuple[str, list[int], list[Arc]]]]) -> None:
        """Take down what another process has.

        Args:
            plain: made by ``as_plain``.
        """
        for context, files in plain.items():
            for name, lines, arcs in files:
                pairs = ((start, end) for start, end in arcs)  # lists, after the journey
                self._take(context, Path(name), lines, pairs)

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def files(self) -> set[Path]:
        """The local files something was executed of."""
        return {local for by_file in self.lines.values() for local in by_file}


def data_of(recorded: Recorded, coverage: Coverage) -> CoverageData:
    """What was recorded as data of coverage.py, in memory.

    Args:
        recorded: the lines.
        coverage: by its settings: which files are measured, what they are called, whether branches
            are, and the static context.
    """
    from coverage import CoverageData

    branches = bool(coverage.get_option("run:branch"))
    static = coverage.get_option("run:context")
    names = _names(recorded.files, coverage)
    data = CoverageData(no_disk=True)
    for context, by_file in recorded.lines.items():
        data.set_context(f"{static}|{context}" if static else context)
        if branches:
            arcs = recorded.arcs[context]
            data.add_arcs(
                {
                    names[local]: {*((-1, line) for line in lines), *arcs[local]}
                    for local, lines in by_file.items()
                    if local in names
                }
            )
        else:
            data.add_lines({names[f]: lines for f, lines in by_file.items() if f in names})
    data.add_file_tracers(dict.fromkeys(names.values(), TRACER))
    return data


def add(data: CoverageData, coverage: Coverage) -> None:
    """Add data to those of a coverage that is being measured; its context stays as it is.

    Args:
        data: the data.
        coverage: the coverage.
    """
    from coverage.exceptions import CoverageWarning

    with warnings.catch_warnings():
        # What coverage.py warns of here is no error of a test, and that no Python was run is none.
        warnings.simplefilter("default", CoverageWarning)
        warnings.filterwarnings("ignore", "No data was collected", CoverageWarning)
        coverage.get_data().update(data)


def write(data: CoverageData, coverage: Coverage) -> None:
    """Write data where a coverage's settings say, instead of what lies there.

    Args:
        data: the data.
        coverage: whose settings.
    """
    from coverage import CoverageData

    name = str(coverage.get_option("run:data_file"))
    if coverage.get_option("run:parallel"):
        file = CoverageData(basename=name, suffix=True)
    else:
        file = CoverageData(basename=name)
        file.erase()
    file.update(data)
    file.write()
    file.close()


def outside(recorded: Recorded, coverage: Coverage) -> list[Path]:
    """Files that were run and that the settings of a coverage leave out.

    Args:
        recorded: what was run.
        coverage: whose settings.
    """
    files = {path for path in recorded.files if not has_no_text(path)}
    return sorted(files - _names(files, coverage).keys())


def has_no_text(path: Path) -> bool:
    """Whether a path is bytes that are no UTF-8, which coverage.py cannot store.

    Args:
        path: of a file.
    """
    return any("\ud800" <= character <= "\udfff" for character in os.path.realpath(path))


def _names(files: Iterable[Path], coverage: Coverage) -> dict[Path, str]:
    """What coverage.py calls the files that it measures."""
    from coverage import FileReporter

    relative = bool(coverage.get_option("run:relative_files"))
    is_measured = _Measured(coverage)
    names = {}
    for file in files:
        path = os.path.realpath(file)
        if is_measured(path) and not has_no_text(file):
            names[file] = FileReporter(path).relative_filename() if relative else path
    return names


class _Measured:
    """Says which files coverage.py measures, by its ``source``, ``include`` and ``omit``.

    coverage.py keeps its own answer to itself, but for the parts it is made of.
    """

    def __init__(self, coverage: Coverage) -> None:
        from coverage.files import GlobMatcher, TreeMatcher, prep_patterns

        names = [*_list(coverage, "run:source"), *_list(coverage, "run:source_dirs")]
        names += _list(coverage, "run:source_pkgs")
        source = [os.path.realpath(place) for name in names for place in _places(name)]
        include = prep_patterns(_list(coverage, "run:include"))
        omit = prep_patterns(_list(coverage, "run:omit"))
        self._source = TreeMatcher(source, "source") if names else None
        self._include = GlobMatcher(include, "include") if include else None
        self._omit = GlobMatcher(omit, "omit") if omit else None

    def __call__(self, path: str) -> bool:
        """Whether a file is measured."""
        if self._source is not None:
            if not self._source.match(path):
                return False
        elif self._include is not None and not self._include.match(path):
            return False
        return self._omit is None or not self._omit.match(path)


def _places(name: str) -> Sequence[str]:
    """Directories that a name in ``source`` means: itself, or those of a package."""
    if os.path.isdir(name):
        return [name]
    module = sys.modules.get(name)
    return list(getattr(module, "__path__", ()))


def _list(coverage: Coverage, name: str) -> list[str]:
    """A setting that is a list."""
    from coverage.exceptions import ConfigError

    try:
        found = coverage.get_option(name)
    except ConfigError:  # a setting of a newer coverage.py
        return []
    return [str(each) for each in found] if isinstance(found, list) else []
