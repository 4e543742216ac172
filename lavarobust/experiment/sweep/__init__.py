"""Sweeps: many recipes and seeds as work units that a pool of processes, or a cluster, works off."""
