"""The page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_vmsnapshot import catalogue
from pytest_vmsnapshot.backup import Backup, Consistency, Status
from pytest_vmsnapshot.catalogue import NamedError
from pytest_vmsnapshot.picture import page
from pytest_vmsnapshot.records import FileText, TestOutcome, TestRecord

from .browser import Browser, Page
from .hostile import BYTES, TEXTS
from .made import EVENTS, backup, call, printing, record
from .test_page import everywhere

SCRIPT = FileText("/opt/pre.sh", "#!/bin/sh\nmysql\n", "deploy/pre.sh")

Opener = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Opener:
    """Open a page of records, or of HTML."""

    def open_page(made: list[TestRecord] | str, **how: Any) -> Page:
        file = tmp_path / "report.html"
        text = made if isinstance(made, str) else page(made, "Backups of shop", "Made today.")
        file.write_text(text, encoding="utf-8")
        return browser.open(file, **how)

    return open_page


def timed_out(seconds: float = 30.0) -> Backup:
    return backup(
        consistency=Consistency.FILE_SYSTEM,
        status=Status.COMPLETED_WITH_WARNINGS,
        errors=(NamedError(catalogue.PRE_TIMEOUT, "stopped"),),
        duration=seconds,
        rules="shipped",
    )


RECORDS = [
    record(backup(events=[*EVENTS, call(0.004, 0.006)]), test="a::good", scripts=(SCRIPT,)),
    record(timed_out(), test="b::slow", scripts=(SCRIPT,)),
    record(
        backup(duration=2.0),
        timed_out(100.0),
        test="c::bad",
        outcome=TestOutcome.FAILED,
        message="broken",
    ),
]

SHOWN = "[...document.querySelectorAll('.all tbody tr:not([hidden]) a[href^=\"#b\"]')]"
NAMES = f"{SHOWN}.map(a => a.textContent)"
ARTICLES = (
    "[...document.querySelectorAll('article:not([hidden]) summary b')].map(b => b.textContent)"
)


def reach(shown: Page, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(60):
        shown.press("Tab")
        if shown.js(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"no way to {selector} by Tab")


def test_every_backup_is_there_and_nothing_complains(opened: Opener) -> None:
    with opened(RECORDS) as shown:
        assert shown.js(NAMES) == ["c::bad", "c::bad", "a::good", "b::slow"]
        assert shown.js(ARTICLES) == ["c::bad", "c::bad", "a::good", "b::slow"]
        shown.js("document.querySelector('[data-open=\"1\"]').click()")
        assert shown.js("document.querySelectorAll('article svg.timeline').length") == 4
        assert shown.complaints() == []
        assert [url.rpartition("/")[2] for url in shown.requests()] == ["report.html"]


def test_a_page_without_backups(opened: Opener) -> None:
    with opened([]) as shown:
        assert "No backup was taken." in shown.js("document.body.innerText")
        assert shown.complaints() == []


def test_filter_and_sort_by_keyboard(opened: Opener) -> None:
    with opened(RECORDS) as shown:
        shown.press("Tab")  # the first thing to reach skips the rest
        assert shown.js("document.activeElement.className") == "skip"
        reach(shown, "[name=text]")
        shown.type("SLOW")
        assert shown.js(NAMES) == ["b::slow"]
        assert shown.js(ARTICLES) == ["b::slow"]
        assert shown.js("document.querySelector('output').textContent") == "1 of 4 shown"
        reach(shown, "[name=worth]")
        shown.js("document.activeElement.form.reset()")
        shown.press("ArrowDown")
        assert shown.js("document.activeElement.value") == "application"
        assert shown.js(NAMES) == ["c::bad", "a::good"]
        reach(shown, "[type=reset]")
        shown.press("Enter")
        shown.js("new Promise(setTimeout)")
        assert len(shown.js(NAMES)) == 4
        reach(shown, ".c-vm button")
        shown.press("Enter")
        state = "document.querySelector('.c-vm').getAttribute('aria-sort')"
        assert shown.js(state) == "ascending"
        assert shown.js(NAMES) == ["a::good", "c::bad", "b::slow", "c::bad"]
        shown.press("Enter")
        assert shown.js(state) == "descending"
        assert shown.js(NAMES) == ["c::bad", "b::slow", "c::bad", "a::good"]
        shown.press("Enter")
        assert shown.js(state) == "none"
        assert shown.js(NAMES) == ["c::bad", "c::bad", "a::good", "b::slow"]
        assert shown.complaints() == []


def test_a_link_opens_its_backup_and_arrows_walk_its_timeline(opened: Opener) -> None:
    with opened(RECORDS, media={"prefers-reduced-motion": "reduce"}) as shown:
        reach(shown, "a[href='#b3']")
        shown.press("Enter")
        shown.js("new Promise(requestAnimationFrame)")
        assert shown.js("document.querySelector('[data-number=\"3\"] details').open")
        assert shown.js("document.activeElement.id") == "b3"
        reach(shown, "#b3 .s")
        told = "document.querySelector('#b3 .hover').textContent"
        assert shown.js(told) == "precheck: ok; 0.000 s to 0.001 s (1.0 ms)"
        shown.press("ArrowRight", "ArrowRight")
        assert shown.js(told) == "command double: mysql → 0; 0.004 s to 0.006 s (2.0 ms)"
        outline = "getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"
        assert shown.js(outline) == "3.5px"
        shown.press("End")
        assert shown.js(told).startswith("post-script: ")
        shown.press("Tab")
        assert shown.js("document.activeElement.closest('.s') === null")


def test_a_script_is_shown_where_it_was_asked_for(opened: Opener) -> None:
    with opened(RECORDS) as shown:
        shown.js("location.hash = '#b3'")
        shown.js("new Promise(setTimeout)")
        reach(shown, "#b3 a[data-file]")
        shown.press("Enter")
        assert shown.js("document.querySelector('#b3 .text').textContent.trim()") == (
            "#!/bin/sh\nmysql"
        )
        assert shown.js("document.activeElement.getAttribute('aria-expanded')") == "true"
        shown.press("Enter")
        assert shown.js("document.querySelector('#b3 .text')") is None


def test_an_error_leads_to_what_it_means(opened: Opener) -> None:
    with opened(RECORDS) as shown:
        reach(shown, ".c-error a")
        shown.press("Enter")
        shown.js("new Promise(setTimeout)")
        assert shown.js("document.activeElement.textContent") == "Pre-ScriptTimeout (308)"


CONTRAST = """
(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (at) => {
    for (; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    if (node.closest("noscript, script, style")) continue;
    const inSvg = node.closest("svg");
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || node.tagName === "title") continue;
    const style = getComputedStyle(node);
    const a = light(inSvg ? style.fill : style.color), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName} ${node.className} ${ratio.toFixed(2)}`);
  }
  return poor;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_in_both_schemes(opened: Opener, scheme: str) -> None:
    with opened(RECORDS, media={"prefers-color-scheme": scheme}) as shown:
        shown.js("document.querySelector('[data-open=\"1\"]').click()")
        shown.js("new Promise(requestAnimationFrame)")
        ground = shown.js("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 19, 24)"}[scheme]
        assert shown.js(CONTRAST) == []


def test_a_narrow_screen_scrolls_the_wide_parts_alone(opened: Opener) -> None:
    with opened(RECORDS, width=360, height=700) as shown:
        shown.js("document.querySelector('[data-open=\"1\"]').click()")
        assert shown.js("document.documentElement.scrollWidth") == 360


def test_motion_is_left_out_where_it_is_not_wanted(opened: Opener) -> None:
    with opened(RECORDS, media={"prefers-reduced-motion": "reduce"}) as shown:
        style = "getComputedStyle(document.querySelector('.timeline rect')).transitionDuration"
        assert shown.js(style) == "0s"


def test_on_paper_all_is_open_and_nothing_is_to_be_pressed(opened: Opener) -> None:
    with opened(RECORDS) as shown:
        shown.js(
            "addEventListener('beforeprint', () => { window.open_ones = "
            "document.querySelectorAll('article > details[open] svg.timeline').length; })"
        )
        assert shown.pdf().startswith(b"%PDF")
        assert shown.js("window.open_ones") == 4
        assert shown.js("document.querySelectorAll('article > details[open]').length") == 2
        shown.call("Emulation.setEmulatedMedia", media="print")
        hidden = "[...document.querySelectorAll('.controls')].every(c => !c.offsetParent)"
        assert shown.js(hidden)


def test_without_scripts_it_is_all_there(opened: Opener, browser: Browser, tmp_path: Path) -> None:
    with opened(RECORDS) as shown:
        shown.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.events.clear()
        shown.call("Page.reload")
        browser.wait_for("Page.loadEventFired", shown.session)
        assert shown.js("document.querySelectorAll('article svg.timeline').length") == 4
        assert shown.js("document.querySelectorAll('.controls:not([hidden])').length") == 0
        assert "#b3" in shown.js("[...document.querySelectorAll('.all a')].map(a => a.hash)")
        assert shown.js("document.getElementById('b3') !== null")


ODD = (
    "[...document.querySelectorAll('script, img, iframe, object, embed, link, base, a[href^=j]')]"
    ".map(e => e.outerHTML.slice(0, 40))"
)
HANDLERS = (
    "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
    ".filter(name => name.startsWith('on') || name === 'style' || name === 'autofocus')"
)


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in ("long", "lines")])
def test_hostile_text_does_nothing(opened: Opener, name: str) -> None:
    with opened(everywhere(TEXTS[name])) as shown:
        shown.js("document.querySelector('[data-open=\"1\"]').click()")
        shown.js("for (const link of document.querySelectorAll('[data-file]')) link.click()")
        shown.js("new Promise(requestAnimationFrame)")
        assert shown.js(ODD) == ['<script>(() => {\n  "use strict";\n  const'[:40]]
        assert shown.js(HANDLERS) == []
        assert shown.js("document.querySelectorAll('article svg.timeline').length") == 2
        assert shown.complaints() == []
        assert len(shown.requests()) == 1


def test_what_was_printed_is_what_is_read(opened: Opener) -> None:
    with opened([record(printing(TEXTS["script"]), outcome=TestOutcome.FAILED)]) as shown:
        read = shown.js("document.querySelector('.printed pre').textContent")
        assert read == TEXTS["script"] + "\n"


@pytest.mark.parametrize("name", BYTES)
def test_binary_output_does_nothing(opened: Opener, name: str) -> None:
    with opened([record(printing(BYTES[name]), outcome=TestOutcome.FAILED)]) as shown:
        assert shown.js("document.querySelector('.printed pre') !== null")
        assert shown.complaints() == []


def test_a_thousand_are_text_until_they_are_opened(opened: Opener) -> None:
    """What makes them open at once; ``benchmarks/report.py`` measures it."""
    many = [
        record(
            backup(events=[*EVENTS, call(0.004, 0.006)]),
            test=f"test_{n}.py::test",
            scripts=(SCRIPT,),
        )
        for n in range(1000)
    ]
    made = page(many, "Backups of shop")
    assert len(made) < 10_000 * len(many)
    with opened(made) as shown:
        assert len(shown.js(NAMES)) == 1000
        assert shown.js("document.querySelectorAll('*').length") < 30 * len(many)
        shown.js("location.hash = '#b900'")
        shown.js("new Promise(setTimeout)")
        assert shown.js("document.activeElement.id") == "b900"
        # The first, which is open from the start, and the one that was asked for.
        assert shown.js("document.querySelectorAll('article svg.timeline').length") == 2
        assert shown.complaints() == []
