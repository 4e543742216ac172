"""Networks of SLAYER blocks that train in device integers, and their deployment as integer models."""
