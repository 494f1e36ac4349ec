"""Data of the package, read where it is installed: sources, protocols, degradations, published
numbers, claims, and manifests.

Nothing here depends on the working folder.
"""

from importlib.resources import files
from pathlib import Path

FOLDER = Path(str(files(__name__)))
SOURCES = FOLDER / "sources.yaml"
PROTOCOLS = FOLDER / "protocols.yaml"
DEGRADATIONS = FOLDER / "degradations.yaml"
PUBLISHED = FOLDER / "published.yaml"
CLAIMS = FOLDER / "claims.yaml"
MANIFESTS = FOLDER / "manifests"
GENERATED = FOLDER / "faces" / "generated"
"""Faces of no real person, aligned, 128 pixels a side."""
SCHEMAS = FOLDER / "schemas"
