from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from lavarobust.reporting.page.build import build_page
from lavarobust.reporting.page.html import html
from lavarobust.reporting.page.markdown import markdown

HOSTILE = "</title><script>alert(1)</script>|x\n<img src=http://a.b/c onerror=alert(1)>"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Checks nesting, and collects tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.headings = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def hostile(measured, tables):
    model = replace(measured.subject.model, name=HOSTILE)
    subject = replace(
        measured.subject, name=HOSTILE, source=HOSTILE, model=model, argument=HOSTILE, assumptions=(HOSTILE,),
        versions={"training": {HOSTILE: HOSTILE}},
    )  # fmt: skip
    return build_page([replace(measured, subject=subject)], tables, ["lavarobust", HOSTILE])


def test_it_is_well_formed_and_needs_nothing_else(page):
    reader = read(html(page))
    for tag, attributes in reader.tags:
        assert tag not in ("script", "iframe", "object", "embed")
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), f"{tag} {name}={value[:40]}"
    assert "@import" not in html(page) and not re.search(r"url\((?!#)", html(page))
    identifiers = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_headings_descend_one_by_one(page):
    levels = read(html(page)).headings
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= before + 1 for before, later in pairwise(levels))


def test_every_figure_says_what_it_shows(page):
    text = html(page)
    count = text.count("<figure>")
    assert count > 5
    assert text.count("<figcaption>") == count == len(re.findall(r'role="img" aria-label="[^"]{20,}', text))


def test_what_files_say_is_text(hostile):
    reader = read(html(hostile))
    assert not [tag for tag, _ in reader.tags if tag in ("script", "img")]
    assert not [a for _, attributes in reader.tags for a in attributes if a.startswith("on")]


def test_markdown_shows_it_as_text_too(hostile):
    text = re.sub(r"^(`{3,})\n.*?^\1$", "", markdown(hostile), flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in text and "<img" not in text
    for line in text.splitlines():
        if line.startswith("| ") and "alert" in line:
            assert "\\|x" in line


def test_the_same_content_is_the_same_bytes(measured, tables):
    one, other = (html(build_page([measured], tables, ["x"])) for _ in range(2))
    assert one == other


def test_markdown_holds_every_table(page):
    text = markdown(page)
    for section in page.sections:
        assert f"\n## {section.title}\n" in text
        for block in section.blocks:
            if hasattr(block, "markdown"):
                assert block.markdown() in text
