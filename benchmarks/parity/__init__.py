"""Differential fuzzing: random full-range networks through the simulator and through real Lava."""
