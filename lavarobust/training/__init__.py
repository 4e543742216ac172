"""The training loop, its objectives and checkpoints."""
