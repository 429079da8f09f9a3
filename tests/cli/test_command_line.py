"""What all commands have in common: help, mistakes, exit statuses, colours, completion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import click
import pytest

from pytest_vmsnapshot.cli.main import COMMANDS, main
from pytest_vmsnapshot.cli.main import vmsnapshot as group

from .conftest import Command

ALL = [(), *((name,) for name in COMMANDS)]


def program(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest_vmsnapshot", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", ALL, ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(vmsnapshot: Command, words: tuple[str, ...], option: str) -> None:
    done = vmsnapshot(*words, option)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: {' '.join(('vmsnapshot', *words))} ")
    assert "Exit status:" in done.out
    assert "Examples:" in done.out or not words


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_each_command_and_option_has_its_line_of_help(words: tuple[str, ...]) -> None:
    command: click.Command = group
    context = click.Context(group)
    if words:
        found = group.get_command(context, words[0])
        assert found is not None
        command = found
        assert found.name == words[0]
        assert found.short_help
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_without_a_command_there_is_help(vmsnapshot: Command) -> None:
    done = vmsnapshot()
    assert done.status == 2
    assert all(f"\n  {name} " in done.out for name in COMMANDS)


def test_version(vmsnapshot: Command) -> None:
    done = vmsnapshot("--version")
    assert (done.status, done.out) == (0, f"vmsnapshot {version('pytest-vmsnapshot')}\n")


def test_the_script_and_the_module_are_the_same() -> None:
    (script,) = entry_points(group="console_scripts", name="vmsnapshot")
    assert script.load() is main
    done = program("explain", "nonsense")
    assert done.returncode == 2
    assert done.stderr.startswith("python -m pytest_vmsnapshot explain: nothing is known of ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["exlpain"],
            "vmsnapshot: there is no command 'exlpain'; is 'explain' meant? There is: "
            f"{', '.join(COMMANDS)}\nvmsnapshot --help tells what can be written\n",
        ),
        (
            ["--colour"],
            "vmsnapshot: there is no option --colour; is --color meant?\n"
            "vmsnapshot --help tells what can be written\n",
        ),
        (
            ["explain", "300", "--jsn"],
            "vmsnapshot explain: there is no option --jsn; is --json meant?\n"
            "vmsnapshot explain --help tells what can be written\n",
        ),
        (
            ["explain", "--wholly"],
            "vmsnapshot explain: there is no option --wholly\n"
            "vmsnapshot explain --help tells what can be written\n",
        ),
    ],
)
def test_mistakes(vmsnapshot: Command, words: list[str], expected: str) -> None:
    done = vmsnapshot(*words)
    assert (done.status, done.out, done.err) == (2, "", expected)


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ([], {}, False),  # no terminal
        (["--color=always"], {}, True),
        (["--color=always"], {"NO_COLOR": "1"}, True),
        (["--color=never"], {}, False),
    ],
)
def test_colours(options: list[str], environment: dict[str, str], *, coloured: bool) -> None:
    done = program(*options, "explain", "300", **environment)
    assert done.returncode == 0
    assert ("\x1b[" in done.stdout) is coloured


def on_a_terminal(columns: int, *words: str, **environment: str) -> str:
    """What a command shows on a terminal."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_vmsnapshot", *words],
        env={**os.environ, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # EIO: the last one at the other end has gone
                break
            if not part:
                break
            shown += part
        os.close(ours)
    assert process.returncode == 0
    return shown.decode("utf-8").replace("\r\n", "\n")


def test_colours_on_a_terminal() -> None:
    assert "\x1b[1m" in on_a_terminal(80, "explain", "300")
    assert "\x1b[" not in on_a_terminal(80, "explain", "300", NO_COLOR="1")


@pytest.mark.parametrize("columns", [40, 80])
def test_narrow_terminals(columns: int) -> None:
    shown = on_a_terminal(columns, "explain", "sessions", NO_COLOR="1")
    prose, _, _ = shown.partition("  a test that meets it:")
    assert max(len(line) for line in prose.splitlines()) <= columns


def test_a_reader_that_has_enough() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "pytest_vmsnapshot", "explain", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


# -- completion ------------------------------------------------------------------------------------


def completed(*words: str) -> list[str]:
    """What a shell would offer for the last word."""
    done = program(
        _VMSNAPSHOT_COMPLETE="zsh_complete",
        COMP_WORDS=" ".join(("vmsnapshot", *words)),
        COMP_CWORD=str(len(words)),
    )
    assert done.stderr == ""
    return done.stdout.splitlines()[1::3]


def test_completion_of_commands() -> None:
    assert completed("ex") == ["explain"]


def test_completion_of_errors() -> None:
    assert "Pre-ScriptTimeout" in completed("explain", "Pre-")
    assert completed("explain", "prescriptt") == ["Pre-ScriptTimeout"]
    assert completed("explain", "317") == ["317"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "--shell", "de"], ["debian"]),
        (["run", "--expect", "Pre-ScriptT"], ["Pre-ScriptTimeout"]),
        (["run", "--allow", "se"], ["sessions"]),
        (["run", "--gu"], ["--guest"]),
        (["check", "--only", "held"], ["held-at-snapshot"]),
        (["check", "--skip", "lint[VMS015"], ["lint[VMS015]"]),
        (["explain", "vms015"], ["VMS015"]),
        (["init", "backup", "--app", "post"], ["postgresql"]),
    ],
)
def test_completion_of_values(words: list[str], expected: list[str]) -> None:
    assert completed(*words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    done = program(_VMSNAPSHOT_COMPLETE=f"{shell}_source")
    assert "_VMSNAPSHOT_COMPLETE" in done.stdout


def test_completion_in_bash() -> None:
    """As the page says, in a real shell."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    script = (
        'eval "$(_VMSNAPSHOT_COMPLETE=bash_source vmsnapshot)"\n'
        "COMP_WORDS=(vmsnapshot run --shell deb); COMP_CWORD=3\n"
        '_vmsnapshot_completion vmsnapshot\necho "${COMPREPLY[@]}"\n'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("debian\n", "")


# -- cost ------------------------------------------------------------------------------------------


def test_help_loads_neither_pytest_nor_the_engine() -> None:
    code = (
        "import json, sys\nfrom pytest_vmsnapshot.cli.main import main\nmain(['--help'])\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint({"pytest", "_pytest", "pytest_vmsnapshot.engine", "subprocess"})
