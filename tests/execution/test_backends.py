from __future__ import annotations

import subprocess
import sys

import pytest

from lavarobust.errors import SettingsError
from lavarobust.execution import backend


def test_an_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match=r"no backend 'loihi'.*simulator, lava, loihi2"):
        backend("loihi")


def test_the_simulator_comes_without_lava():
    program = (
        "import sys; from lavarobust.execution import backend; "
        "assert backend('simulator').name == 'simulator'; assert 'lava' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
