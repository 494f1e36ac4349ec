"""Degrade: make the low-quality input from a clean face by a named degradation, and record every
draw.
"""
