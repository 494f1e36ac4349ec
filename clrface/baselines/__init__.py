"""The methods: one file each, with a literal `CARD` and a class `Restorer`.

Each restores as clrface.api says: (B, 3, H, W) float32 RGB in [0, 1] to the same shape and range.
See docs/how-to/add-a-method.md.
"""
