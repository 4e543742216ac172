"""The page in a real browser, without a network."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from lavarobust.reporting.page.build import build_page
from lavarobust.reporting.page.html import html

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(page, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html(page), encoding="utf-8")
    return path


def opened(chromium, file, width, **settings):
    """The page, and what went wrong with it."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, offline=True, **settings)
    shown, wrong = context.new_page(), []
    shown.on("console", lambda message: wrong.append(message.text))
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.on("requestfailed", lambda request: wrong.append(request.url))
    shown.goto(file.as_uri())
    return shown, wrong


@pytest.mark.parametrize("width", [1280, 390])
def test_it_loads_and_every_figure_is_drawn(chromium, file, page, width):
    shown, wrong = opened(chromium, file, width)
    figures = shown.locator("figure .drawing > svg")
    captions = [block for section in page.sections for block in section.blocks if hasattr(block, "svg")]
    assert figures.count() == len(captions) > 5
    for number in range(figures.count()):
        box = figures.nth(number).bounding_box()
        assert box["width"] > 200 and box["height"] > 80
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        drawn = figures.nth(number).locator("path, image").first.bounding_box()
        assert drawn["width"] > 0 or drawn["height"] > 0
    assert wrong == []
    shown.context.close()


def test_nothing_runs_out_of_a_phone(chromium, file):
    shown, _ = opened(chromium, file, 390, is_mobile=True)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    small = shown.evaluate(
        """[...document.querySelectorAll('body *')].filter(node => {
             const style = getComputedStyle(node);
             const svg = node.ownerSVGElement;
             const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
             return node.childNodes.length && [...node.childNodes].some(
               child => child.nodeType === 3 && child.textContent.trim())
               && node.tagName !== 'STYLE' && parseFloat(style.fontSize) * scale < 13.9;
           }).map(node => node.tagName + ' ' + node.textContent.slice(0, 30))"""
    )
    assert small == []
    shown.context.close()


def test_models_side_by_side_fit_a_phone_too(chromium, measured, tables, tmp_path):
    models = [replace(measured, subject=replace(measured.subject, name=f"model-{n}")) for n in range(3)]
    path = tmp_path / "report.html"
    path.write_text(html(build_page(models, tables, ["x"])), encoding="utf-8")
    shown, wrong = opened(chromium, path, 390)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390 and wrong == []
    shown.context.close()


def test_it_prints(chromium, file):
    shown, _ = opened(chromium, file, 1280)
    printed = shown.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF") and printed.count(b"/Type /Page\n") >= 5
    shown.context.close()
