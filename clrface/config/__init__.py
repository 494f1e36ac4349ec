"""The config: its files merged, checked against the schema and the names that exist, and resolved to the rows of a table.

Nothing heavy is imported here: the workflow calls this while it builds its graph, before any work.
"""
