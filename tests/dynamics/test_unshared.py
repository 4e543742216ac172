"""What is looked at in the calling thread is what torch would have said."""

import math
import subprocess
import sys
from pathlib import Path

import hypothesis.extra.numpy as arrays
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.dynamics.unshared import active_share, are_whole, nearest, peak

VALUES = arrays.arrays("float32", st.integers(1, 30), elements=st.floats(width=32))


@given(VALUES)
def test_nearest_is_torchs_round(values):
    tensor = torch.from_numpy(values)
    assert torch.equal(nearest(tensor).nan_to_num(7.25), torch.round(tensor).nan_to_num(7.25))


def test_halves_go_to_the_even_integer():
    assert nearest(torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5])).tolist() == [-2, 0, 0, 2, 2]


def test_nearest_has_no_gradient_and_leaves_its_argument_alone():
    values = torch.tensor([0.4, 1.6], requires_grad=True)
    assert not nearest(values).requires_grad
    assert torch.equal(values.detach(), torch.tensor([0.4, 1.6]))


@given(VALUES)
def test_peak_is_the_largest_magnitude(values):
    expected = torch.from_numpy(values).abs().amax().item()
    made = peak(torch.from_numpy(values))
    assert made == expected or (math.isnan(made) and math.isnan(expected))


def test_peak_of_nothing_is_zero():
    assert peak(torch.zeros(0, 3)) == 0


@pytest.mark.parametrize(
    ("values", "whole"),
    [([1.0, -254.0, 0.0], True), ([1.0, 0.5], False), ([math.nan], False), ([2.0**30], True), ([], True)],
)
def test_whole_are_integers_alone(values, whole):
    assert are_whole(torch.tensor(values)) is whole


def test_active_share_counts_what_is_not_zero():
    assert active_share(torch.tensor([[0.0, -1.0], [3.0, 0.0]])) == 0.5
    assert active_share(torch.zeros(2, 0)) == 0


STEP = """
import os, threading, time
import torch
from benchmarks import training

def nanoseconds():
    ours = {str(thread.native_id) for thread in threading.enumerate()}
    tasks = set(os.listdir("/proc/self/task")) - ours
    return sum(int(open(f"/proc/self/task/{task}/schedstat").read().split()[0]) for task in tasks)

torch.set_num_threads(2)
step = training._alone("our", 8)
step()
time.sleep(0.5)
before = nanoseconds()
step()
after = nanoseconds()
torch.ones(1 << 22).round()
print(after - before, nanoseconds() - after)
"""


def test_a_training_step_wakes_none_of_torchs_threads():
    """Those of Python are ours; the others run in the operation behind the step, which torch shares out."""
    root = Path(__file__).resolve().parents[2]
    made = subprocess.run([sys.executable, "-c", STEP], cwd=root, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    # what a library warns of may come before
    in_step, behind_it = map(int, made.stdout.splitlines()[-1].split())
    assert in_step == 0 < behind_it
