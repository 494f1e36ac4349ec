"""Networks that metrics share, built from the fetched weights."""
