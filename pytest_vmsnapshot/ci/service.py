"""Which CI a run is for, and where it is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Final


class Service(enum.Enum):
    """A CI that can be told something."""

    GITHUB = "github"
    AZURE = "azure"


AUTO: Final = "auto"
OFF: Final = "off"

WORDS: Final = (AUTO, *(service.value for service in Service), OFF)
"""What can be asked for; the plugin knows them, too."""

_ROOTS: Final = {Service.GITHUB: "GITHUB_WORKSPACE", Service.AZURE: "BUILD_SOURCESDIRECTORY"}


def here(environ: Mapping[str, str]) -> Service | None:
    """The CI that runs this process; None if there is none, or another.

    Args:
        environ: environment variables.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        return Service.GITHUB
    if environ.get("TF_BUILD", "").lower() == "true":
        return Service.AZURE
    return None


def asked_for(word: str, environ: Mapping[str, str]) -> Service | None:
    """The CI that is to be told; None if none is.

    Args:
        word: one of ``WORDS``.
        environ: environment variables.
    """
    if word == OFF:
        return None
    return here(environ) if word == AUTO else Service(word)


def repository(service: Service, environ: Mapping[str, str], otherwise: Path) -> Path:
    """The root of the repository that is checked out.

    Args:
        service: the CI.
        environ: environment variables.
        otherwise: what to take if the CI does not say, or the run is elsewhere.
    """
    root = environ.get(_ROOTS[service], "")
    return Path(root) if root and otherwise.is_relative_to(root) else otherwise
