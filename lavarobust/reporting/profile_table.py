"""The price tables and chip limits that travel with the package, as one table.

``python -m lavarobust.reporting.profile_table README.md`` writes it between the markers of :data:`NAME`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lavarobust.energy import Profile, available_profiles, load_profile
from lavarobust.errors import LavarobustError
from lavarobust.files import atomic_write
from lavarobust.reporting.embed import EmbedError, markers

NAME = "profiles"
_COLUMNS = ("profile", "process", "prices in pJ", "evidence", "scope", "also")


def profile_table() -> str:
    """Every shipped profile in Markdown: name, process, each price, the grades of its evidence, its scope."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    for name in available_profiles():
        lines.append("| " + " | ".join(_cells(load_profile(name))) + " |")
    return "\n".join(lines)


def with_table(text: str) -> str:
    """The text with the table between its markers, whatever stood there.

    Raises:
        EmbedError: the text has not each marker once.
    """
    begin, end = markers(NAME)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise EmbedError(f"the text needs the lines {begin} and {end}, once each")
    return text.split(begin)[0] + f"{begin}\n{profile_table()}\n{end}" + text.split(end)[1]


def _cells(profile: Profile) -> tuple[str, ...]:
    prices = profile.prices.values()
    has = {"memory": profile.memory, "chip limits": profile.limits}
    return (
        f"`{profile.name}`",
        "-" if profile.node_nm is None else f"{profile.node_nm:g} nm, {profile.voltage:g} V",
        ", ".join(_priced(profile)) or "none",
        ", ".join(sorted({price.evidence for price in prices})) or "-",
        ", ".join(sorted({price.scope for price in prices})) or "-",
        ", ".join(name for name, values in has.items() if values) or "-",
    )


def _priced(profile: Profile) -> list[str]:
    texts = []
    for term, price in profile.prices.items():
        kinds = "".join(f" ({kind} {value:g})" for kind, value in price.by_connection.items())
        texts.append(f"{term.replace('_', ' ')} {price.value:g}{kinds}")
    return texts


def main() -> int:
    """Rewrite the file; 1 after an error."""
    try:
        (name,) = sys.argv[1:]
        path = Path(name)
        atomic_write(path, with_table(path.read_text(encoding="utf-8")).encode())
    except (OSError, ValueError, LavarobustError) as error:
        print(f"error: {error}. Give one text file with the markers {markers(NAME)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
