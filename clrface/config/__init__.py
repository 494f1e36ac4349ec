"""The config: its files are merged, checked, and resolved to the rows of tables.

It is checked against the schema and the names that exist. Nothing heavy is imported here: the
workflow calls this while it builds its graph, before any work.
"""
