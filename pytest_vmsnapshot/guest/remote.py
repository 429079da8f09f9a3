"""A guest whose processes are served by an agent: one request, one answer."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..clock import RealClock
from ..errors import GuestDied
from ..findings import LeftProcess
from ..frozen_mounts import Crash, FrozenMounts
from ..output import UNREAD_CAPACITY
from ..protocols import (
    Execution,
    FileFacts,
    FileKind,
    Launch,
    LayerCopy,
    NotStarted,
    PointFiles,
    Process,
)
from . import wire
from .dialogue import raise_if_crashed
from .launching import descriptors_of, request_of
from .left_alone import LeftAlone
from .pipes import Pipes
from .point_reader import PointReader
from .session import Session, VmSpec
from .volume_dialogue import VolumeDialogue, as_storage_failure

_NO_DESCRIPTORS = (
    "the VM has run out of descriptors: each process that a script leaves behind with its output "
    "open keeps one; end them in the post-script, or take a new VM"
)

IN_PLACE = (
    "the VM is this machine: network, processes and disks are shared with it, and what scripts "
    "change by themselves is not undone"
)
"""What a result says of the in-place guest."""


@dataclass(frozen=True, slots=True)
class _ModelledOwner:
    """An owner that could not be set, kept for the precheck as long as the file is the same."""

    owner: str
    inode: int
    device: int


class RemoteGuest(VolumeDialogue):
    """A VM in namespaces of its own, or in place.

    Args:
        session: what makes VMs.
        spec: what this one is like.
        clock: the VM's clock.
    """

    runs_programs = True

    def __init__(self, session: Session, spec: VmSpec, clock: RealClock) -> None:
        self._session = session
        self._spec = spec
        super().__init__(session.create(spec), clock)
        self._modelled_owners: dict[str, _ModelledOwner] = {}
        self._spoiled_owners: dict[str, str] = {}
        self._looking: list[PointReader] = []
        self._volumes = list(spec.volumes)
        self._missed: tuple[str, ...] = ()
        self._points: list[PointReader] = []
        self._in_place: tuple[str, ...] = ()
        self._remarks: tuple[str, ...] = ()
        self._left_alone: list[LeftAlone] = []
        self._begins = False
        self._empty = True
        clock.let_pass_by(self._let_pass)
        if session.privilege == "in-place":
            self._in_place = (IN_PLACE,)

    @property
    def name(self) -> str:
        """What it is, for headers and results."""
        if self._session.privilege == "in-place":
            return "in-place"
        return f"namespaces ({self._session.privilege})"

    def modelled(self) -> tuple[str, ...]:
        """Owners that could not be set, mounts that are not copied, what in place means, and where
        the clock was not the VM's.
        """
        owners = tuple(
            f"the owner {modelled.owner!r} of {path} is modelled: without subordinate ids "
            "it belongs to root on the VM"
            for path, modelled in self._modelled_owners.items()
        )
        mounted = tuple(
            f"the recovery point has nothing of {path}: a script mounted something there"
            for path in self._missed
        )
        volumes = self._modelled_volumes(self._spec.storage, in_place=bool(self._in_place))
        return (*self._in_place, *owners, *volumes, *mounted, *self._remarks)

    def close(self, *, wait: bool = True) -> None:
        """End the VM.

        Args:
            wait: whether no process, mount or file of it may be left when this returns. Otherwise
                it dies while the caller goes on.
        """
        for point in self._points:
            point.close()
        for program in self._left_alone:
            program.collect()
        handle, self._handle = self._handle, None
        if handle is not None:
            self._session.destroy(handle, wait=wait)

    # -- files -----------------------------------------------------------------------------

    def examine(self, paths: Sequence[str], read_limit: int) -> tuple[FileFacts, ...]:
        """State the facts of paths and read up to ``read_limit`` bytes of each regular file."""
        answer = self._ask({"op": "examine", "paths": list(paths), "read_limit": read_limit})
        return tuple(
            self._facts(path, row) for path, row in zip(paths, answer.body["facts"], strict=True)
        )

    def _facts(self, path: str, row: dict[str, Any]) -> FileFacts:
        content = row.get("content")
        modelled = self._modelled_owners.get(path)
        owner = row.get("owner", "")
        if modelled and (modelled.inode, modelled.device) == (row.get("inode"), row.get("device")):
            owner = modelled.owner
            row["uid"] = None
        return FileFacts(
            path,
            FileKind(row["kind"]),
            mode=row.get("mode", 0),
            owner=owner,
            uid=row.get("uid"),
            content=None if content is None else content.encode("latin-1"),
            error=row.get("error", 0),
            dangling=row.get("dangling", False),
        )

    def install(self, path: str, content: bytes | int, mode: int, owner: str) -> None:
        """Put a file in place, parents included.

        Args:
            path: absolute path.
            content: its bytes, or a descriptor of a local file to copy.
            mode: permission bits.
            owner: name or number.

        Raises:
            OSError: it cannot be put there.
        """
        request = {"op": "install", "path": path, "mode": mode, "owner": owner}
        with contextlib.ExitStack() as stack:
            if isinstance(content, bytes):
                content = stack.enter_context(wire.memory_file(content))
            self._note_owner(path, owner, self._ask(request, [content]).body)

    def make_directory(self, path: str, mode: int, owner: str) -> None:
        """Make a directory and its parents."""
        request = {"op": "make_directory", "path": path, "mode": mode, "owner": owner}
        self._note_owner(path, owner, self._ask(request).body)

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all in it."""
        self._ask({"op": "remove", "path": path})

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            OSError: as for a local file.
        """
        answer = self._ask({"op": "read", "path": path})
        with open(answer.take(), "rb") as file:
            return file.read()

    def walk(self, path: str) -> list[str]:
        """Every path below a directory, sorted."""
        paths: list[str] = self._ask({"op": "walk", "path": path}).body["paths"]
        return paths

    def spoil(
        self,
        path: str,
        place: str,
        content: bytes | None,
        mode: int | None,
        owner: str | None,
    ) -> dict[str, Any]:
        """Let a file be other than it should until ``relieve``; states its facts."""
        answer = super().spoil(path, place, content, mode, owner)
        kept = self._modelled_owners.get(path)
        if owner is not None:
            self._note_owner(path, owner, answer)
        elif kept is not None and not place:
            self._note_owner(path, kept.owner, {**answer, "owner_refused": True})
        if kept is not None:
            self._spoiled_owners[path] = kept.owner
        elif owner is not None:
            self._spoiled_owners.setdefault(path, "")
        return answer

    def relieve(self) -> dict[str, Any]:
        """Let everything be as before; owners that are modelled are those of before, too."""
        answer = super().relieve()
        for row in answer["mended"]:
            path = row["path"]
            if path in self._spoiled_owners:
                owner = self._spoiled_owners.pop(path)
                self._note_owner(path, owner, {**row, "owner_refused": bool(owner)})
        for row in answer["hits"]:
            row["at"] = self._clock.from_guest(row["at"])
        return answer

    def _note_owner(self, path: str, owner: str, answer: dict[str, Any]) -> None:
        self._modelled_owners.pop(path, None)
        if answer["owner_refused"]:
            kept = _ModelledOwner(owner, answer["inode"], answer["device"])
            self._modelled_owners[path] = kept

    # -- processes -------------------------------------------------------------------------

    def execute(self, launch: Launch, deadline: float | None) -> Execution:
        """Run a program until it ends or the deadline is reached, draining both its pipes."""
        handle = self._usable()
        request = self._launching(launch, "start")
        request["deadline"] = self._guest_time(deadline)
        began = self._clock.now()
        with contextlib.closing(Pipes()) as pipes:
            with descriptors_of(launch) as (inherited, _), self._in_dialogue():
                wire.send(handle.sock, request, [*pipes.writing, *inherited])
                pipes.close_writing()
                self._take_owed()
                answer = pipes.drain_until_answer(handle.sock, self._hear).body
            if left := pipes.finish():
                self._ask({"op": "adopt"}, left)
            output, error_output = pipes.outputs()
        self._take_time(answer)
        if "error" in answer:
            now = self._clock.now()
            if answer["error"] in (errno.EMFILE, errno.ENFILE):
                raise GuestDied(_NO_DESCRIPTORS)
            where = answer["path"]
            text = answer["text"] if where in ("", launch.argv[0]) else f"{answer['text']}: {where}"
            return Execution(began, now, launch_errno=answer["error"], launch_text=text)
        return Execution(
            started=self._clock.from_guest(answer["started"]),
            ended=self._clock.from_guest(answer["ended"]),
            exit_status=answer["exit_status"],
            signal=answer["signal"],
            timed_out=answer["timed_out"],
            output=output,
            error_output=error_output,
            waiting_in=tuple(answer["waiting_in"]),
            stopped_processes=answer["killed"],
        )

    def start(self, launch: Launch, deadline: float) -> LeftAlone:  # noqa: ARG002
        """Start a program that nobody stops, and whose output nobody reads.

        Args:
            launch: the program.
            deadline: of no account here: it runs on.

        Raises:
            NotStarted: it could not be started.
        """
        request = {**self._launching(launch, "leave_alone"), "drained": False}
        self._empty = False
        with contextlib.ExitStack() as stack:
            pipes = Pipes(UNREAD_CAPACITY)
            stack.callback(pipes.close)
            with descriptors_of(launch) as (inherited, held):
                try:
                    answer = self._ask(request, [*pipes.writing, *inherited]).body
                except OSError as error:
                    text = error.strerror or str(error)
                    text = f"{text}: {error.filename}" if error.filename else text
                    raise NotStarted(error.errno or 0, text) from error
                pipes.close_writing()
                stack.pop_all()
                own = None if held is None else os.dup(held)
        started = self._clock.from_guest(answer["started"])
        program = LeftAlone(answer["pid"], started, pipes, own)
        self._left_alone.append(program)
        return program

    def watch(self, processes: Sequence[Process], until: float) -> None:
        """Let time pass until all of some processes have ended, or until a moment."""
        numbers = [
            program.pid
            for program in self._left_alone
            if program in processes and program.execution is None
        ]
        if numbers:
            self._let_pass(until, numbers)

    # -- what is left ------------------------------------------------------------------------

    def backup_begins(self) -> None:
        """What is there when the next script is started is not of the scripts."""
        self._begins = True

    def left_behind(self, until: float) -> list[LeftProcess]:
        """What scripts have left running; if anything is, it has time to end.

        Args:
            until: second of the VM's clock up to which that is waited for.
        """
        if self._begins or self._empty:  # no script was started, or nobody is left at all
            return []
        answer = self._ask({"op": "left_behind", "until": self._guest_time(until)}).body
        self._take_time(answer)
        return [LeftProcess(row["pid"], row["command"], row["made_by"]) for row in answer["left"]]

    def _launching(self, launch: Launch, operation: str) -> dict[str, Any]:
        begins = self._begins and bool(launch.label)
        self._begins = self._begins and not begins
        return {**request_of(launch), "op": operation, "begins": begins}

    # -- pause and copy --------------------------------------------------------------------

    def pause(self, deadline: float | None) -> Sequence[str]:
        """Stop every process at one instant; returns the commands that could not be stopped."""
        with as_storage_failure("the processes could not be paused"):
            request = {"op": "pause", "deadline": self._guest_time(deadline)}
            unpaused: list[str] = self._ask(request).body["unpaused"]
            return unpaused

    def resume(self, frozen: FrozenMounts | None = None) -> None:
        """Let every process go on; what was frozen is on the disk."""
        self._tell({"op": "resume", "frozen": _row_of(frozen)})

    def copy_layer(
        self, name: str, deadline: float | None, crash: Crash | None = None
    ) -> LayerCopy:
        """Copy the private layer, as it is or as a crash would leave it."""
        with as_storage_failure("the copy could not be made"):
            request = {
                "op": "copy_layer",
                "name": name,
                "seed": "" if crash is None else crash.seed,
                "frozen": _row_of(None if crash is None else crash.frozen),
                "deadline": self._guest_time(deadline),
            }
            body = self._ask(request).body
            if covered := body.get("covered"):
                self._in_place = (IN_PLACE, f"the recovery point holds only {', '.join(covered)}")
            self._missed = tuple(body.get("missed", ()))
            lost, unseen = tuple(body.get("lost", ())), body.get("unseen", "")
            return LayerCopy(body["files"], body["bytes"], lost, unseen)

    def open_point(self, name: str) -> PointFiles:
        """Access to a copy's files."""
        layer = f"{self._usable().number}/{name}"
        volumes = tuple(self._volumes)
        spec = replace(self._spec, layer=layer, booted=False, volumes=volumes, clock=None)
        reader = PointReader(
            lambda: RemoteGuest(self._session, spec, RealClock()),
            self._looking,
            spec,
            lambda: self._ask({"op": "complete"}),
        )
        self._points.append(reader)
        return reader

    def _let_pass(self, moment: float, programs: Sequence[int] = ()) -> None:
        """Let time pass until a second of the clock, or until all of some programs have ended."""
        request = {"op": "wait", "until": self._guest_time(moment), "programs": programs}
        answer = self._ask(request).body
        self._take_time(answer)
        for row in answer["ended"]:
            for program in self._left_alone:
                if program.pid == row["pid"] and program.execution is None:
                    program.has_ended(row["code"], self._clock.from_guest(row["ended"]))

    def _take_time(self, answer: dict[str, Any]) -> None:
        """Take in how far the VM's clock has come, and what is to be said of it."""
        raise_if_crashed(answer)
        self._raise_failure()
        if "ahead" in answer:
            self._clock.set_ahead(answer["ahead"])
            self._remarks = tuple(answer["remarks"])
            self._empty = answer["empty"]


def _row_of(frozen: FrozenMounts | None) -> list[tuple[str, ...]] | None:
    return None if frozen is None else [frozen.mounts, frozen.others]
