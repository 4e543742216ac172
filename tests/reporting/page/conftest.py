from __future__ import annotations

from dataclasses import replace

import pytest

from lavarobust.energy import load_profile
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.shipped import model_path
from lavarobust.reporting.page.build import build_page
from lavarobust.reporting.page.measure import measure
from lavarobust.reporting.page.subject import find_subject

COMMAND = ("lavarobust", "report", "digits-plain")


@pytest.fixture(scope="session")
def tables():
    return tuple(map(load_profile, ("loihi1_davies2018", "horowitz_45nm_int8_int32")))


@pytest.fixture(scope="session")
def subject():
    """A model of the package on 12 images, as if no suite had attacked it."""
    return replace(find_subject(model_path("digits-plain"), DataChoice(limit=12)), suite={})


@pytest.fixture(scope="session")
def measured(subject):
    """The same executed, 8 images of it attacked at two radii."""
    return measure(subject, 8, (0.1, 0.3))


@pytest.fixture(scope="session")
def page(measured, tables):
    return build_page([measured], tables, COMMAND)
