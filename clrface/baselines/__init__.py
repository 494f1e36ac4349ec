"""The methods: one file each, with a literal `CARD` and a class `Restorer`. docs/adding-a-method.md."""
