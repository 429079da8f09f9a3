"""Coverage of shell scripts: a plugin of coverage.py, and what feeds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coverage.plugin_support import Plugins

PLUGIN = "pytest_vmsnapshot.shell_coverage"
"""What stands in coverage.py's setting ``plugins``."""


def coverage_init(reg: Plugins, options: dict[str, Any]) -> None:  # noqa: ARG001
    """Register the plugin; coverage.py calls it.

    Args:
        reg: where.
        options: of the plugin; it has none.

    Raises:
        coverage.exceptions.ConfigError: tree-sitter is not installed.
    """
    from coverage.exceptions import ConfigError

    from .parse_tree import CoverageExtraMissing, tree
    from .reporting import ShellPlugin

    try:
        tree(b"")
    except CoverageExtraMissing as missing:
        raise ConfigError(str(missing)) from None
    plugin = ShellPlugin()
    reg.add_file_tracer(plugin)
    reg.add_configurer(plugin)
