"""What pyproject.toml can't say: two top-level folders of the repository travel inside the package."""

from pathlib import Path

from setuptools import find_packages, setup

# An empty folder is not in a checkout, so only those that are there are mapped.
FOLDERS = [name for name in ("hw_profiles", "netx_models") if Path(__file__).with_name(name).is_dir()]

setup(
    packages=[
        *find_packages(include=["lavarobust", "lavarobust.*"]),
        *(f"lavarobust._resources.{name}" for name in FOLDERS),
    ],
    package_dir={f"lavarobust._resources.{name}": name for name in FOLDERS},
    package_data={
        "lavarobust": ["py.typed"],
        "lavarobust.experiment": ["recipes/*.yaml", "sweeps/*.yaml"],
        "lavarobust.reporting.page": ["templates/*"],
        **{f"lavarobust._resources.{name}": ["**/*"] for name in FOLDERS},
    },
)
