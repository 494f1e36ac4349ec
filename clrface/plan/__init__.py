"""The planner: which jobs a config asks for, what each reads, and the words that its command gets. No Snakemake, nothing heavy.

`Plan` is made once from the checked config; the other modules answer what the workflow's rules ask of it.
"""
