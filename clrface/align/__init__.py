"""Align: find the face, bring its eyes and mouth to the template, cut out a square."""
