"""The methods: one file each, with a literal `CARD` and a class `Restorer`.

See docs/how-to/add-a-method.md.
"""
