"""Fixtures that several files of these tests share."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clrface.config.load import load_config
from clrface.fingerprint import ROOT
from clrface.renamed import tell_once
from tests.unit.score_files import Project


@pytest.fixture(autouse=True)
def untold() -> None:
    """No old name was reported yet: a process reports each once."""
    tell_once.cache_clear()


@pytest.fixture
def config() -> dict[str, Any]:
    return load_config([ROOT / "config" / "embedded.yaml"])


@pytest.fixture(scope="module")
def faces(orl_faces: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(orl_faces.values()))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
