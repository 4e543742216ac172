"""Recipes, run folders, resuming and sweeps."""
