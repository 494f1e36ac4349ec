"""The version: read by pyproject.toml and by `clrface --version`.

In a module of its own, so that no fingerprint has it.
"""

__version__ = "0.1.0"
