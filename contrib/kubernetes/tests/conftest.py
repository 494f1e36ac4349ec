"""The package as it lies here, and the project's fixtures."""

import sys
from pathlib import Path

from tests.conftest import sources

__all__ = ["sources"]

sys.path.insert(0, str(Path(__file__).parents[1]))
