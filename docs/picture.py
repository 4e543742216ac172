"""Take the README's picture of a page with the system's Chromium: ``make picture``.

``python docs/picture.py PAGE.html PICTURE.png`` puts the head of the page above a figure of each kind. It
needs playwright and Pillow.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, GAP = 1120, 24
HEAD = "header"
FIGURES = ("#robustness figure", "#energy figure", "#activity figure >> nth=1", "#samples figure")
"""The first of a section where no other is named."""

COLOURS = 128


def main() -> int:
    """Write the picture; 1 where there is no browser."""
    page, picture = map(Path, sys.argv[1:3])
    found = shutil.which("chromium")
    if found is None:
        print("error: no chromium on the PATH. Install it (apt-get install chromium)", file=sys.stderr)
        return 1
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": WIDTH, "height": 900}, offline=True)
        shown.goto(page.resolve().as_uri())
        # every figure as wide as half of the picture, its caption below
        side = (WIDTH - 3 * GAP) // 2
        head_room = f"header {{ padding-top: {GAP}px; }} nav {{ display: none !important; }}"
        half = f"figure {{ width: {side}px !important; display: block !important; }}"
        shown.add_style_tag(content=half + head_room)
        head = taken(shown, HEAD)
        figures = [taken(shown, selector) for selector in FIGURES]
        browser.close()
    rows = [figures[start : start + 2] for start in range(0, len(figures), 2)]
    height = head.height + GAP + sum(max(one.height for one in row) + GAP for row in rows)
    whole = Image.new("RGB", (WIDTH, height), "white")
    whole.paste(head, ((WIDTH - head.width) // 2, 0))
    top = head.height + GAP
    for row in rows:
        for place, figure in enumerate(row):
            whole.paste(figure, (GAP + place * (side + GAP), top))
        top += max(one.height for one in row) + GAP
    whole.quantize(COLOURS).save(picture, optimize=True)
    return 0


def taken(shown, selector: str) -> Image.Image:
    """A picture of the first element that the selector finds."""
    return Image.open(io.BytesIO(shown.locator(selector).first.screenshot()))


if __name__ == "__main__":
    raise SystemExit(main())
