"""Bit widths and limits of Loihi's fixed-point neurons and of NetX files, each with its source.

Sources: ``lava/proc/lif/models.py`` (PyLifModelBitAcc, AbstractPyLifModelFixed) and
``lava/lib/dl/netx/hdf5.py`` of lava-nc 0.10.0 and lava-dl 0.6.0.
"""

from __future__ import annotations

DECAY_UNITY = 1 << 12
"""A decay of 4096 clears the state in one step (12-bit decays plus the ``ds_offset`` register)."""

STATE_SHIFT = 6
"""Synaptic sums, bias mantissas and thresholds are shifted left by 6 bits against the state."""

STATE_HALF_RANGE = 1 << 23
"""Current and potential are 24-bit signed: the current wraps once at +-2**23."""

POTENTIAL_LIMIT = STATE_HALF_RANGE - 1
"""The potential is clipped to +-(2**23 - 1)."""

SUM_LIMIT = STATE_HALF_RANGE >> STATE_SHIFT
"""Largest synaptic sum of one step that a fresh current holds without wrapping (131072)."""

CONV_SUM_BITS = 24
"""Lava's ``Conv`` wraps each synaptic sum to a signed 24-bit integer; ``Dense`` does not."""

WEIGHT_MAX, WEIGHT_STEP = 254, 2
"""Largest magnitude and step of exported weights: 8 bits, even, symmetric. Lava's loader keeps exactly
these for every sign mode; -256 loses its value in some."""

THRESHOLD_MAX = (1 << 17) - 1
"""``vth`` is an unsigned 17-bit mantissa."""

READOUT_THRESHOLD = 1 << 17
"""A threshold that the clipped potential can never exceed: a membrane readout."""

BIAS_MIN, BIAS_MAX = -(1 << 12), (1 << 12) - 1
"""``bias_mant`` is signed 13-bit on hardware; the CPU model stores int16."""

BIAS_EXPONENT = 6
"""The stock loader gives every bias this exponent."""

STATE_EXPONENT = 6
"""Sigma-delta states hold so many bits more than messages, which are cut to them (``hdf5.py``, state_exp)."""

MESSAGE_EXPONENT = 6
"""Sigma-delta messages hold so many fractional bits (``hdf5.py``, spike_exp's default)."""

SIGMA_DELTA_SHIFT = STATE_EXPONENT + MESSAGE_EXPONENT
"""Inputs, thresholds and biases of sigma-delta neurons are shifted left by 12 bits
(``lava/proc/sdn/process.py``)."""

DELAY_MAX = 62
"""The stock loader clamps axonal delays to 62 steps."""

GATE_UNITY = 1 << 16
"""A stochastic gate with this opening lets every spike pass: it is compared with draws of 16 bits."""

GRADED_SHIFT_MAX = 24
"""Bits that a graded sum may round away: it has no more."""
