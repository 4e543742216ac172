"""What every execution backend offers, whatever it runs on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus


class Backend(Protocol):
    """Executes an integer model on integer input and returns exact integers.

    Attributes:
        name: ``simulator``, ``lava`` or ``loihi2``; it is written into every record.
    """

    name: str

    def run(
        self,
        model: Model,
        stimulus: Stimulus,
        readout: ReadoutKind = "spike_count",
        keep: Collection[int] = (),
    ) -> Record:
        """Execute every sample of ``stimulus`` from a state of rest.

        Step t of a layer's counts and rasters is the t-th step of the sample's window at that
        layer: the latency of one step per synapse layer is already taken out.

        Args:
            model: the integer model.
            stimulus: frames ``(N, *input_shape, F)``, sent at steps 0..F-1 of a window of T steps.
            readout: ``membrane`` reads the last layer's potential at the end of its window.
            keep: indices into ``model.layers`` whose spikes go into ``Record.rasters`` as
                ``(N, *shape, T)`` uint8, messages of sigma-delta neurons as int32, shapes in (C, H, W) order.

        Raises:
            BackendError: the backend is missing or can't run this model, the stimulus is empty or does
                not fit the model, or ``keep`` names a layer without neurons.
        """
        ...
