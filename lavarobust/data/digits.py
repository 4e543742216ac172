"""scikit-learn's handwritten digits: 1,797 grey images of 8 x 8, embedded in scikit-learn."""

from __future__ import annotations

import numpy as np

from lavarobust.data.splits import Source
from lavarobust.errors import DataError

CLASS_NAMES = tuple(str(digit) for digit in range(10))
PIXEL_MAX = 16


def digits_source() -> Source:
    """All digits, pixels in sixteenths; raises DataError where scikit-learn is missing."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "digits: scikit-learn is not installed. Install it: pip install scikit-learn"
        ) from error
    digits = load_digits()
    pixels = (digits.images / PIXEL_MAX).astype(np.float32)[:, None]
    return Source(digits.target.astype(np.int64), lambda indices: pixels[indices])
