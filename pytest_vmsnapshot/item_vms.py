"""VMs for tests of any kind: functions get them from fixtures, other items by themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from .asked import MACHINES, marker_of, note_strict, plain_failure, sources_of
from .time_limits import allow

if TYPE_CHECKING:
    from .findings import FindingKind
    from .machine import VirtualMachine
    from .running import Workshop
    from .settings import Source
    from .vm_factory import VmFactory

WORKSHOP: pytest.StashKey[Workshop] = pytest.StashKey()
"""What makes the VMs of a run; made when it is first needed."""


def workshop_of(config: pytest.Config) -> Workshop:
    """What makes the VMs of a run.

    Args:
        config: of the run.
    """
    from .recording import keeps
    from .running import Workshop

    if WORKSHOP not in config.stash:
        config.stash[WORKSHOP] = Workshop(
            config.rootpath, config.invocation_params.dir, keeps(config)
        )
    return config.stash[WORKSHOP]


@contextlib.contextmanager
def vms_of(item: pytest.Item, *own: Source) -> Iterator[VmFactory]:
    """Make VMs for a test, which are noted for its report, and closed at the end.

    Args:
        item: the test.
        own: what it says of its VMs, the weightiest first. It weighs more than markers and options,
            and less than the arguments of the factory.
    """
    from .errors import GuestUnavailable, UsageError
    from .settings import Source
    from .several_shells import skipping_without_shell

    workshop = workshop_of(item.config)
    marker = marker_of(item)
    machines = item.stash.setdefault(MACHINES, [])
    closing = contextlib.ExitStack()

    def keep(machine: VirtualMachine) -> None:
        closing.callback(machine.close, wait=False)  # the session waits for the last ones
        machines.append(machine)

    def make(**arguments: Any) -> VirtualMachine:
        argued = Source("vm_factory()", arguments)
        sources = [argued, *own, marker, *sources_of(item.config)]
        with plain_failure(GuestUnavailable, UsageError), skipping_without_shell(sources):
            note_strict(item, sources)
            machine = workshop.make(
                sources, item.path.parent, lambda seconds: allow(item, seconds), keep
            )
        keep(machine)
        return machine

    with closing:
        yield make


class VmItem(pytest.Item):
    """A test that is no function and uses VMs. It has all that a test with the fixture
    ``vm_factory`` has: markers, a time limit, findings and warnings, sections in its report.

    A class of its own says in ``runtest`` what is tested, and makes VMs by ``make_vm``.
    """

    uses_vm = True
    """Tells the plugin what it is."""

    make_vm: VmFactory
    """Makes VMs while the test runs; all are closed when it ends."""

    def vm_sources(self) -> tuple[Source, ...]:
        """What the test says of its VMs, the weightiest first; nothing by default."""
        return ()

    def permission(self, kinds: Iterable[FindingKind]) -> str:
        """What its author can write so that some kinds of findings are not told."""
        from .findings import permission

        return permission(kinds)

    def silence(self, rules: Sequence[str]) -> str:  # noqa: ARG002
        """What its author can write so that differences between the rule sets are not told.

        Args:
            rules: the rules that differ.
        """
        from .rule_differences import SILENCE

        return SILENCE

    def setup(self) -> None:
        """Be ready to make VMs."""
        self.stash[MACHINES] = []
        self._closing = contextlib.ExitStack()
        self.make_vm = self._closing.enter_context(vms_of(self, *self.vm_sources()))

    def teardown(self) -> None:
        """Close all VMs."""
        self._closing.close()
