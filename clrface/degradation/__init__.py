"""Degrade: a clean face becomes the low-quality input, by a named recipe, with every draw on record."""
