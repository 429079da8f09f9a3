"""A browser that tests look at pages with: Chromium, by its DevTools protocol over two pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

MISSING = "needs chromium (Debian: chromium)"

_PATIENCE = 120.0
"""Seconds for any one answer, on a machine with much else to do."""

_FLAGS = (
    "--headless",
    "--no-sandbox",  # root has none; the pages are ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)

_KEYS: Mapping[str, tuple[str, int, str]] = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "End": ("End", 35, ""),
    "Home": ("Home", 36, ""),
}


class PageFailed(AssertionError):
    """What was evaluated in a page threw."""


def is_installed() -> bool:
    return shutil.which("chromium") is not None


class Browser:
    """A headless Chromium.

    Args:
        home: an empty directory for its profile.
    """

    def __init__(self, home: Path) -> None:
        program = shutil.which("chromium")
        assert program is not None, MISSING
        (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()
        # It reads from descriptor 3 and writes to 4, whatever these are here.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in (theirs_in, theirs_out)]

        def place() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={home}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)},
            pass_fds=(3, 4),
            preexec_fn=place,
            start_new_session=True,
        )
        for fd in (theirs_in, theirs_out, *high):
            os.close(fd)
        self._in, self._out = ours_in, ours_out
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, with all processes it has started."""
        for fd in (self._out, self._in):
            os.close(fd)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Ask for something, and wait for the answer; what happens meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            answer = self.next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait_for(self, method: str, session: str) -> None:
        """Wait until something has happened."""
        while not any(
            event.get("method") == method and event.get("sessionId") == session
            for event in self.events
        ):
            self.events.append(self.next())

    def next(self) -> dict[str, Any]:
        """The next message."""
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, "chromium does not answer"
            read = os.read(self._in, 1 << 20)
            assert read, "chromium has ended"
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def open(
        self, file: Path, *, width: int = 1400, height: int = 1000, media: Mapping[str, str] = {}
    ) -> Page:
        """Open a page and wait until it is loaded.

        Args:
            file: the page.
            width: of the window, in CSS pixels.
            height: the same.
            media: features of the medium, such as ``prefers-color-scheme``.
        """
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, target, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": name, "value": value} for name, value in media.items()]
        page.call("Emulation.setEmulatedMedia", features=features)
        page.call("Page.bringToFront")
        self.events.clear()
        page.call("Page.navigate", url=file.as_uri())
        self.wait_for("Page.loadEventFired", page.session)
        return page


class Page:
    """A page in a browser.

    Args:
        browser: the browser.
        target: its name there.
        session: of the talk about it.
    """

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self.session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self.session, **params)

    def js(self, expression: str) -> Any:
        """The value of an expression, or of a promise."""
        done = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in done:
            raise PageFailed(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def press(self, *keys: str, shift: bool = False) -> None:
        """Press keys, one after the other."""
        for name in keys:
            key, code, text = _KEYS[name]
            what = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            modifiers = 8 if shift else 0
            down = "keyDown" if text else "rawKeyDown"
            more = {"text": text} if text else {}
            self.call("Input.dispatchKeyEvent", type=down, modifiers=modifiers, **what, **more)
            self.call("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **what)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def complaints(self) -> list[str]:
        """What a console shows, and dialogs that opened."""
        self.js("new Promise(requestAnimationFrame)")
        found = []
        for event in self._mine():
            params = event.get("params", {})
            match event.get("method"):
                case "Runtime.consoleAPICalled":
                    found.append(f"console: {params['args']}")
                case "Runtime.exceptionThrown":
                    found.append(f"exception: {params['exceptionDetails']}")
                case "Log.entryAdded":
                    found.append(f"log: {params['entry']['text']}")
                case "Page.javascriptDialogOpening":
                    found.append(f"dialog: {params['message']}")
        return found

    def requests(self) -> list[str]:
        """All that was asked for, the page itself included."""
        return [
            event["params"]["request"]["url"]
            for event in self._mine()
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def _mine(self) -> list[dict[str, Any]]:
        return [e for e in self._browser.events if e.get("sessionId") == self.session]

    def screenshot(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """What is printed."""
        done = self.call("Page.printToPDF", printBackground=True)
        return base64.b64decode(done["data"])
