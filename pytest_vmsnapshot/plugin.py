"""The pytest plugin: options, marker, fixtures and hooks. It imports the rest when a test asks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .asked import (
    FIXTURES,
    FLAGS,
    MACHINES,
    OPTIONS,
    STRICT,
    marker_of,
    note_strict,
    plain_failure,
    sources_of,
    uses_vm,
)
from .memory_fixture import memory_vm as memory_vm

if TYPE_CHECKING:
    from .machine import VirtualMachine
    from .running import Workshop
    from .vm_factory import VmFactory

_WORKSHOP: pytest.StashKey[Workshop] = pytest.StashKey()
_TIMER: pytest.StashKey[Any] = pytest.StashKey()
_OURS: pytest.StashKey[bool] = pytest.StashKey()
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


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    from .settings import MARKER

    config.addinivalue_line("markers", MARKER)
    from .errors import UsageError

    try:
        _header(config)
    except UsageError as mistakes:
        raise pytest.UsageError(str(mistakes)) from None


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
    return [_workshop(config).describe(sources_of(config))]


def _workshop(config: pytest.Config) -> Workshop:
    from .running import Workshop

    if _WORKSHOP not in config.stash:
        config.stash[_WORKSHOP] = Workshop(config.rootpath, config.invocation_params.dir)
    return config.stash[_WORKSHOP]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what makes VMs, and every VM with it."""
    if _WORKSHOP in config.stash:
        config.stash[_WORKSHOP].close()


# -- several processes ---------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: tell the controller which guest was in effect."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and _WORKSHOP in session.config.stash:
        workshop = session.config.stash[_WORKSHOP]
        output["vmsnapshot"] = workshop.described(sources_of(session.config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller: take down what a worker told."""
    for text in getattr(node, "workeroutput", {}).get("vmsnapshot", ()):
        counts = node.config.stash.setdefault(_WORKERS, {})
        counts[text] = counts.get(text, 0) + 1


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """In the controller: show which guests the workers used."""
    for text, count in config.stash.get(_WORKERS, {}).items():
        terminalreporter.write_line(f"{text} ({count} worker{'s' if count != 1 else ''})")


# -- several shells --------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once in each shell of a list."""
    if not FIXTURES.isdisjoint(metafunc.fixturenames):
        from .several_shells import parametrize

        parametrize(metafunc)


# -- time limits ---------------------------------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test that uses a VM a time limit, unless one is set."""
    from .time_limits import DEFAULT, has_own

    if not config.pluginmanager.hasplugin("timeout"):
        return
    for item in items:
        if uses_vm(item) and not has_own(item):
            item.add_marker(pytest.mark.timeout(DEFAULT))
            item.stash[_OURS] = True


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """Remember how the running timer was set, so that it can be set again for a backup."""
    item.stash[_TIMER] = settings


def _allow(item: pytest.Item, seconds: float) -> None:
    """A backup starts that may take this long: set the test's timer anew if the limit is ours.

    A backup in a thread of its own keeps the timer that runs: signals belong to the main thread.
    """
    from .time_limits import SLACK

    if threading.current_thread() is not threading.main_thread():
        return
    if item.stash.get(_OURS, False) and _TIMER in item.stash:
        settings = item.stash[_TIMER]._replace(timeout=seconds + SLACK)
        item.config.hook.pytest_timeout_cancel_timer(item=item)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)


# -- VMs that outlive a test -----------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Close what a test has booted from a recovery point that outlives it."""
    item.config.stash[_RUNNING] = item
    with contextlib.ExitStack() as item.stash[_BOOTED]:
        return (yield)


@pytest.fixture(scope="session")
def vm_session_factory(request: pytest.FixtureRequest) -> Iterator[VmFactory]:
    """Makes throwaway Linux VMs that are closed when the session ends: for recovery points that
    many tests boot.
    """
    from .errors import GuestUnavailable, UsageError
    from .settings import Source

    config = request.config
    workshop = _workshop(config)
    closing = contextlib.ExitStack()

    def booted(machine: VirtualMachine) -> None:
        item = config.stash[_RUNNING]
        item.stash[_BOOTED].callback(machine.close, wait=False)
        item.stash.setdefault(MACHINES, []).append(machine)

    def make(**arguments: Any) -> VirtualMachine:
        sources = [Source("vm_session_factory()", arguments), *sources_of(config)]
        with plain_failure(GuestUnavailable, UsageError):
            machine = workshop.make(
                sources, config.rootpath, lambda s: _allow(config.stash[_RUNNING], s), booted
            )
        closing.callback(machine.close, wait=False)
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
    """Add a section for each backup of a test that failed."""
    report = yield
    machines: list[VirtualMachine] = item.stash.get(MACHINES, [])
    if report.failed and machines:
        from .failure_report import sections

        report.sections += sections(item.nodeid, machines)
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
    request: pytest.FixtureRequest, _vmsnapshot_machines: list[VirtualMachine]
) -> Iterator[VmFactory]:
    """Makes throwaway Linux VMs; all are closed when the test ends."""
    from .errors import GuestUnavailable, UsageError
    from .settings import Source
    from .several_shells import skipping_without_shell

    item: pytest.Item = request.node
    workshop = _workshop(request.config)
    marker = marker_of(item)
    closing = contextlib.ExitStack()

    def keep(machine: VirtualMachine) -> None:
        closing.callback(machine.close, wait=False)  # the session waits for the last ones
        _vmsnapshot_machines.append(machine)

    def make(**arguments: Any) -> VirtualMachine:
        sources = [Source("vm_factory()", arguments), marker, *sources_of(request.config)]
        with plain_failure(GuestUnavailable, UsageError), skipping_without_shell(sources):
            note_strict(item, sources)
            machine = workshop.make(
                sources, item.path.parent, lambda seconds: _allow(item, seconds), keep
            )
        keep(machine)
        return machine

    with closing:
        yield make


@pytest.fixture
def vm(vm_factory: VmFactory) -> VirtualMachine:
    """A throwaway Linux VM."""
    return vm_factory()
