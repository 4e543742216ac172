"""The integer model and its NetX HDF5 file: read, write, check. Loads neither torch nor lava."""
