"""Run metrics over folders of images, and over galleries of faces.

It imports metrics; metrics never import it.
"""
