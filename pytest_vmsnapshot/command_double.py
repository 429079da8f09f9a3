"""Command doubles as a test sees them: what it asks for, checked, and what it gets."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from .backup import Event, EventKind
from .doubles import Asked, Call, Client, Happened, Reply, mistakes_of
from .errors import UsageError
from .explain import command

PLACE = "/usr/local/sbin"
"""Where a double lies that was asked for by a bare name: first on the PATH of the scripts."""

Answer = Callable[[Call], Reply | None]
"""A function of the test that is asked at each call; None is a reply that says nothing."""

MakeClient = Callable[[Call], Client]
"""A function of the test, or a class, that makes what answers for one client."""


class DoublingGuest(Protocol):
    """A guest that can stand in for commands."""

    def add_double(
        self, spec: dict[str, Any], answer: Callable[[Asked], dict[str, Any]] | None
    ) -> int:
        """Put a command double in place; returns its number."""
        ...

    def double_calls(self, number: int) -> list[Call]:
        """All calls of a command double, in order."""
        ...


class CommandDouble:
    """A stand-in for a command, which records how it is called. Only a VM makes one.

    Args:
        guest: where it lies.
        number: of it.
        path: where it lies.
        optional: whether it need not be called.
    """

    def __init__(
        self, guest: DoublingGuest, number: int, path: str, *, optional: bool = False
    ) -> None:
        self._guest = guest
        self._number = number
        self.path = path
        """Where it lies on the VM."""
        self.optional = optional
        """Whether it need not be called."""

    def __repr__(self) -> str:
        return f"<CommandDouble {self.path}>"

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls so far, in order, those of background processes included."""
        return tuple(self._guest.double_calls(self._number))

    @property
    def open_calls(self) -> tuple[Call, ...]:
        """Calls that have not ended: clients that still hold something."""
        return tuple(call for call in self.calls if call.ended is None)


def specification(
    name: object,
    usual: object,
    replies: Sequence[object] | None,
    patterns: Mapping[str, object] | None,
    answer: object,
    client: object,
    *,
    reads_stdin: bool,
    only_expected: bool,
) -> dict[str, Any]:
    """What a guest is told of a double.

    Args:
        name: a bare name, or an absolute path on the VM.
        usual: what it does where nothing else is said.
        replies: what it does at its first call, its second, and so on; or None.
        patterns: replies for calls whose arguments match a pattern.
        answer: a function that is asked instead.
        client: a function that makes what answers for a client instead.
        reads_stdin: whether it reads its standard input to the end first.
        only_expected: whether calls without a pattern or a reply of their own are refused.

    Raises:
        UsageError: an argument cannot be meant; all mistakes are named.
    """
    __tracebackhide__ = True
    mistakes: list[str] = []
    usable = isinstance(name, str) and bool(name) and "\0" not in name
    if not usable or ("/" in str(name) and not str(name).startswith("/")):
        mistakes.append(f"the command is {name!r}; write a bare name, or an absolute path")
    found = dict(patterns or {})
    if replies is not None and not replies:
        mistakes.append("replies is empty; write a list of Reply")
    asked = "client" if client is not None else "answer"
    if only_expected and (answer is not None or client is not None):
        mistakes.append(
            f"{asked} is asked at every call, so none is unexpected; raise there instead"
        )
    elif only_expected and replies is None and not found:
        mistakes.append(
            "only_expected is true, but no call is expected; write which are: patterns={...}, or "
            "replies=[...]"
        )
    in_turn = list(replies or ())
    for reply in (usual, *in_turn, *found.values()):
        mistakes += _mistakes(reply)
    if answer is not None and not callable(answer):
        mistakes.append(f"answer is {answer!r}; write a function that takes a Call")
    if client is not None and not callable(client):
        mistakes.append(f"client is {client!r}; write a function that takes a Call")
    if client is not None and (answer is not None or reads_stdin):
        mistakes.append("client answers by itself; leave answer and reads_stdin out")
    if mistakes:
        raise UsageError(mistakes)
    if replies is None and not only_expected:
        in_turn = [usual]
    path = str(name)
    absolute = path.startswith("/")
    return {
        "path": posixpath.normpath(path) if absolute else f"{PLACE}/{path}",
        "absolute": absolute,
        "replies": [plain(reply) for reply in in_turn if isinstance(reply, Reply)],
        "patterns": [
            [text, plain(reply)] for text, reply in found.items() if isinstance(reply, Reply)
        ],
        "asks": answer is not None,
        "reads_stdin": reads_stdin,
        "talks": client is not None,
        "only_expected": only_expected,
    }


