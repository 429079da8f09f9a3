"""The framework's rules as data. The engine consults them and decides nothing by itself.

Source of the documented values: the documentation, as summed up in ENGINE.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..config import CONFIG_PATH, PLUGIN_HOST_PATH
from ..layout import EXTENSION_DIRECTORY

_ENVIRONMENT = MappingProxyType(
    {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    }
)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One truth about the framework.

    Args:
        name: what a test asks for.
        config_path: where the config lies.
        config_mode: the mode the config must have.
        plugin_host_path: where an owner may put a Pluginhost file of his own.
        script_mode: the mode both scripts must have.
        owner: who must own the config and the scripts.
        freeze_limit: seconds after which frozen file systems thaw by themselves.
        fallback_shell: what runs a script without an interpreter line.
        working_directory: where scripts start.
        umask: their file mode mask.
        environment: their whole environment.
    """

    name: str
    config_path: str = CONFIG_PATH
    config_mode: int = 0o600
    plugin_host_path: str = PLUGIN_HOST_PATH
    script_mode: int = 0o700
    owner: str = "root"
    freeze_limit: float = 60.0
    fallback_shell: str = "/bin/sh"
    working_directory: str = EXTENSION_DIRECTORY
    umask: int = 0o022
    environment: Mapping[str, str] = field(default_factory=lambda: _ENVIRONMENT)


DOCUMENTED = RuleSet("documented")

RULE_SETS: Mapping[str, RuleSet] = MappingProxyType({DOCUMENTED.name: DOCUMENTED})
