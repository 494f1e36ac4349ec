"""The planner: which jobs a config asks for, what each reads, and its command's arguments.

`Plan` is made once from the checked config; the other modules answer the workflow's rules. It
imports neither Snakemake nor anything heavy.
"""