def _mistakes(reply: object) -> list[str]:
    if isinstance(reply, Reply):
        return mistakes_of(reply)
    return [f"{reply!r} is no reply; write Reply(...)"]


def plain(reply: Reply) -> dict[str, Any]:
    """A reply as a request has it."""
    return {
        "stdout": _text(reply.stdout),
        "stderr": _text(reply.stderr),
        "exit_status": reply.exit_status,
        "signal": reply.signal,
        "delay": reply.delay,
        "passthrough": reply.passthrough,
        "goes_on": reply.goes_on,
    }


def _text(value: str | bytes) -> str:
    content = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return content.decode("latin-1")


def asking(answer: Answer) -> Callable[[Asked], dict[str, Any]]:
    """A function of the test, as a guest asks it."""

    def ask(asked: Asked) -> dict[str, Any]:
        return _answered(asked.call, answer(asked.call) or Reply())

    return ask


def talking(make: MakeClient) -> Callable[[Asked], dict[str, Any]]:
    """A function of the test that makes clients, as a guest asks it."""
    clients: dict[int, Client] = {}

    def ask(asked: Asked) -> dict[str, Any]:
        if asked.happened is Happened.GONE:
            if (gone := clients.pop(asked.key, None)) is not None:  # it could be made
                gone.gone(asked.at)
            return {}
        if asked.key not in clients:
            clients[asked.key] = make(asked.call)
        client = clients[asked.key]
        reply: Reply | None = None
        match asked.happened:
            case Happened.CALLED:
                reply = client.called()
            case Happened.TOLD:
                reply = client.told(asked.text, asked.at)
            case Happened.INPUT_ENDED:
                reply = client.input_ended(asked.at) or Reply()
                if isinstance(reply, Reply):  # nothing more can come
                    reply = replace(reply, goes_on=False)
        return _answered(asked.call, Reply(goes_on=True) if reply is None else reply)

    return ask


def _answered(call: Call, reply: object) -> dict[str, Any]:
    """What a test answered, as a guest is told.

    Raises:
        UsageError: it is no reply.
    """
    if mistakes := _mistakes(reply):
        raise UsageError([f"the answer to {command(call.argv)}: {text}" for text in mistakes])
    assert isinstance(reply, Reply)
    return plain(reply)


def with_calls(events: Sequence[Event], calls: Sequence[Call], began: float) -> tuple[Event, ...]:
    """A timeline with the calls that were made meanwhile.

    Args:
        events: of a backup.
        calls: of all doubles.
        began: second of the VM's clock at which the backup began.
    """
    found = list(events)
    for call in calls:
        at = call.started - began
        before = [event for event in events if event.at <= at]
        if at >= 0 and before:
            told = "" if call.exit_status is None else f" → {call.exit_status}"
            told = f"{told} (unexpected)" if call.unexpected else told
            told = " (still running)" if call.ended is None else told
            words = (posixpath.basename(call.argv[0]), *call.args)
            until = None if call.ended is None else call.ended - began
            text = f"  {command(words)}{told}"
            found.append(Event(at, before[-1].step, text, EventKind.CALL, until))
    return tuple(sorted(found, key=lambda event: event.at))
