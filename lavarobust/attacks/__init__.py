"""Attacks on the executed integer model, and the diagnosis that says whether they can be believed."""
