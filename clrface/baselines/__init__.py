"""The methods: one file each, with a literal `CARD` and a class `Restorer`. docs/how-to/add-a-method.md."""
