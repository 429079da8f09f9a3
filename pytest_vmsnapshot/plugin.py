"""The pytest plugin: options, marker, fixtures and hooks. It imports the rest when a test asks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .asked import (
    ALL,
    BEGAN,
    CI_WORDS,
    CONFIG_NAME,
    FIXTURES,
    FLAGS,
    MACHINES,
    NAMED,
    OPTIONS,
    READ_BY_CI,
    RUN_OPTIONS,
    SESSION_VMS,
    STRICT,
    TOLD,
    asked_ci,
    plain_failure,
    sources_of,
    uses_vm,
)
from .memory_fixture import memory_vm as memory_vm

if TYPE_CHECKING:
    from .machine import VirtualMachine
    from .vm_factory import VmFactory

_WORKERS: pytest.StashKey[dict[str, int]] = pytest.StashKey()
_RUNNING: pytest.StashKey[pytest.Item] = pytest.StashKey()
_BOOTED: pytest.StashKey[contextlib.ExitStack] = pytest.StashKey()

# -- options and settings ----------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register an option and an ini value for each setting."""
    group = parser.getgroup("vmsnapshot", "throwaway VMs for Azure Backup scripts")
    for name, text in OPTIONS.items():
        option = "--vmsnapshot-" + name.replace("_", "-")
        dest = f"vmsnapshot_{name}"
        if name in FLAGS:
            group.addoption(option, dest=dest, action="store_const", const=True, help=text)
        else:
            group.addoption(option, dest=dest, metavar=name.upper(), help=text)
        parser.addini(f"vmsnapshot_{name}", text, type="string", default="")
    choices = {"configs": (ALL, NAMED), "ci": CI_WORDS, "coverage": ("auto", "on", "off")}
    metavars = {"configs": "WHICH", "ci": "CI", "coverage": "WHEN"}
    for name, text in RUN_OPTIONS.items():
        option, metavar = f"--vmsnapshot-{name}", metavars.get(name, "FILE")
        group.addoption(option, metavar=metavar, choices=choices.get(name), help=text)
    for name, default in {"configs": ALL, "ci": "off", "coverage": "auto"}.items():
        parser.addini(f"vmsnapshot_{name}", RUN_OPTIONS[name], type="string", default=default)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    from .settings import MARKER

    config.addinivalue_line("markers", MARKER)
    from .errors import UsageError
    from .told import Told

    try:
        _header(config)
    except UsageError as mistakes:
        raise pytest.UsageError(str(mistakes)) from None
    is_there = "GITHUB_ACTIONS" in os.environ or "TF_BUILD" in os.environ
    config.stash[READ_BY_CI] = is_there or asked_ci(config) not in ("auto", "off")
    config.pluginmanager.register(Told(config.stash))
    from .script_coverage import watch

    watch(config)
    for name in () if hasattr(config, "workerinput") else ("sarif", "jsonl"):
        if file := config.getoption(f"vmsnapshot_{name}"):
            _make_place_for(config.invocation_params.dir / file, f"--vmsnapshot-{name}: {file}")
    if (name := config.getoption("vmsnapshot_report")) and not hasattr(config, "workerinput"):
        from .report_file import ReportFile

        config.pluginmanager.register(ReportFile(config, name))
    if config.getoption("htmlpath", None):  # pytest-html makes a report
        from .html_pieces import HtmlStyles, is_wanted

        if is_wanted(config):
            config.pluginmanager.register(HtmlStyles())


