"""Align faces: find eyes and mouth, map them to the template, cut out a square."""
