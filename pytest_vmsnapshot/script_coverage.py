"""Coverage of shell scripts in a run of pytest: when it is measured, recorded and told of."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from .kept import KeptBackup, Measured

if TYPE_CHECKING:
    from coverage import Coverage

    from .kept import Tracer
    from .shell_coverage.measuring import Run

AUTO, ON, OFF = "auto", "on", "off"
"""When the lines of scripts are measured."""

_NAME = "vmsnapshot-coverage"

_NOTES = 4
"""Notes that are shown without -v."""

_ADD = (
    "add pytest_vmsnapshot.shell_coverage to plugins in the section run of coverage.py's settings"
)


class HasKept(Protocol):
    """A VM, as far as coverage is concerned."""

    @property
    def kept(self) -> tuple[KeptBackup, ...]:
        """What was kept of its backups."""
        ...

    @property
    def sources(self) -> Any:
        """Local files, by where they lie on the VM."""
        ...


def choice(config: pytest.Config) -> str:
    """Whether coverage of scripts is wanted: auto, on or off.

    Args:
        config: of the run.

    Raises:
        pytest.UsageError: the ini value cannot be meant.
    """
    said: str = config.getoption("vmsnapshot_coverage") or config.getini("vmsnapshot_coverage")
    if said not in {AUTO, ON, OFF}:
        told = f"ini: vmsnapshot_coverage={said!r} is none of {AUTO}, {ON}, {OFF}"
        raise pytest.UsageError(told)
    return said


def watch(config: pytest.Config) -> None:
    """Be ready to measure, if a run may want it.

    Args:
        config: of the run.

    Raises:
        pytest.UsageError: it was asked for, and what parses scripts is not installed.
    """
    said = choice(config)
    in_controller = getattr(config, "workerinput", {}).get(_NAME, False)
    if said == OFF or (said == AUTO and "coverage" not in sys.modules and not in_controller):
        return
    from .shell_coverage.recording import can_parse

    if said == ON and not can_parse():
        from .shell_coverage.parse_tree import CoverageExtraMissing

        raise pytest.UsageError(f"vmsnapshot_coverage={ON}: {CoverageExtraMissing()}")
    config.pluginmanager.register(ScriptCoverage(config, in_controller), _NAME)


def of(config: pytest.Config) -> ScriptCoverage | None:
    """What measures scripts in a run; None if nothing does.

    Args:
        config: of the run.
    """
    found: ScriptCoverage | None = config.pluginmanager.get_plugin(_NAME)
    return found


def tracer(config: pytest.Config) -> Tracer | None:
    """By what the scripts of a run are traced; None if they are not.

    Args:
        config: of the run.
    """
    found = of(config)
    if found is None or not found.wanted:
        return None
    from .shell_coverage.tracing import BashTracer

    return BashTracer()


class ScriptCoverage:
    """Measures scripts in a run.

    Args:
        config: of the run.
        in_controller: whether the controller of this worker of pytest-xdist has the coverage.
    """

    def __init__(self, config: pytest.Config, in_controller: bool) -> None:
        from .shell_coverage.measuring import Scripts
        from .shell_coverage.recording import Recorded

        self._config = config
        self._scripts = Scripts()
        self._recorded = Recorded()
        self._shells: dict[str, set[str]] = {}
        self._notes: dict[str, int] = {}
        self._unmeasured = 0
        self._wanted: bool | None = in_controller or None

    @property
    def wanted(self) -> bool:
        """Whether scripts are measured: coverage is active, or asked for, and knows of them."""
        if self._wanted is None:
            self._wanted = (coverage := self._coverage()) is not None and _knows(coverage)
        return self._wanted

    def _coverage(self) -> Coverage | None:
        """The active coverage; if there is none and one was asked for, what the settings say."""
        from .shell_coverage.recording import active

        found = active()
        if found is None and choice(self._config) == ON:
            from coverage import Coverage

            found = Coverage()
        return found

    # -- each test ---------------------------------------------------------------------------

    def note(self, test: str, machines: Iterable[HasKept]) -> None:
        """Take down what the backups of a test have executed.

        Args:
            test: the id of the test.
            machines: its VMs.
        """
        for machine in machines:
            for kept in machine.kept:
                if kept.measured is not None:
                    self._note(test, kept.measured, machine)
                elif not self.wanted and self._coverage() is not None:
                    self._unmeasured += 1

    def _note(self, test: str, measured: Measured, machine: HasKept) -> None:
        runs = self.runs(measured, machine)
        self._recorded.add(test, runs)
        for run in runs:
            self._shells.setdefault(_how(measured), set()).add(str(run.local))
        notes = list(measured.notes)
        notes += [
            f"the trace of the {trace.script}, attempt {trace.attempt}, was cut"
            for trace in measured.traces
            if trace.is_cut
        ]
        for text in notes:
            self._notes[text] = self._notes.get(text, 0) + 1

    def runs(self, measured: Measured, machine: HasKept) -> list[Run]:
        """What a backup has executed of local files.

        Args:
            measured: the backup.
            machine: its VM.
        """
        from .shell_coverage.measuring import runs

        return runs(measured, machine.sources, self._scripts)

    # -- the end -----------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write what was executed, before others stop to measure."""
        try:
            return (yield)
        finally:
            output = getattr(session.config, "workeroutput", None)
            if output is None:
                self._write()
            else:
                output[_NAME] = self._for_controller()

    def _write(self) -> None:
        if not self._recorded or not self.wanted or (coverage := self._coverage()) is None:
            return
        from .shell_coverage.recording import active, add, data_of, has_no_text, outside, write

        data = data_of(self._recorded, coverage)
        if active() is coverage:
            add(data, coverage)
        else:
            write(data, coverage)
        data.close()
        for path in filter(has_no_text, self._recorded.files):
            shown = _shown(path, self._config).encode(errors="surrogateescape")
            told = shown.decode(errors="backslashreplace")
            self._notes[f"{told} is not measured: coverage.py takes paths in UTF-8 only"] = 1
        for path in outside(self._recorded, coverage):
            told = f"{_shown(path, self._config)} was run, but source, include or omit leave it out"
            self._notes[told] = 1

    def _for_controller(self) -> dict[str, Any]:
        """What a worker of pytest-xdist tells: all but what its own coverage has."""
        from .shell_coverage.recording import active

        if active() is not None:
            self._write()
            recorded: dict[str, Any] = {}
        else:
            recorded = self._recorded.as_plain()
        shells = {how: sorted(files) for how, files in self._shells.items()}
        return {
            "recorded": recorded,
            "shells": shells,
            "notes": dict(self._notes),
            "unmeasured": self._unmeasured,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """In the controller: tell a worker whether to measure."""
        node.workerinput[_NAME] = self.wanted

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """In the controller: take down what a worker tells."""
        told = getattr(node, "workeroutput", {}).get(_NAME)
        if not told:
            return
        self._recorded.add_plain(told["recorded"])
        for how, files in told["shells"].items():
            self._shells.setdefault(how, set()).update(files)
        for text, count in told["notes"].items():
            self._notes[text] = self._notes.get(text, 0) + count
        self._unmeasured += told["unmeasured"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what has measured the scripts, and what was not measured."""
        for line in self._summary():
            terminalreporter.write_line(f"coverage of scripts: {line}")

    def _summary(self) -> Iterator[str]:
        if self._unmeasured:
            what = _several(self._unmeasured, "backup")
            yield f"none was measured in {what}; to have them measured, {_ADD}"
        if self._shells:
            by = sorted(self._shells.items())
            yield "; ".join(f"{len(files)} measured by {shell}" for shell, files in by)
        notes = sorted(self._notes.items())
        hidden = 0 if self._config.get_verbosity() > 0 else max(0, len(notes) - _NOTES)
        for text, count in notes[: len(notes) - hidden]:
            yield text if count == 1 else f"{text} ({count} times)"
        if hidden:
            yield f"{_several(hidden, 'note')} more: -v shows them"


def _how(measured: Measured) -> str:
    """What has measured a backup."""
    twin = f" in a twin VM ({measured.twin})" if measured.twin else ""
    return f"{measured.shell}{twin}"


def _knows(coverage: Coverage) -> bool:
    from .shell_coverage.recording import is_configured

    return is_configured(coverage)


def _shown(path: Path, config: pytest.Config) -> str:
    root = config.rootpath.resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
