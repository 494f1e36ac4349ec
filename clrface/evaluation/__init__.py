"""Measuring: what runs metrics over folders of images, and over galleries of faces. Imports metrics, never the other way."""
