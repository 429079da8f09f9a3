"""``vmsnapshot``: the group of commands, the options of all, and how a run ends."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import click

from ..errors import HarnessError
from . import mistakes

PROGRAM: Final = "vmsnapshot"

COMPLETE: Final = "_VMSNAPSHOT_COMPLETE"
"""The variable by which shells ask for completions."""

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "init": "init_project",
        "check": "check_configs",
        "run": "run_backup",
        "reproduce": "reproduce",
        "explain": "explain_error",
        "doctor": "doctor",
    }
)
"""Commands in the order of the help, and the module of this package whose ``command`` each is."""

_INTERRUPTED = 130
_OUTPUT_CLOSED = 141
"""Exit statuses as a shell has them for a program that SIGINT, or SIGPIPE, has ended."""


class Commands(click.Group):
    """The group: a command's module is imported when the command is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name]}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is asked for.

        Raises:
            UsageError: there is none; says which may be meant.
        """
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(mistakes.none_of("command", name, COMMANDS), ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, *, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"{PROGRAM} {version('pytest-vmsnapshot')}")
        ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="vmsnapshot COMMAND --help tells more, with examples. "
    "Exit status: 0 all is well, 1 it is not, 2 it could not be done.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours: on a terminal only, unless NO_COLOR is set; always; or never.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=lambda ctx, parameter, value: _version(ctx, parameter, wanted=bool(value)),
    help="Show the version and end.",
)
@click.pass_context
def vmsnapshot(ctx: click.Context, color: str) -> int:
    """Try pre- and post-scripts of Azure Backup on a throwaway Linux VM.

    No Azure, no container engine, no root, and no Python to write.
    """
    if color != "auto" or os.environ.get("NO_COLOR"):
        ctx.color = color == "always"
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return mistakes.MISTAKE
    return 0


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run the command line.

    Args:
        arguments: its words; by default those this process was started with.
        program: how the user has called it, for messages.

    Returns:
        The exit status.
    """
    output = sys.stdout
    try:
        status = vmsnapshot.main(
            arguments, prog_name=program, complete_var=COMPLETE, standalone_mode=False
        )
        sys.stdout.flush()
    except BrokenPipeError:
        return _closed()
    except SystemExit:
        if sys.stdout is output:  # completion
            raise
        return _closed()  # click has met a broken pipe
    except click.Abort:
        return _INTERRUPTED
    except click.ClickException as mistake:
        return _told(mistakes.told(mistake, program))
    except HarnessError as mistake:
        return _told(f"{program}: {mistake}")
    return int(status or 0)


def _told(text: str) -> int:
    click.echo(text, err=True)
    return mistakes.MISTAKE


def _closed() -> int:
    """Nobody reads any more: what is still to be written goes nowhere, without a message."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return _OUTPUT_CLOSED
