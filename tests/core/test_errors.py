from __future__ import annotations

import copy
import pickle

import pytest

from pytest_vmsnapshot.errors import (
    CommandFailed,
    CommandTimeout,
    GuestDied,
    GuestUnavailable,
    HarnessError,
    UsageError,
)


def test_one_mistake_is_the_message() -> None:
    error = UsageError(["write this"])
    assert str(error) == "write this"
    assert error.mistakes == ("write this",)


def test_several_mistakes_are_a_list() -> None:
    error = UsageError(text for text in ("write this", "and this"))
    assert str(error) == "2 mistakes:\n  - write this\n  - and this"
    assert error.mistakes == ("write this", "and this")


def test_a_string_is_one_mistake() -> None:
    assert UsageError("write this").mistakes == ("write this",)


def test_a_command_that_took_too_long() -> None:
    error = CommandTimeout(("/bin/sh", "-c", "sleep 9"), 2.5, "out", "err")
    assert str(error) == (
        "the command '/bin/sh -c sleep 9' did not end within 2.5 s and was killed; give it more "
        "time with run(..., timeout=SECONDS)"
    )
    assert (error.argv, error.timeout) == (("/bin/sh", "-c", "sleep 9"), 2.5)
    assert (error.stdout, error.stderr) == ("out", "err")


@pytest.mark.parametrize(
    ("stdout", "stderr", "shown"),
    [
        ("out\n", "err\n", "err"),
        ("out\n", " \n", "out"),
        ("", "", "(it printed nothing)"),
        ("", "one\ntwo\x1b[31m\r\n", "one\ntwo\\x1b[31m"),
        ("x" * 5_000, "", f"{'x' * 250} [1500 characters not shown] {'x' * 250}"),
    ],
)
def test_a_command_that_failed(stdout: str, stderr: str, shown: str) -> None:
    error = CommandFailed(("/bin/false",), "ended with exit status 1", stdout, stderr)
    assert str(error) == f"the command '/bin/false' ended with exit status 1: {shown}"
    assert (error.argv, error.ending) == (("/bin/false",), "ended with exit status 1")
    assert (error.stdout, error.stderr) == (stdout, stderr)


ERRORS = [
    UsageError(["one"]),
    UsageError(["one", "two"]),
    CommandTimeout(("/a", "b"), 1.0, "out", "err"),
    CommandFailed(("/a", "b"), "was killed by SIGKILL (9)", "out", "err"),
    GuestDied("it ended"),
    GuestUnavailable("there is none"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_can_be_sent_to_another_process(error: HarnessError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_one_base() -> None:
    assert all(isinstance(error, HarnessError) for error in ERRORS)
    assert issubclass(HarnessError, Exception)
