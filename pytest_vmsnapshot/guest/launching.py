"""A launch as an agent is told of it: a request, and descriptors."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from ..faults import ScriptFault
from ..protocols import Launch
from . import wire


def request_of(launch: Launch) -> dict[str, Any]:
    """The program of a launch, as an agent is told of it."""
    return {
        "argv": launch.argv,
        "env": dict(launch.env),
        "cwd": launch.cwd,
        "umask": launch.umask,
        "real_time": launch.real_time,
        "drained": True,
        "label": launch.label,
        "descriptors": [number for number, _ in launch.descriptors],
        "script": launch.script,
        "fault": None if launch.fault is None else script_fault(launch.fault),
    }


def script_fault(fault: ScriptFault) -> dict[str, Any]:
    """A fault of a script, as an agent is told of it."""
    return {**dataclasses.asdict(fault), "ends_it": fault.ends_it}


@contextlib.contextmanager
def descriptors_of(launch: Launch) -> Iterator[tuple[list[int], int | None]]:
    """What a program reads and what else it inherits, as descriptors to be sent, and the end of a
    pipe that is held open.
    """
    others = [fd for _, fd in launch.descriptors]
    with contextlib.ExitStack() as stack:
        if launch.stdin is None:
            reading, writing = os.pipe2(os.O_CLOEXEC)
            stack.callback(os.close, reading)
            stack.callback(os.close, writing)
            yield [reading, *others], writing
        elif launch.stdin:
            yield [stack.enter_context(wire.memory_file(launch.stdin)), *others], None
        else:
            yield others, None
