from __future__ import annotations

import json

from lavarobust.reporting.page.document import printable


def test_what_can_not_be_shown_is_replaced():
    assert printable("a\x00b\n\ud800é 3") == "a?b??é 3"


def test_a_page_is_plain_data_with_every_section(page):
    plain = json.loads(json.dumps(page.as_dict(), allow_nan=False))
    assert plain["models"] == ["digits-plain"]
    sections = [
        "card",
        "robustness",
        "energy",
        "standing",
        "rules",
        "activity",
        "samples",
        "fit",
        "provenance",
    ]
    assert list(plain) == ["models", "key_figures", *sections]
    assert all(plain[name] for name in sections)
