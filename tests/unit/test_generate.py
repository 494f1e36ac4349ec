"""Generated faces, by the real generator: the same on every call, one seed a face, and a stopped run goes on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from clrface.align.geometry import template
from clrface.align.landmarks import FaceFinder
from clrface.errors import UserError
from clrface.generate.faces import RECORD, Drawing, generate_faces
from clrface.generate.generator import BANDS, SETTINGS, FaceGenerator
from clrface.images import read_rgb
from clrface.manifest import read_manifest
from clrface.seeds import generator


@pytest.fixture(scope="module")
def drawn(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces") / "set"
    generate_faces(Drawing(count=3, seed=0, size=256), sources / "mobilestylegan", folder)
    return folder


def test_faces_are_in_colour_and_where_ffhq_has_them(drawn: Path, sources: Path) -> None:
    finder = FaceFinder(sources / "dlib")
    for path in sorted(drawn.glob("*.png")):
        rgb = read_rgb(path)
        assert rgb.shape == (256, 256, 3) and np.ptp(rgb.astype(int), axis=2).mean() > 5, "not grey"
        face = finder.find(rgb)
        assert face is not None and np.abs(face.landmarks - template(256, "ffhq")).max() < 12


def test_the_manifest_names_each_face_once(drawn: Path) -> None:
    entries = read_manifest(drawn / "manifest.csv")
    assert [entry.image_id for entry in entries] == ["g000000", "g000001", "g000002"]
    assert {entry.split for entry in entries} <= {"train", "val"}


def test_a_stopped_run_goes_on_and_a_larger_count_only_adds(drawn: Path, sources: Path) -> None:
    before = {path.name: path.read_bytes() for path in drawn.glob("*.png")}
    (drawn / "g000001.png").unlink()
    kept = (drawn / "g000000.png").stat().st_mtime_ns
    generate_faces(Drawing(count=4, seed=0, size=256), sources / "mobilestylegan", drawn)
    assert {path.name: path.read_bytes() for path in drawn.glob("*.png") if path.name != "g000003.png"} == before
    assert (drawn / "g000000.png").stat().st_mtime_ns == kept, "what was there was not drawn again"
    assert len(read_manifest(drawn / "manifest.csv")) == 4


def test_faces_drawn_otherwise_are_never_mixed(drawn: Path, sources: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds faces drawn with .*'seed': 0.* but asked for are .*'seed': 1"):
        generate_faces(Drawing(count=3, seed=1, size=256), sources / "mobilestylegan", drawn)
    (tmp_path / "holiday.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=f"not empty and holds no {RECORD}"):
        generate_faces(Drawing(count=1), sources / "mobilestylegan", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.png"]


def test_another_network_in_the_generator_s_place_is_named(sources: Path, tmp_path: Path) -> None:
    for name in ("Mapping", "Synthesis"):
        for suffix in ("xml", "bin"):
            shutil.copy(sources / "mobilestylegan" / f"MappingNetwork.{suffix}", tmp_path / f"{name}Network.{suffix}")
    with pytest.raises(UserError, match=rf"SynthesisNetwork\.xml is another network: it has no layer {BANDS}\. Delete {tmp_path}"):
        FaceGenerator(tmp_path, truncation=0.8)


def test_the_low_pass_band_is_the_mean_of_the_full_image(sources: Path) -> None:
    import openvino

    network = FaceGenerator(sources / "mobilestylegan", truncation=0.8)
    half = network.face(generator(5, "generate", "g000000"))
    synthesis = openvino.Core().read_model(sources / "mobilestylegan" / "SynthesisNetwork.xml")
    style = network._map(generator(5, "generate", "g000000").standard_normal((1, 512)).astype(np.float32))[0]
    full = openvino.Core().compile_model(synthesis, "CPU", SETTINGS)(network._mean + 0.8 * (style - network._mean))[0][0]
    boxes = full.reshape(3, 512, 2, 512, 2).mean((2, 4))
    assert np.abs((np.moveaxis(boxes, 0, -1).clip(-1, 1) + 1) * 127.5 - half).max() < 0.6


@pytest.mark.parametrize(
    ("change", "said"),
    [({"count": 0}, "count of 0"), ({"size": 16}, "size of 16"), ({"size": 1024}, "size of 1024")],
)
def test_drawings_that_make_no_sense_are_refused(change: dict[str, int], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Drawing(**{"count": 1, **change})


def test_a_truncation_of_nothing_and_a_missing_generator_are_refused(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="truncation of 0"):
        FaceGenerator(sources / "mobilestylegan", truncation=0)
    with pytest.raises(UserError, match="Fetch the source first: clrface fetch mobilestylegan"):
        FaceGenerator(tmp_path, truncation=0.8)
