"""Metrics: one file each, found by name; `registry` looks them up, `measure` runs one over folders of images."""
