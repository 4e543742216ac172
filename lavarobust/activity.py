"""How active a network was in an execution, and how far a perturbation moved its spikes.

The terms are HIRE-SNN's (Kundu, Pedram & Beerel, ICCV 2021): spiking activity (SA), its mean over the
steps (TASA), and the distance that a perturbation makes, in pixels and in spikes. All of it comes from
executed integers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lavarobust.errors import SettingsError
from lavarobust.record import Record


def spiking_activity(record: Record) -> Mapping[str, np.ndarray]:
    """SA: by layer, ``(N,)`` float64 spikes per neuron over all steps of a sample; it can exceed 1."""
    return {layer.name: layer.spikes.sum(axis=1) / layer.neurons for layer in record.layers}


def time_averaged_activity(record: Record) -> Mapping[str, np.ndarray]:
    """TASA: by layer, ``(N,)`` float64 spikes per neuron and step, 0..1."""
    return {name: activity / record.steps for name, activity in spiking_activity(record).items()}


def pixel_distance(images: np.ndarray, perturbed: np.ndarray) -> np.ndarray:
    """PD: ``(N,)`` float64 l2 norm of what was changed of images ``(N, ...)``, in pixel units."""
    change = perturbed.astype(np.float64) - images.astype(np.float64)
    return np.asarray(np.linalg.norm(change.reshape(len(images), -1), axis=1))


def spike_distance(clean: Record, perturbed: Record) -> Mapping[int, np.ndarray]:
    """Spike PD: by layer index, ``(N,)`` float64 l2 norm of how far the neurons' rates moved.

    A neuron's rate is its spikes per step, so windows of different length compare.

    Args:
        clean, perturbed: records of the same samples that kept the same layers' rasters.

    Raises:
        SettingsError: they did not, or have other samples.
    """
    if not clean.rasters or clean.rasters.keys() != perturbed.rasters.keys():
        raise SettingsError(
            f"spike distance needs the same layers' rasters of both executions, and has "
            f"{sorted(clean.rasters)} and {sorted(perturbed.rasters)}. Name them in keep"
        )
    if clean.samples != perturbed.samples:
        raise SettingsError(
            f"spike distance compares the same samples, and has {clean.samples} and {perturbed.samples}"
        )
    return {
        index: pixel_distance(raster.mean(axis=-1), perturbed.rasters[index].mean(axis=-1))
        for index, raster in clean.rasters.items()
    }
