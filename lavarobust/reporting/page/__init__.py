"""One page that says what is known of deployed models: each section's data in a module of its own."""
