"""What the harness tells a VM's agent about faults."""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
from typing import Any

from ..faults import CommandFault
from . import wire
from .dialogue import Dialogue


class FaultDialogue(Dialogue):
    """A dialogue in which faults can be asked for."""

    def spoil(
        self,
        path: str,
        place: str,
        content: bytes | None,
        mode: int | None,
        owner: str | None,
    ) -> dict[str, Any]:
        """Let a file be other than it should until ``relieve``; states its facts.

        Args:
            path: absolute.
            place: what lies there instead of a file, or empty.
            content: what it holds instead, or None.
            mode: permission bits it has instead, or None.
            owner: who owns it instead, or None.

        Raises:
            OSError: it cannot be done.
        """
        request = {"op": "spoil", "path": path, "place": place, "mode": mode, "owner": owner}
        with contextlib.ExitStack() as stack:
            files = [] if content is None else [stack.enter_context(wire.memory_file(content))]
            facts: dict[str, Any] = self._ask(request, files).body["facts"]
            return facts

    def afflict(self, name: str, fault: CommandFault) -> None:
        """Let a command go wrong until ``relieve``.

        Args:
            name: a bare name, or an absolute path.
            fault: what happens.

        Raises:
            OSError: no stand-in can be put there.
        """
        plain = {**dataclasses.asdict(fault), "ends_it": fault.ends_it}
        place = posixpath.normpath(name) if name.startswith("/") else name
        self._ask({"op": "afflict", "name": place, "fault": plain})

    def restrict(self, *, disk_full: bool, read_only: tuple[str, ...]) -> None:
        """Let nothing more be written until ``relieve``.

        Args:
            disk_full: to the whole disk.
            read_only: to these directories.

        Raises:
            OSError: it cannot be done.
        """
        self._ask({"op": "restrict", "disk_full": disk_full, "read_only": read_only})

    def set_clock(self, by: float) -> None:
        """Set the VM's wall clock.

        Args:
            by: seconds forward, or back where it is negative.

        Raises:
            OSError: it cannot be set.
        """
        self._ask({"op": "set_clock", "by": by})

    def relieve(self) -> dict[str, Any]:
        """Let everything be as before.

        Returns:
            Which faults have happened (``hits``), and how many programs each script has executed
            whose programs were counted (``counts``).
        """
        return self._ask({"op": "relieve"}).body
