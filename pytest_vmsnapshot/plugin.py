"""The pytest plugin: options, marker, fixtures and hooks. It imports the rest when a test asks."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .machine import VirtualMachine
    from .memory import MemoryMachine
    from .running import Workshop
    from .settings import Source
    from .vm_factory import VmFactory

_FIXTURES = frozenset({"vm", "vm_factory"})

_WORKSHOP: pytest.StashKey[Workshop] = pytest.StashKey()
_MACHINES: pytest.StashKey[list[VirtualMachine]] = pytest.StashKey()
_TIMER: pytest.StashKey[Any] = pytest.StashKey()
_OURS: pytest.StashKey[bool] = pytest.StashKey()
_WORKERS: pytest.StashKey[dict[str, int]] = pytest.StashKey()
_STRICT: pytest.StashKey[bool] = pytest.StashKey()

_OPTIONS = {
    "guest": "where the VM's processes run: auto (default), root, subids, rootless, sudo, in-place",
    "rules": "the rule set: documented (default), shipped",
    "shell": "what /bin/sh is: dash, bash, busybox, ksh, mksh, yash, or a distribution's name",
    "clock": "the VM's clock: auto (default: virtual where that works), virtual, real",
    "clock_start": "date at which a virtual clock starts, as 2026-03-29T01:59:50 (UTC)",
    "disks": "how many disks Azure sees (default 2)",
    "network": "true: VMs share the host's network (default false)",
    "directories": "more top-level directories to create on every VM, absolute, comma-separated",
    "disk_size": "how much a VM can write: bytes, or as 512M, 2G (default 1G)",
    "strict": "fail for what a test is otherwise only warned of (default false)",
    "allow": "findings a test is not told of, such as processes,never-called; comma-separated",
    "require": "fail instead of modelling: clock, namespaces, owners, shell; comma-separated",
}

_FLAGS = frozenset({"strict"})
"""Options that take no value."""


# -- options and settings ----------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register an option and an ini value for each setting."""
    group = parser.getgroup("vmsnapshot", "throwaway VMs for Azure Backup scripts")
    for name, text in _OPTIONS.items():
        option = "--vmsnapshot-" + name.replace("_", "-")
        dest = f"vmsnapshot_{name}"
        if name in _FLAGS:
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


def _sources(config: pytest.Config) -> list[Source]:
    from .settings import Source

    command_line = {name: config.getoption(f"vmsnapshot_{name}") for name in _OPTIONS}
    ini = {name: config.getini(f"vmsnapshot_{name}") or None for name in _OPTIONS}
    return [Source("command line", command_line), Source("ini", ini)]


def _header(config: pytest.Config) -> str:
    from .settings import resolve

    return resolve(_sources(config)).header()


def pytest_report_header(config: pytest.Config) -> str:
    """Show the settings in effect for tests without a marker."""
    return _header(config)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Show which guest works here, once a test is known to need one."""
    if config.option.collectonly or not any(_uses_vm(item) for item in items):
        return []
    return [_workshop(config).describe(_sources(config))]


def _uses_vm(item: pytest.Item) -> bool:
    return not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


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
        output["vmsnapshot"] = workshop.described(_sources(session.config))


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
    if not _FIXTURES.isdisjoint(metafunc.fixturenames):
        from .several_shells import parametrize

        parametrize(metafunc)


# -- time limits ---------------------------------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test that uses a VM a time limit, unless one is set."""
    from .time_limits import DEFAULT, has_own

    if not config.pluginmanager.hasplugin("timeout"):
        return
    for item in items:
        if _uses_vm(item) and not has_own(item):
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


# -- what is told of a test that has passed --------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Once a test has passed: warn it, or fail it, by what its backups depend on or have left."""
    result = yield
    if machines := item.stash.get(_MACHINES, []):
        from .after_test import tell

        tell(machines, item, strict=item.stash.get(_STRICT, False))
    return result


# -- reports -------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section for each backup of a test that failed."""
    report = yield
    machines: list[VirtualMachine] = item.stash.get(_MACHINES, [])
    if report.failed and machines:
        from .failure_report import sections

        report.sections += sections(item.nodeid, machines)
    return report


# -- fixtures ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _plain_failure(*kinds: type[Exception]) -> Iterator[None]:
    """A mistake that says all there is to say fails the test without a traceback."""
    try:
        yield
    except kinds as mistake:
        raise pytest.fail.Exception(str(mistake), pytrace=False) from None


