"""Where the files that travel with the package lie: price tables and small deployed models."""

from __future__ import annotations

from pathlib import Path

from lavarobust.errors import SettingsError

_FOLDERS = ("hw_profiles", "netx_models")


def resource_folder(name: str) -> Path:
    """The folder ``hw_profiles`` or ``netx_models``, in a wheel, an editable install or a checkout.

    Raises:
        SettingsError: no folder of that name belongs to the package, or the installation lacks it.
    """
    if name not in _FOLDERS:
        raise SettingsError(f"no resource folder {name!r}. Choose one of: {', '.join(_FOLDERS)}")
    package = Path(__file__).resolve().parent
    places = [package / "_resources" / name]
    # Beside a package in site-packages lie other people's folders; only a checkout's are ours.
    if (package.parent / "pyproject.toml").is_file():
        places.append(package.parent / name)
    for folder in places:
        if folder.is_dir():
            return folder
    raise SettingsError(
        f"{package}: the folder {name} is missing from this installation. Install lavarobust again, "
        "or run it from a complete checkout"
    )
