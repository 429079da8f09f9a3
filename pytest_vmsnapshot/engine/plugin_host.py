"""The Pluginhost file, which tells the extension what to run."""

from __future__ import annotations

import configparser

SIZE_LIMIT = 16 * 1024
"""Bytes. The real file has a few lines; configparser needs minutes for a megabyte of bad ones."""

_SECTION = "pre_post"


def fault(content: bytes) -> str:
    """Say what is wrong with a Pluginhost file; nothing when it is right.

    Args:
        content: the file's bytes.
    """
    if len(content) > SIZE_LIMIT:
        return f"it is larger than {SIZE_LIMIT // 1024} KiB"
    parser = configparser.ConfigParser()
    try:
        parser.read_string(content.decode("utf-8"))
        if not parser.has_section(_SECTION):
            return f"it has no section [{_SECTION}]"
        parser.getint(_SECTION, "timeoutInSeconds")
        plugins = parser.getint(_SECTION, "numberOfPlugins")
        for index in range(min(plugins, 16)):
            for key in ("pluginName", "pluginPath", "pluginConfigPath"):
                parser.get(_SECTION, f"{key}{index}")
    except UnicodeDecodeError:
        return "it is not text"
    except (configparser.Error, ValueError) as error:
        return " ".join(str(error).split())
    return ""
