"""Degrade: a clean face becomes the low-quality input, by a named degradation, with every draw on record."""
