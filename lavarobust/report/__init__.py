"""What a person reads at the end: tables, figures, HTML."""