def _make_place_for(file: Path, shown: str) -> None:
    """A file that cannot be written is no surprise at the end of a run; an old one is emptied.

    Raises:
        pytest.UsageError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    except OSError as error:
        raise pytest.UsageError(f"{shown} cannot be written: {error.strerror}") from None


def _header(config: pytest.Config) -> str:
    from .settings import resolve

    return resolve(sources_of(config)).header()


def pytest_report_header(config: pytest.Config) -> str:
    """Show the settings in effect for tests without a marker."""
    return _header(config)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Show which guest works here, once a test is known to need one."""
    if config.option.collectonly or not any(uses_vm(item) for item in items):
        return []
    from .item_vms import workshop_of

    return [workshop_of(config).describe(sources_of(config))]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what makes VMs, and every VM with it."""
    from .item_vms import WORKSHOP

    if WORKSHOP in config.stash:
        config.stash[WORKSHOP].close()


# -- several processes ---------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: tell the controller which guest was in effect."""
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        return
    from .item_vms import WORKSHOP

    if WORKSHOP in session.config.stash:
        workshop = session.config.stash[WORKSHOP]
        output["vmsnapshot"] = workshop.described(sources_of(session.config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller: take down what a worker told."""
    for text in getattr(node, "workeroutput", {}).get("vmsnapshot", ()):
        counts = node.config.stash.setdefault(_WORKERS, {})
        counts[text] = counts.get(text, 0) + 1


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """In the controller: show which guests the workers used, and what checks of configs told."""
    for text, count in config.stash.get(_WORKERS, {}).items():
        terminalreporter.write_line(f"{text} ({count} worker{'s' if count != 1 else ''})")
    reports = (report for found in terminalreporter.stats.values() for report in found)
    if told := [getattr(report, TOLD) for report in reports if hasattr(report, TOLD)]:
        from .contract_summary import summary

        for line in summary(told, config):
            terminalreporter.write_line(line)


# -- tests that are no functions -------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a scenario file for tests, and a config for checks."""
    if file_path.name.endswith(".vmsnapshot.toml"):
        from .scenario_items import ScenarioFile

        return ScenarioFile.from_parent(parent, path=file_path)
    if file_path.suffix == ".json" and _is_checked(file_path, parent):
        from .contract_items import ConfigFile

        if file_path.is_relative_to(parent.config.rootpath):
            return ConfigFile.from_parent(parent, path=file_path)
        # Outside, the id of a file that is named on the command line would be empty.
        return ConfigFile.from_parent(parent, path=file_path, nodeid=str(file_path))
    return None


def _is_checked(file_path: Path, parent: pytest.Collector) -> bool:
    """Whether it is a config that is to be checked: by its name, or because it was asked for."""
    if parent.session.isinitpath(file_path):
        return True
    config = parent.config
    which = config.getoption("vmsnapshot_configs") or config.getini("vmsnapshot_configs")
    return file_path.name == CONFIG_NAME and which != NAMED


# -- several shells --------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once in each shell of a list."""
    if not FIXTURES.isdisjoint(metafunc.fixturenames):
        from .several_shells import parametrize

        parametrize(metafunc)


# -- time limits ---------------------------------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test that uses a VM a time limit, unless one is set."""
    from .time_limits import DEFAULT, OURS, has_own

    if not config.pluginmanager.hasplugin("timeout"):
        return
    for item in items:
        if uses_vm(item) and not has_own(item):
            item.add_marker(pytest.mark.timeout(DEFAULT))
            item.stash[OURS] = True


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """Remember how the running timer was set, so that it can be set again for a backup."""
    from .time_limits import TIMER

    item.stash[TIMER] = settings


# -- VMs that outlive a test -----------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Close what a test has booted from a recovery point that outlives it."""
    item.config.stash[_RUNNING] = item
    item.stash[BEGAN] = [len(vm.backups) for vm in item.config.stash.get(SESSION_VMS, ())]
    with contextlib.ExitStack() as item.stash[_BOOTED]:
        return (yield)


@pytest.fixture(scope="session")
def vm_session_factory(request: pytest.FixtureRequest) -> Iterator[VmFactory]:
    """Makes throwaway Linux VMs that are closed when the session ends: for recovery points that
    many tests boot.
    """
    from .errors import GuestUnavailable, UsageError
    from .item_vms import workshop_of
    from .settings import Source
    from .time_limits import allow

    config = request.config
    workshop = workshop_of(config)
    closing = contextlib.ExitStack()

    def booted(machine: VirtualMachine) -> None:
        item = config.stash[_RUNNING]
        item.stash[_BOOTED].callback(machine.close, wait=False)
        item.stash.setdefault(MACHINES, []).append(machine)

    def make(**arguments: Any) -> VirtualMachine:
        sources = [Source("vm_session_factory()", arguments), *sources_of(config)]
        with plain_failure(GuestUnavailable, UsageError):
            machine = workshop.make(
                sources, config.rootpath, lambda s: allow(config.stash[_RUNNING], s), booted
            )
        closing.callback(machine.close, wait=False)
        config.stash.setdefault(SESSION_VMS, []).append(machine)
        return machine

    with closing:
        yield make


# -- what is told of a test that has passed --------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Once a test has passed: warn it, or fail it, by what its backups depend on or have left."""
    result = yield
    if machines := item.stash.get(MACHINES, []):
        from .after_test import tell

        tell(machines, item, strict=item.stash.get(STRICT, False))
    return result


# -- reports -------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section for each backup of a test that failed, and what a check tells."""
    report = yield
    machines: list[VirtualMachine] = item.stash.get(MACHINES, [])
    if report.failed and machines:
        from .failure_report import sections

        report.sections += sections(item.nodeid, machines)
    if MACHINES in item.stash and item.config.stash[READ_BY_CI]:
        from .harmless_reports import make_harmless

        make_harmless(report)
    if report.when == "call" and (told := getattr(item, "told", None)):
        setattr(report, TOLD, told)  # reports travel from workers with all they have
    if MACHINES in item.stash or SESSION_VMS in item.config.stash:
        from .recording import note

        note(item, report)
    return report


# -- fixtures ------------------------------------------------------------------------------------


@pytest.fixture
def _vmsnapshot_shell(request: pytest.FixtureRequest) -> str:
    """The shell of this run of a test that is run in several."""
    return str(request.param)


@pytest.fixture
def _vmsnapshot_machines(request: pytest.FixtureRequest) -> list[VirtualMachine]:
    """The VMs of this test, for its report."""
    machines: list[VirtualMachine] = []
    request.node.stash[MACHINES] = machines
    return machines


@pytest.fixture
def vm_factory(
    request: pytest.FixtureRequest,
    _vmsnapshot_machines: list[VirtualMachine],
) -> Iterator[VmFactory]:
    """Makes throwaway Linux VMs; all are closed when the test ends.

    ``vm_factory(rules="shipped", shell="bash")`` makes one; each argument overrides the option of
    the same name.
    """
    from .item_vms import vms_of

    with vms_of(request.node) as make:
        yield make


@pytest.fixture
def vm(vm_factory: VmFactory) -> VirtualMachine:
    """A throwaway Linux VM of this test.

    ``vm.install(pre=..., post=...)`` or ``vm.install_config(...)`` puts scripts and a config on it,
    ``vm.command("mysql")`` lets a stand-in answer for a command, and ``vm.backup()`` takes a backup
    and says what it is worth. What it is like is for ``@pytest.mark.vm(...)`` to say.
    """
    return vm_factory()
