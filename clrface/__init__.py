"""CLR-Face Bench: a benchmark and reproducibility harness for blind face restoration.

One package per step, in the order in which data walks through it: fetch, align, degrade, models and
training, restore, metrics, tables, report.
"""
