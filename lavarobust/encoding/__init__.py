"""From pixels in [0, 1] to the integers that the first layer receives. This part loads no torch."""

from lavarobust.encoding.integer import encode, input_range

__all__ = ["encode", "input_range"]
