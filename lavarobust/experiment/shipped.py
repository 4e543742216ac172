"""The models that travel with the package, by name."""

from __future__ import annotations

from pathlib import Path

from lavarobust.resources import resource_folder

SUFFIX = ".net"


def shipped_models() -> tuple[str, ...]:
    """Names of the models of the package, in alphabetical order."""
    return tuple(sorted(file.stem for file in resource_folder("netx_models").glob(f"*{SUFFIX}")))


def model_path(path_or_name: str | Path) -> Path:
    """The file of a name in :func:`shipped_models`; anything else is a path, and a file there comes first."""
    path = Path(path_or_name)
    if path.exists() or str(path_or_name) not in shipped_models():
        return path
    return resource_folder("netx_models") / f"{path_or_name}{SUFFIX}"
