"""Random sigma-delta networks: ``benchmarks/parity/sigma_delta.py``, where the fuzzer finds them too."""

from benchmarks.parity.sigma_delta import random_model

__all__ = ["random_model"]
