"""One module per published defence."""
