"""Image data sets in their standard file formats, split once and reproducibly."""

from lavarobust.data.arrays import as_images, from_arrays, read_pair
from lavarobust.data.images import DataSet, Images
from lavarobust.data.loading import load

__all__ = ["DataSet", "Images", "as_images", "from_arrays", "load", "read_pair"]
