"""Energy: exact counts of an execution times a price table."""
