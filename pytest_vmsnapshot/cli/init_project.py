"""``vmsnapshot init``: a project whose scripts keep all that scripts must keep."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .mistakes import OneOf
from .page import say
from .starter_project import APPS, CIS, files_of, put_into


@click.command("init", short_help="Make a project to start from: config, scripts, tests, CI.")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--app",
    type=OneOf("application", APPS),
    default="generic",
    show_default=True,
    help="What is brought to rest: an application with commands of its own, a service that is "
    "stopped, MySQL or MariaDB under a lock, PostgreSQL in backup mode.",
)
@click.option(
    "--ci",
    type=OneOf("continuous integration", CIS),
    default="github",
    show_default=True,
    help="Whose CI file there is to be.",
)
@click.option(
    "--force", is_flag=True, help="Write into a directory that is not empty, and overwrite files."
)
def command(directory: Path, *, app: str, ci: str, force: bool) -> int:
    """Make a project in DIRECTORY: a config, scripts that follow the rules, tests, and a CI file.

    All of it passes as it is, for root and for ordinary users: change a little, and check again.

    \b
    Examples:
      vmsnapshot init backup
      vmsnapshot init backup --app mysql --ci gitlab
      vmsnapshot init . --force

    Exit status: 0; or 2 if DIRECTORY is not empty, or cannot be written.
    """
    files = files_of(app, ci)
    try:
        overwritten = put_into(directory, files, force=force)
    except OSError as refused:
        raise click.UsageError(
            f"{refused.filename or directory} cannot be written: {refused.strerror}"
        ) from None
    for file in files:
        done = "overwritten" if file.path in overwritten else "written"
        say(f"  {done:<12}{directory / file.path}")
    say()
    say("next:")
    say(f"  cd {shlex.quote(str(directory))}")
    say("  vmsnapshot check deploy")
    say("  pytest")
    return 0
