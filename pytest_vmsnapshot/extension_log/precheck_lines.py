"""What a log says of the precheck: the Pluginhost file, the configs, the scripts' files."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from types import MappingProxyType

from ..backup import Step
from ..config import CONFIG_PATH, PLUGIN_HOST_PATH
from .backups import LoggedFile, LoggedHost, LoggedPlugin
from .kinds import CONFIG_KINDS, HOST_KINDS, SCRIPT_FILE_KINDS, Fact, Kind
from .python_values import poll_steps, read_value

_HOST_NAME = posixpath.basename(PLUGIN_HOST_PATH)


class PrecheckLines:
    """Takes the facts of one precheck, in order.

    Attributes:
        host: the Pluginhost file; None where nothing is said of it.
        plugins: the configs.
        code: the code of what was refused last, or None.
    """

    def __init__(self) -> None:
        self.host: LoggedHost | None = None
        self.plugins: list[LoggedPlugin] = []
        self.code: int | None = None

    def take(self, fact: Fact) -> None:
        """Take a fact; one that is about something else is left alone."""
        if fact.kind in HOST_KINDS:
            self._take_host(fact)
        elif fact.kind in CONFIG_KINDS:
            self._take_config(fact)
        elif fact.kind in SCRIPT_FILE_KINDS and fact.step is not None:
            self._take_script(fact, fact.step)
        elif fact.kind is Kind.MODE:
            self._take_mode(fact)
        elif fact.kind is Kind.PLUGIN:
            self.plugins.append(LoggedPlugin(name=fact.name))
        elif fact.kind is Kind.SETTINGS:
            self._take_settings(fact)

    # -- the Pluginhost file ---------------------------------------------------------------------

    def _take_host(self, fact: Fact) -> None:
        host = self.host or LoggedHost()
        file = host.file
        match fact.kind:
            case Kind.HOST_ABSENT if fact.path == PLUGIN_HOST_PATH and self.host is None:
                file = replace(file, path="")  # the one that came with the extension counts
            case Kind.HOST_ABSENT:
                self.code = 313
                file = replace(file, path=fact.path, exists=False, refused=self.code)
            case Kind.HOST_MODE_REFUSED:
                self.code = 314
                file = replace(file, refused=self.code)
            case Kind.HOST_OWNER_REFUSED:
                self.code = 314
                file = replace(file, path=fact.path, owner=fact.name, refused=self.code)
            case Kind.HOST_READ:
                file = replace(file, path=fact.path)
            case Kind.HOST_LIMIT:
                host = replace(host, timeout=fact.number)
            case Kind.HOST_PLUGINS:
                host = replace(host, plugins=fact.number)
            case Kind.HOST_UNREADABLE:
                self.code = 304
                host = self._blown_up(host, fact.value or "(nothing)")
        self.host = replace(host, file=file)

    def _blown_up(self, host: LoggedHost, fault: str) -> LoggedHost:
        """Find out whom to blame: the extension blames its own file for a value in the config."""
        plugin = self.plugins[-1] if self.plugins else None
        if plugin is None or plugin.post.path or plugin.file.refused or not plugin.file.path:
            return replace(host, fault=fault, after=len(self.plugins))
        file = replace(plugin.file, refused=304)
        self.plugins[-1] = replace(plugin, fault=fault, file=file)
        return host

    # -- a config ---------------------------------------------------------------------------------

    def _take_config(self, fact: Fact) -> None:
        if fact.kind is Kind.CONFIG:
            if not self.plugins or self.plugins[-1].file.path:
                self.plugins.append(LoggedPlugin())
            self.code = None  # what is found last counts
        plugin = self._plugin()
        file = plugin.file
        match fact.kind:
            case Kind.CONFIG:
                file = replace(file, path=fact.path)
            case Kind.CONFIG_ABSENT:
                self.code = 316
                file = LoggedFile(fact.path or CONFIG_PATH, exists=False, refused=self.code)
            case Kind.CONFIG_MODE_REFUSED:
                self.code = 317
                file = replace(file, refused=self.code)
            case Kind.CONFIG_OWNER_REFUSED:
                self.code = 317
                file = replace(file, path=fact.path, owner=fact.name, refused=self.code)
            case Kind.CONFIG_NOT_JSON | Kind.CONFIG_UNREADABLE:
                self.code = 305
                file = replace(file, refused=self.code)
                plugin = replace(plugin, fault=fact.value or "(nothing)")
            case Kind.CONFIG_KEY_MISSING:
                self.code = 305
                file = replace(file, refused=self.code)
                plugin = replace(plugin, missing_key=fact.name)
            case Kind.CONFIG_REFUSED if self.code is None:
                self.code = 305
                file = replace(file, refused=self.code)
        self.plugins[-1] = replace(plugin, file=file)

    def _take_settings(self, fact: Fact) -> None:
        told = dict(fact.values)
        timeout = read_value(told.pop("timeout"))
        count = read_value(told.pop("polls"))
        keys = {name: read_value(text) for name, text in told.items() if text}
        keys |= {"pluginName": read_value(fact.name), "timeoutInSeconds": timeout}
        if not self.plugins or self.plugins[-1].keys:
            self.plugins.append(LoggedPlugin(name=fact.name))
        polls = poll_steps(timeout, count)
        self.plugins[-1] = replace(self.plugins[-1], keys=MappingProxyType(keys), polls=polls)

    # -- files ------------------------------------------------------------------------------------

    def _take_mode(self, fact: Fact) -> None:
        """The mode of a file: of which one, its place in the order says."""
        mode = int(fact.value[-3:], 8)
        if posixpath.basename(fact.path) == _HOST_NAME:
            host = self.host or LoggedHost()
            self.host = replace(host, file=replace(host.file, path=fact.path, mode=mode))
            return
        plugin = self._plugin()
        is_config = fact.path == (plugin.file.path or CONFIG_PATH)
        if is_config and plugin.file.mode is None:
            plugin = replace(plugin, file=replace(plugin.file, path=fact.path, mode=mode))
        elif not plugin.pre.path:
            plugin = replace(plugin, pre=replace(plugin.pre, path=fact.path, mode=mode))
        elif not plugin.post.path:
            plugin = replace(plugin, post=replace(plugin.post, path=fact.path, mode=mode))
        self.plugins[-1] = plugin

    def _take_script(self, fact: Fact, step: Step) -> None:
        is_pre = step is Step.PRE_SCRIPT
        plugin = self._plugin()
        file = plugin.pre if is_pre else plugin.post
        match fact.kind:
            case Kind.SCRIPT_ABSENT:
                self.code = 302 if is_pre else 303
                file = LoggedFile(fact.path, exists=False, refused=self.code)
            case Kind.SCRIPT_MODE_REFUSED:
                self.code = 306 if is_pre else 307
                file = replace(file, refused=self.code)
            case Kind.SCRIPT_OWNER_REFUSED:
                self.code = 306 if is_pre else 307
                file = replace(file, path=fact.path, owner=fact.name, refused=self.code)
        if is_pre:
            self.plugins[-1] = replace(plugin, pre=file)
        else:
            self.plugins[-1] = replace(plugin, post=file)

    def _plugin(self) -> LoggedPlugin:
        """The config that is being looked at."""
        if not self.plugins:
            self.plugins.append(LoggedPlugin())
        return self.plugins[-1]
