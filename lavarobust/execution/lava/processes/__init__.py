"""Lava Processes of ours.

Lava's compiler executes every module of a Process's directory again, so nothing but Processes and
their models lives here, and importing one has no side effect.
"""
