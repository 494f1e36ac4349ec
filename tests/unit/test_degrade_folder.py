"""`clrface degrade`, and the function of the same name: a folder of faces becomes low-quality inputs, with every draw on record."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clrface.catalogue import FOLDER
from clrface.cli import main
from clrface.degradation.apply import apply
from clrface.degradation.draw import Draws
from clrface.images import read_rgb
from clrface.public import degrade

FACES = FOLDER / "faces" / "generated"


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = tmp_path / "truth"
    folder.mkdir()
    for path in sorted(FACES.glob("*.png"))[:3]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_the_same_bytes_on_every_run_and_whatever_else_is_in_the_folder(faces: Path, tmp_path: Path) -> None:
    assert main(["degrade", str(faces), "-o", str(tmp_path / "a"), "--degradation", "gfpgan"]) == 0
    next(iter(sorted(faces.iterdir()))).unlink()
    assert main(["degrade", str(faces), "-o", str(tmp_path / "b"), "--degradation", "gfpgan"]) == 0
    assert len(list((tmp_path / "a").glob("*.png"))) == 3
    for path in (tmp_path / "b").glob("*.png"):
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()
    assert main(["degrade", str(faces), "-o", str(tmp_path / "c"), "--degradation", "gfpgan", "--seed", "1"]) == 0
    assert any(path.read_bytes() != (tmp_path / "c" / path.name).read_bytes() for path in (tmp_path / "b").glob("*.png"))


def test_the_draws_on_record_give_the_images(faces: Path, tmp_path: Path) -> None:
    assert main(["degrade", str(faces), "-o", str(tmp_path / "a"), "--degradation", "blind"]) == 0
    kinds = {field: type(value) for field, value in vars(Draws("")).items()}
    with (tmp_path / "a" / "draws.csv").open() as handle:
        for row in csv.DictReader(handle):
            image_id = row.pop("image_id")
            drawn = {key: text == "True" if kinds[key] is bool else kinds[key](text) for key, text in row.items()}
            assert np.array_equal(apply(read_rgb(faces / f"{image_id}.png"), Draws(**drawn)), read_rgb(tmp_path / "a" / f"{image_id}.png"))


def test_the_function_degrades_one_face() -> None:
    face = read_rgb(next(iter(sorted(FACES.glob("*.png")))))
    one, again, other = (degrade(face, "codeformer_iii", seed=seed) for seed in (0, 0, 1))
    assert one.shape == face.shape and np.array_equal(one, again) and not np.array_equal(one, other) and not np.array_equal(one, face)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--degradation", "gfpgam"], "Did you mean 'gfpgan'"),
        (["--degradation", "gfpgan_lq"], "has finished images of 'celeba_test'"),
        (["--degradation", "blind", "-o", "{faces}"], "is the folder of the images themselves"),
    ],
)
def test_wrong_words_are_told(faces: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = [word.format(faces=faces) for word in words]
    assert main(["degrade", str(faces), *(["-o", str(tmp_path / "a")] if "-o" not in words else []), *given]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "a").exists()


def test_an_image_that_is_no_square_is_told(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (40, 30)).save(faces / "wide.png")
    assert main(["degrade", str(faces), "-o", str(tmp_path / "a"), "--degradation", "blind"]) == 2
    assert "wide.png is 40x30 pixels, expected a square" in capsys.readouterr().err
