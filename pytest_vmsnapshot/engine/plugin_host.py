"""The Pluginhost file, which tells the extension what to run."""

from __future__ import annotations

import configparser
import functools
from dataclasses import dataclass

SIZE_LIMIT = 16 * 1024
"""Bytes. The real file has a few lines; configparser needs minutes for a megabyte of bad ones."""

_SECTION = "pre_post"

_PLUGIN = "ScriptRunner"
"""The plugin that runs scripts. The extension would import any other by its name, as root."""

_TIMEOUT = 1800
"""Seconds, where the file does not say (the value of the bundled file)."""


_MOST_SECONDS = 10**9
"""A file can hold numbers of a thousand digits; no clock counts so far."""


@dataclass(frozen=True, slots=True)
class PluginHost:
    """What a Pluginhost file says.

    Args:
        timeout: seconds that no script's limit exceeds.
        configs: where the configs lie, one for each plugin.
        fault: what the extension fails over once it has read these, or nothing.
    """

    timeout: float
    configs: tuple[str, ...] = ()
    fault: str = ""


def fault(content: bytes) -> str:
    """Say what is wrong with a Pluginhost file that must be complete; nothing when it is right.

    Args:
        content: the file's bytes.
    """
    try:
        parser = _parsed(content)
        if not parser.has_section(_SECTION):
            return f"it has no section [{_SECTION}]"
        parser.getint(_SECTION, "timeoutInSeconds")
        plugins = parser.getint(_SECTION, "numberOfPlugins")
        for index in range(min(plugins, 16)):
            for key in ("pluginName", "pluginPath", "pluginConfigPath"):
                parser.get(_SECTION, f"{key}{index}")
    except (configparser.Error, ValueError) as error:
        return " ".join(str(error).split())
    return ""


@functools.lru_cache(maxsize=8)
def read(content: bytes) -> PluginHost:
    """Take a Pluginhost file as the extension does: what is missing counts as nothing to do.

    Args:
        content: the file's bytes.
    """
    timeout, configs = _TIMEOUT, list[str]()
    try:
        parser = _parsed(content)
        if not parser.has_section(_SECTION):
            return PluginHost(_TIMEOUT)
        timeout = parser.getint(_SECTION, "timeoutInSeconds", fallback=_TIMEOUT)
        timeout = max(-_MOST_SECONDS, min(timeout, _MOST_SECONDS))
        for index in range(parser.getint(_SECTION, "numberOfPlugins", fallback=0)):
            name = parser.get(_SECTION, f"pluginName{index}")
            parser.get(_SECTION, f"pluginPath{index}")
            path = parser.get(_SECTION, f"pluginConfigPath{index}")
            if name != _PLUGIN:
                raise ValueError(f"pluginName{index} is {name!r}; only {_PLUGIN} is simulated")
            configs.append(path)
    except (configparser.Error, ValueError) as error:
        return PluginHost(timeout, tuple(configs), " ".join(str(error).split()))
    return PluginHost(timeout, tuple(configs))


def _parsed(content: bytes) -> configparser.ConfigParser:
    """The file as sections.

    Raises:
        ValueError: it is not text, or too large.
        configparser.Error: it has no sections.
    """
    if len(content) > SIZE_LIMIT:
        raise ValueError(f"it is larger than {SIZE_LIMIT // 1024} KiB")
    parser = configparser.ConfigParser()
    try:
        parser.read_string(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    return parser
