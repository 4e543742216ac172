"""A model on the chips of the profiles, layer by layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from extended_models import identity_block

from lavarobust.energy import load_profile
from lavarobust.energy.fit import fit
from lavarobust.energy.profiles import Limit, Profile
from lavarobust.errors import SettingsError
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Model
from netx_models import LIF, even_weight


def profile(**limits: int) -> Profile:
    units = {"cores_per_chip": "cores", "compartments_per_core": "compartments"}
    units["synaptic_memory_bytes_per_core"] = "bytes"
    held = {
        name: Limit(value, units.get(name, "axons"), "made up", "unstated") for name, value in limits.items()
    }
    return Profile("made up", "made up", limits=held)  # type: ignore[arg-type]


def small_model() -> Model:
    layers = (
        Input((2, 6, 6)),
        Conv(even_weight((4, 2, 3, 3)), LIF, (4, 6, 6), padding=(1, 1)),
        Flatten(),
        Dense(even_weight((10, 144)), READOUT),
    )
    return Model(layers, (2, 6, 6), name="small")


def test_layers_by_hand() -> None:
    limits = profile(
        cores_per_chip=4,
        compartments_per_core=48,
        synaptic_memory_bytes_per_core=300,
        fan_in_axons_per_core=200,
    )
    found = fit(small_model(), limits)
    conv, dense = found.layers
    # 144 neurons in cores of 48; 72 shared weights; 16 * 16 pairs of rows and columns, 8 pairs of channels
    assert (conv.layer, conv.neurons, conv.weights, conv.synapses) == ("1 conv", 144, 72, 2048)
    assert conv.cores_by == {
        "compartments_per_core": 3,
        "synaptic_memory_bytes_per_core": 1,
        "fan_in_axons_per_core": 1,
    }
    assert (conv.cores, conv.bound) == (3, ("compartments_per_core",))
    # 144 weights of a byte each for a neuron, so two neurons to a core
    assert (dense.layer, dense.weights, dense.synapses) == ("3 dense", 1440, 1440)
    assert (dense.cores, dense.bound) == (5, ("synaptic_memory_bytes_per_core",))
    assert (found.cores, found.chips, found.fits) == (8, 2, True)
    assert found.unchecked == ("fan_out_axons_per_core",)


def test_fan_out_of_a_convolution_into_a_divided_dense_layer() -> None:
    limits = profile(synaptic_memory_bytes_per_core=300, fan_out_axons_per_core=60)
    conv, dense = fit(small_model(), limits).layers
    assert dense.cores == 5
    # each of 144 neurons takes five axons: twelve neurons to a core
    assert conv.cores_by["fan_out_axons_per_core"] == 12
    assert (conv.cores, conv.bound) == (12, ("fan_out_axons_per_core",))


def test_a_layer_that_cannot_fit_is_named_with_what_a_neuron_takes() -> None:
    found = fit(small_model(), profile(cores_per_chip=4, fan_in_axons_per_core=100))
    conv, dense = found.layers
    assert conv.cores == 1 and dense.cores is None
    assert (dense.bound, dense.excess) == (("fan_in_axons_per_core",), {"fan_in_axons_per_core": 144})
    assert (found.fits, found.cores, found.chips) == (False, None, None)
    assert found.as_dict()["layers"][1]["excess"] == {"fan_in_axons_per_core": 144}


def test_relays_are_populations_of_their_own() -> None:
    layers = fit(identity_block(), profile(compartments_per_core=1024)).layers
    assert [layer.layer for layer in layers] == [
        "0 conv", "1 conv", "relay 1 of 0 conv to 2 conv", "2 conv", "3 conv"
    ]  # fmt: skip
    relay = layers[2]
    assert (relay.neurons, relay.synapses, relay.cores) == (16, 16, 1)
    # nine taps of the kernel and the identity
    assert layers[3].weights == 10


def test_an_input_population_takes_compartments_and_no_weights() -> None:
    model = Model((Input((10,), LIF), Dense(even_weight((3, 10)), READOUT)), (10,))
    held = fit(model, profile(compartments_per_core=4)).layers[0]
    assert (held.layer, held.cores, held.weights, held.synapses) == ("0 input", 3, 0, 0)


def test_recurrence_and_a_model_that_is_only_a_file_of_lava_dl() -> None:
    weight = even_weight((6, 6))
    model = Model((Dense(even_weight((6, 4)), LIF, recurrent_weight=weight),), (4,))
    found = fit(model, profile(compartments_per_core=2, fan_in_axons_per_core=10, fan_out_axons_per_core=6))
    assert found.cores == 3
    assert not fit(model, profile(compartments_per_core=2, fan_in_axons_per_core=9)).fits


def test_the_papers_vgg11_on_loihi_2_is_bound_by_its_weights() -> None:
    """methods: 286,720 hidden neurons, 50.3 M weights in two dense layers."""
    layers = (
        Input((512, 4, 4)),
        Flatten(),
        Dense(np.zeros((4096, 8192), dtype=np.int8), LIF),
        Dense(np.zeros((4096, 4096), dtype=np.int8), LIF),
    )
    first, second = fit(Model(layers, (512, 4, 4)), load_profile("loihi2")).layers
    assert (first.cores, second.cores) == (8192 * 4096 // 131072, 4096 * 4096 // 131072)
    assert first.bound == second.bound == ("synaptic_memory_bytes_per_core",)


def test_a_profile_without_limits_is_refused() -> None:
    with pytest.raises(SettingsError, match="holds no limits of a chip"):
        fit(small_model(), replace(profile(), name="prices only"))


def test_loihi_1_takes_its_limits_from_its_own_table() -> None:
    found = fit(small_model(), load_profile("loihi1_davies2018"))
    assert (found.cores, found.chips, found.unchecked) == (2, 1, ())
    assert all(limit.evidence == "documented" for limit in load_profile("loihi1_davies2018").limits.values())


def test_a_convolution_that_users_ask_about_is_not_bound_by_axons() -> None:
    """512 channels under a 3 x 3 kernel make 4,608 synapses of a neuron, and nine axons."""
    layer = Conv(np.zeros((8, 512, 3, 3), dtype=np.int8), READOUT, (8, 4, 4), padding=(1, 1))
    (held,) = fit(Model((layer,), (512, 4, 4)), load_profile("loihi1_davies2018")).layers
    assert held.cores == 1 and held.cut is not None
    assert held.cut.demand["fan_in_axons_per_core"] == 16
