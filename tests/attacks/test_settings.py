from __future__ import annotations

import pytest

from lavarobust.attacks import APGD, FGSM, PGD, RFGSM, SAPGD, Noise
from lavarobust.errors import SettingsError


@pytest.mark.parametrize(
    "make",
    [
        lambda: FGSM(loss="hinge"),
        lambda: PGD(steps=0),
        lambda: PGD(restarts=0),
        lambda: PGD(step_size=0.0),
        lambda: PGD(step_size=float("nan")),
        lambda: PGD(restarts=2, random_start=False),
        lambda: PGD(loss="hinge"),
        lambda: PGD(momentum=0.0),
        lambda: PGD(loss="targeted_dlr"),
        lambda: PGD(targets=3),
        lambda: PGD(loss="targeted_dlr", targets=0),
        lambda: FGSM(loss="targeted_dlr"),
        lambda: RFGSM(share=1.0),
        lambda: APGD(steps=0),
        lambda: SAPGD(restarts=0),
        lambda: Noise("salt"),
        lambda: Noise(draws=0),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(SettingsError):
        make()


def test_names_say_what_is_reported():
    assert [settings.name for settings in (FGSM(), PGD(20), PGD(10, restarts=5, loss="margin"))] == [
        "FGSM",
        "PGD-20",
        "PGD-10x5 (margin)",
    ]
    assert [
        settings.name
        for settings in (
            RFGSM(),
            PGD(5, momentum=1.0),
            PGD(7, loss="targeted_cross_entropy", targets="random"),
            APGD(100, restarts=5),
            APGD(20, loss="dlr"),
            APGD(20, loss="targeted_dlr", targets=9),
            SAPGD(),
        )
    ] == [
        "R-FGSM",
        "MIM-5",
        "PGD-7 (targeted cross entropy, random target)",
        "APGD-100x5",
        "APGD-20 (DLR)",
        "APGD-20 (DLR, 9 targets)",
        "SA-PGD-100",
    ]
    assert Noise("gaussian", 3).name == "gaussian noise x3"


def test_step_size_is_two_and_a_half_boxes_over_all_steps():
    assert PGD(20).step_for(0.08) == pytest.approx(0.01, rel=1e-12)
    assert PGD(20, step_size=0.3).step_for(0.08) == 0.3
