"""SLAYER's CUBA neuron with Lava's integers: it wraps, clips and compares as the chip does."""

from __future__ import annotations

import torch

from lavarobust.compat import activate
from lavarobust.dynamics import LIF, Convolution, Surrogate, Trajectory, integrate, integrate_conv
from lavarobust.netx.limits import DECAY_UNITY
from lavarobust.netx.model import Reset
from lavarobust.snn.scalars import DeviceScalars

activate()

from lava.lib.dl import slayer  # noqa: E402


class IntegerNeuron(slayer.neuron.cuba.Neuron):
    """A ``slayer.neuron.cuba.Neuron`` whose inputs, states and threshold are device integers.

    SLAYER's own neuron neither wraps nor clips and compares in float32, which fails from
    ``vThMant`` 4096 on; here every step is :func:`lavarobust.dynamics.integrate`.

    Args:
        threshold: ``vThMant``.
        current_decay, voltage_decay: ``iDecay`` and ``vDecay``, 0..4096.
        surrogate: the derivative of a spike in the backward pass.
        reset: what a spike does to the potential.
    """

    def __init__(
        self,
        threshold: int,
        current_decay: int,
        voltage_decay: int,
        surrogate: Surrogate | None = None,
        reset: Reset = "hard",
    ) -> None:
        super().__init__(
            threshold=threshold,
            current_decay=current_decay / 4096,
            voltage_decay=voltage_decay / 4096,
            scale=1,
        )
        self.surrogate = surrogate or Surrogate()
        self.reset: Reset = reset

    def set_scalars(self, threshold: int, voltage_decay: int) -> None:
        """Change ``vThMant`` and ``vDecay``, as they and the layer's integer scale change while it trains."""
        self._threshold = int(threshold)
        self.voltage_decay.data.fill_(voltage_decay)

    def integrate(
        self,
        sums: torch.Tensor,
        steps: int,
        bias: torch.Tensor | None = None,
        scalars: DeviceScalars | None = None,
    ) -> Trajectory:
        """Run a window.

        Args:
            sums: ``(F, N, *shape)`` integer-valued synaptic sums, time first.
            steps: T >= F.
            bias: ``(*shape)`` integer-valued, already ``mantissa << 6``.
            scalars: the neuron's own, of which those that train get a gradient.
        """
        threshold, keep = _tensors(scalars)
        return self._seen(integrate(sums, steps, self.population, bias, threshold=threshold, keep=keep))

    def integrate_conv(
        self,
        frames: torch.Tensor,
        weight: torch.Tensor,
        convolution: Convolution,
        steps: int,
        bias: torch.Tensor | None = None,
        scalars: DeviceScalars | None = None,
    ) -> Trajectory:
        """Run a window behind a convolution of frames ``(F, N, C, H, W)``; see :func:`integrate_conv`."""
        population, trained = self.population, _tensors(scalars)
        return self._seen(integrate_conv(frames, weight, convolution, steps, population, bias, *trained))

    @property
    def population(self) -> LIF:
        """The parameters as they are now."""
        decays = _whole_decay(self.current_decay), _whole_decay(self.voltage_decay)
        return LIF(*decays, self.v_th_mant, self.surrogate, self.reset)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Spikes ``(N, *shape, T)`` of synaptic sums ``(N, *shape, T)``, SLAYER's own layout."""
        time_first = input.movedim(-1, 0)
        return self.integrate(time_first, time_first.shape[0]).spikes.movedim(0, -1)

    def _seen(self, trajectory: Trajectory) -> Trajectory:
        """Note the population's shape, as SLAYER's neurons do."""
        self.shape = torch.Size(trajectory.spikes.shape[2:])
        self.num_neurons = self.shape.numel()
        return trajectory


def _tensors(scalars: DeviceScalars | None) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    return (None, None) if scalars is None else (scalars.threshold_tensor, scalars.keep_tensor)


def _whole_decay(decay: torch.Tensor) -> int:
    """What SLAYER's ``cx_current_decay`` and ``cx_voltage_decay`` say, without a dozen operations."""
    return min(max(round(float(decay)), 0), DECAY_UNITY)
