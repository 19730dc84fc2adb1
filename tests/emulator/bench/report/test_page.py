"""The page of the report in a browser: no error, no request, nothing wider than the window, nothing inaccessible."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.bench.report.build import files_of, report_of
from tests.emulator.bench.report import chromium
from tests.emulator.bench.report.chromium import Chromium
from tests.emulator.bench.report.samples import whole

AXE = Path(__file__).parents[4] / "editors" / "vscode" / "node_modules" / "axe-core" / "axe.min.js"
WITHOUT_AXE = "`npm ci --prefix editors/vscode --ignore-scripts` installs axe-core"

pytestmark = pytest.mark.slow("starts a browser of 350 MB, which `make check` does not install")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a report with all sections, in a folder with nothing else."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_bytes(dict(files_of(report_of(whole())))["index.html"])
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """A browser."""
    if chromium.program() is None:
        assert not os.environ.get("CI"), chromium.HOW
        pytest.skip(f"chromium is missing: {chromium.HOW}")
    with Chromium() as found:
        yield found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_the_page_opens_without_an_error_or_a_request_and_fits(
    browser: Chromium, page: Path, width: int, scheme: str
) -> None:
    browser.open(page, width=width, scheme=scheme)
    assert browser.evaluate("document.querySelectorAll('figure svg').length") > 10
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.errors == []
    assert browser.requests == [page.as_uri()]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1400, "light")])
def test_the_page_is_accessible(browser: Chromium, page: Path, width: int, scheme: str) -> None:
    if not AXE.exists():
        assert not os.environ.get("CI"), WITHOUT_AXE
        pytest.skip(WITHOUT_AXE)
    browser.open(page, width=width, scheme=scheme)
    browser.evaluate("for (const it of document.querySelectorAll('details')) it.open = true;")
    browser.evaluate(AXE.read_text(encoding="utf-8") + "; true")
    found = json.loads(browser.evaluate("axe.run().then((it) => JSON.stringify([it.violations, it.passes]))"))
    violations = [(it["id"], it["nodes"][0]["html"], it["nodes"][0]["failureSummary"]) for it in found[0]]
    assert violations == []
    assert {"color-contrast", "region", "heading-order", "svg-img-alt"} <= {it["id"] for it in found[1]}


def test_the_first_key_leads_past_the_contents(browser: Chromium, page: Path) -> None:
    browser.open(page)
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.textContent") == "To the content"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    browser.evaluate("document.activeElement.click()")
    assert browser.evaluate("document.activeElement.id") == "content"


def test_each_part_that_scrolls_can_be_reached_by_keyboard_and_left(browser: Chromium, page: Path) -> None:
    browser.open(page, width=360)
    stops = (
        "[...document.querySelectorAll('a, button, summary, [tabindex=\"0\"]')].filter((it) => it.checkVisibility())"
    )
    browser.evaluate(
        f"window.missed = new Set({stops}); addEventListener('focusin', (event) => missed.delete(event.target)); true"
    )
    for _ in range(browser.evaluate("missed.size")):
        browser.press("Tab", 9)
    assert browser.evaluate("[...missed].map((it) => it.outerHTML.slice(0, 200))") == []


def test_a_button_copies_its_command_and_says_so(browser: Chromium, page: Path) -> None:
    browser.open(page)
    browser.evaluate(
        "navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); };"
        "document.querySelector('#repeat button').click();"
    )
    assert browser.evaluate("window.copied") == "gtsdsl bench mesh.dsl"
    assert browser.evaluate("document.getElementById('said').textContent") == "Copied"


def test_the_page_prints_without_what_only_a_screen_needs(browser: Chromium, page: Path) -> None:
    browser.open(page, scheme="dark")
    browser.call("Emulation.setEmulatedMedia", media="print")
    shown = browser.evaluate(
        "[...document.querySelectorAll('nav, button, .skip')].filter((it) => it.getClientRects().length).length"
    )
    assert shown == 0
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = browser.evaluate("getComputedStyle(document.querySelector('.plot text')).fill")
    assert ink == "rgb(29, 39, 51)"