def _marker(item: pytest.Item) -> Source:
    from .settings import Source

    values: dict[str, Any] = {}
    for mark in item.iter_markers("vm"):
        if mark.args:
            pytest.fail(f"@pytest.mark.vm takes keywords only, not {mark.args!r}", pytrace=False)
        values = {**mark.kwargs, **values}
    if isinstance(values.get("shell"), list | tuple):
        from .several_shells import chosen

        values["shell"] = chosen(item)
    return Source("marker", values)


def _note_strict(item: pytest.Item, sources: Sequence[Source]) -> None:
    """Remember whether a test is to fail where the rule sets differ."""
    from .settings import resolve

    if resolve(sources).settings.strict:
        item.stash[_STRICT] = True


@pytest.fixture
def _vmsnapshot_shell(request: pytest.FixtureRequest) -> str:
    """The shell of this run of a test that is run in several."""
    return str(request.param)


@pytest.fixture
def _vmsnapshot_machines(request: pytest.FixtureRequest) -> list[VirtualMachine]:
    """The VMs of this test, for its report."""
    machines: list[VirtualMachine] = []
    request.node.stash[_MACHINES] = machines
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
    marker = _marker(item)
    closing = contextlib.ExitStack()

    def make(**arguments: Any) -> VirtualMachine:
        sources = [Source("vm_factory()", arguments), marker, *_sources(request.config)]
        with _plain_failure(GuestUnavailable, UsageError), skipping_without_shell(sources):
            _note_strict(item, sources)
            machine = workshop.make(
                sources, item.path.parent, lambda seconds: _allow(item, seconds)
            )
        closing.callback(machine.close, wait=False)  # the session waits for the last ones
        _vmsnapshot_machines.append(machine)
        return machine

    with closing:
        yield make


@pytest.fixture
def vm(vm_factory: VmFactory) -> VirtualMachine:
    """A throwaway Linux VM."""
    return vm_factory()


@pytest.fixture
def memory_vm(
    request: pytest.FixtureRequest, _vmsnapshot_machines: list[VirtualMachine]
) -> Iterator[MemoryMachine]:
    """A VM in memory, on pyfakefs's fixture ``fs``: its scripts are Python functions."""
    _import_memory()
    from pyfakefs.fake_filesystem import FakeFilesystem

    from .errors import UsageError
    from .memory import MemoryMachine
    from .settings import resolve

    item: pytest.Item = request.node
    if _uses_vm(item):
        pytest.fail(
            "a test cannot use both vm and memory_vm: while pyfakefs hides the files of the host, "
            "no other VM works; write two tests",
            pytrace=False,
        )
    sources = [_marker(item), *_sources(request.config)]
    fs = _fake_file_system(request)
    if not isinstance(fs, FakeFilesystem):
        pytest.fail(
            f"memory_vm needs pyfakefs's fixture fs, but here fs is {fs!r}; give the project's own "
            "fixture another name",
            pytrace=False,
        )
    with _plain_failure(UsageError):
        _note_strict(item, sources)
        settings = resolve(sources).settings
        machine = MemoryMachine(
            fs,
            rules=settings.rules,
            disks=settings.disks,
            deployment=settings.deployment,
            os=settings.os,
            platform=settings.platform,
            mounts=settings.mounts,
            agent_umask=settings.agent_umask,
            agent_env=settings.agent_env,
            directories=settings.directories,
            allow=settings.allow,
            bases=list(dict.fromkeys((request.config.rootpath, item.path.parent))),
            pass_through=(pytest.exit.Exception,),
        )
        machine.begin_with(settings.faults)
    _vmsnapshot_machines.append(machine)
    yield machine
    machine.close()


def _import_memory() -> None:
    """Import what ``memory_vm`` needs: for good, even if ``fs`` was asked for first.

    What is imported while pyfakefs is at work is thrown away when it ends, and comes a second time
    with classes and enums of its own.
    """
    if f"{__package__}.memory" in sys.modules:
        return
    from pyfakefs.fake_filesystem_unittest import Patcher, Pause

    patcher = Patcher.PATCHER
    at_work = patcher is not None and patcher.is_patching
    with Pause(patcher) if patcher is not None and at_work else contextlib.nullcontext():
        from . import after_test, failure_report, memory  # noqa: F401


def _fake_file_system(request: pytest.FixtureRequest) -> Any:
    try:
        return request.getfixturevalue("fs")
    except pytest.FixtureLookupError:
        pytest.fail(
            "memory_vm needs the fixture fs of pyfakefs's pytest plugin, which is not loaded here; "
            "take -p no:fakefs away, or write -p pyfakefs.pytest_plugin",
            pytrace=False,
        )
