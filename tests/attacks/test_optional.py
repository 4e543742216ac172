from __future__ import annotations

import sys

import numpy as np
import pytest

from lavarobust.attacks import NetworkVictim, ThreatModel
from lavarobust.attacks.art import as_art_classifier
from lavarobust.attacks.autoattack import autoattack
from lavarobust.attacks.hop_skip_jump import hop_skip_jump
from lavarobust.optional import MissingPackageError


def test_a_missing_package_is_told_with_its_extra(linear_case, monkeypatch):
    for name in ("pyautoattack", "art.estimators.classification", "art.attacks.evasion"):
        monkeypatch.setitem(sys.modules, name, None)
    victim, arrays = (
        NetworkVictim(linear_case.module),
        (linear_case.images, linear_case.labels, np.arange(90)),
    )
    with pytest.raises(MissingPackageError, match=r"pip install 'lavarobust\[autoattack\]'"):
        autoattack(victim, *arrays, ThreatModel(0.1))
    with pytest.raises(MissingPackageError, match=r"art.attacks.evasion: .*'lavarobust\[art\]'"):
        hop_skip_jump(victim, *arrays, ThreatModel(0.1))
    with pytest.raises(MissingPackageError, match=r"'lavarobust\[art\]'"):
        as_art_classifier(victim, (1, 4, 4), 2)
