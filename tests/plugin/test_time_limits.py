"""The time limit a test gets from its config, and what is left when it is reached."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SHOW = """
import pytest

@pytest.fixture(autouse=True)
def show(request):
    yield
    print("limit", [mark.args for mark in request.node.iter_markers("timeout")])
"""


def limits(pytester: pytest.Pytester, *arguments: str) -> list[str]:
    result = pytester.runpytest_subprocess("-s", "-p", "no:randomly", *arguments)
    return [line.split("limit ")[1] for line in result.outlines if "limit [" in line]


def test_only_tests_with_a_vm_get_one(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(SHOW)
    pytester.makepyfile(
        """
        import pytest

        def test_a(vm): pass
        def test_b(): pass
        @pytest.mark.timeout(5)
        def test_c(vm): pass
        """
    )
    assert limits(pytester) == ["[(150.0,)]", "[]", "[(5,)]"]
    assert limits(pytester, "--timeout=9") == ["[]", "[]", "[(5,)]"]
    assert limits(pytester, "-o", "timeout=9") == ["[]", "[]", "[(5,)]"]


def test_it_grows_with_the_config(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_timeout_set_timer(item, settings):
            print("timer", settings.timeout)
        """
    )
    pytester.makepyfile(
        """
        import pytest

        def test_ours(vm):
            for seconds in (100, 10):
                vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n", timeout=seconds)
                vm.backup()

        @pytest.mark.timeout(50)
        def test_own(vm):
            vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n", timeout=100)
            vm.backup()
        """
    )
    result = pytester.runpytest_subprocess("-s", "-p", "no:randomly")
    timers = [line.split("timer ")[1] for line in result.outlines if "timer " in line]
    assert timers == ["150.0", "290.0", "110.0", "50.0"]


def test_without_the_timeout_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(vm):
            vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
            vm.backup().assert_application_consistent()
        """
    )
    pytester.runpytest_subprocess("-p", "no:timeout").assert_outcomes(passed=1)


HANGING = """
import pytest

WAITS = "#!/bin/sh\\nsetsid sleep 1000.{token} &\\n{waiting}\\n"

@pytest.mark.timeout(1, method={method!r})
@pytest.mark.vm(clock={clock!r})
def test_hanging(vm):
    vm.install(pre=WAITS, post="#!/bin/sh\\n")
    vm.backup()

def test_after(vm):
    vm.install(pre="#!/bin/sh\\n", post="#!/bin/sh\\n")
    vm.backup().assert_application_consistent()
"""


CLOCKS = pytest.mark.parametrize(
    ("clock", "waiting"),
    [("real", "sleep 2000.{token}"), ("virtual", "sh -c 'while :; do :; done' .{token}")],
)
"""A virtual clock skips what sleeps: only what computes can hang."""


def hanging(method: str, clock: str, waiting: str, token: str) -> str:
    waiting = waiting.format(token=token)
    return HANGING.format(method=method, clock=clock, waiting=waiting, token=token)


def alive(token: str) -> list[str]:
    listing = subprocess.run(
        ["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listing.splitlines() if f".{token}" in line]


@pytest.fixture
def token(request: pytest.FixtureRequest) -> str:
    return str(abs(hash((request.node.nodeid, id(request)))) % 10**9)


@CLOCKS
def test_signal_method_leaves_nothing_and_goes_on(
    pytester: pytest.Pytester, token: str, clock: str, waiting: str
) -> None:
    pytester.makepyfile(hanging("signal", clock, waiting, token))
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*Failed: Timeout (>1.0s) from pytest-timeout."])
    assert alive(token) == []


@CLOCKS
def test_thread_method_leaves_nothing(
    pytester: pytest.Pytester, token: str, clock: str, waiting: str
) -> None:
    pytester.makepyfile(hanging("thread", clock, waiting, token))
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    assert result.ret == 1
    assert _soon(lambda: alive(token) == [])


def test_ctrl_c_leaves_nothing(pytester: pytest.Pytester, token: str) -> None:
    pytester.makepyfile(
        f"""
        def test_it(vm):
            vm.install(pre="#!/bin/sh\\nsetsid sleep 1000.{token} &\\n", post="#!/bin/sh\\n")
            vm.backup()
            print("waiting", flush=True)
            vm.run("sleep 2000.{token}", timeout=3000, clock="real")
        """
    )
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "waiting" in line:
                break
        assert alive(token)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == pytest.ExitCode.INTERRUPTED, rest
    assert "KeyboardInterrupt" in rest
    assert alive(token) == []


def _soon(condition: object) -> bool:
    """Whether something the kernel does on its own comes true: bounded by a few looks."""
    assert callable(condition)
    return any(condition() for _ in range(200))
