"""Image and event data sets in their standard file formats, split once and reproducibly."""

from lavarobust.data.arrays import as_images, from_arrays, read_pair
from lavarobust.data.events import EventFrames
from lavarobust.data.images import DataSet, Images
from lavarobust.data.loading import NAMES, load

__all__ = ["NAMES", "DataSet", "EventFrames", "Images", "as_images", "from_arrays", "load", "read_pair"]
