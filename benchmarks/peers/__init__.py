"""The field's own code, run beside ours: one module a kind of peer."""
