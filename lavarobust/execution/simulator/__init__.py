"""The exact batched simulator: Lava's integers, whole windows and batches at a time."""

from lavarobust.execution.simulator.backend import Simulator
from lavarobust.execution.simulator.propagate import LayerRun, propagate
from lavarobust.execution.simulator.quantised import run_quantised
from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.execution.simulator.twin import analog_scores

__all__ = ["LayerRun", "Simulator", "Stage", "analog_scores", "compile_model", "propagate", "run_quantised"]
