"""`clrface restore`: files and folders, what is there already, what fails, what is told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from clrface.cli import main
from clrface.errors import UserError
from clrface.fingerprint import ROOT
from clrface.images import read_rgb
from clrface.photo.files import Photo
from clrface.photo.folder import RECORDS, photographs
from clrface.photo.restorer import PhotoRestorer
from clrface.public import load_method, restore
from tests.photographs import exif, scene

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of photographs: two with faces, one without, one that is damaged, one of a format that can't be written."""
    folder = tmp_path / "album"
    folder.mkdir()
    Image.fromarray(scene((40, 60, 96))).save(folder / "one.jpg", exif=exif(), quality=95)
    Image.fromarray(scene((40, 60, 96), (260, 120, 160))).save(folder / "two.png")
    Image.fromarray(np.full((80, 90, 3), 99, np.uint8)).save(folder / "wall.png", pnginfo=None)
    Image.fromarray(scene((40, 60, 96))).save(folder / "old.gif")
    (folder / "torn.jpg").write_bytes((folder / "one.jpg").read_bytes()[:2000])
    return folder


@pytest.fixture
def run(sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`clrface restore` in the project's folder: its exit code, and what it says."""
    monkeypatch.chdir(ROOT)

    def call(*words: object) -> tuple[int, str]:
        code = main(["restore", *map(str, words), "--device", "cpu"])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def test_an_album_is_restored_and_a_second_call_does_what_is_missing(album: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    words = (album, "-o", out, "--method", "wiener", "--save-faces", "--compare", "--force")
    code, said = run(*words)
    assert code == 1 and "torn.jpg" in said and "wall.png: no face found; kept as it is." in said
    assert "3 restored (4 faces), 1 kept as they are, 1 failed" in said
    assert {path.name for path in out.glob("*.*")} == {"one.jpg", "two.png", "old.png", "wall.png", RECORDS}
    assert (out / "wall.png").read_bytes() == (album / "wall.png").read_bytes(), "to the byte"
    assert len(list((out / "faces").glob("two_*_restored.png"))) == 2
    assert read_rgb(out / "compare" / "two.png").shape == (400, 1280, 3)
    records = [json.loads(line) for line in (out / RECORDS).read_text().splitlines()]
    assert {record["photo"]: len(record["faces"]) for record in records} == {"one.jpg": 1, "two.png": 2, "wall.png": 0, "old.gif": 1}

    when = {path: path.stat().st_mtime_ns for path in out.glob("*.*")}
    (album / "torn.jpg").unlink()
    (out / "two.png").unlink()
    code, said = run(*words)
    assert code == 0 and "1 restored (2 faces), 3 done before" in said
    assert (out / "one.jpg").stat().st_mtime_ns == when[out / "one.jpg"]
    code, said = run(*words[:-1], "--min-face", "90")
    assert "done before" not in said, "other settings: all of it again"


def test_what_is_done_is_kept_when_it_is_stopped(album: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (album / "torn.jpg").unlink()
    whole, seen = PhotoRestorer.restore, list[str]()

    def stopped(self: PhotoRestorer, photo: Photo, name: str):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(name)
        return whole(self, photo, name)

    monkeypatch.setattr(PhotoRestorer, "restore", stopped)
    code, said = run(album, "-o", tmp_path / "out", "--method", "wiener", "--force")
    assert code == 130 and "Run the same command again" in said and len(list((tmp_path / "out").glob("*.*"))) == 3
    monkeypatch.setattr(PhotoRestorer, "restore", whole)
    code, said = run(album, "-o", tmp_path / "out", "--method", "wiener", "--force")
    assert code == 0 and "2 done before" in said


def test_clr_face_restores_a_photograph_as_it_is_called(tmp_path: Path, run: Run) -> None:
    Image.fromarray(scene((260, 120, 160))).save(tmp_path / "photo.png")
    code, said = run(tmp_path / "photo.png", "-o", tmp_path / "out", "--set", "steps=2", "--force")
    assert code == 0 and "1 restored (1 faces)" in said
    before, after = read_rgb(tmp_path / "photo.png"), read_rgb(tmp_path / "out" / "photo.png")
    sharpness = [cv2.Laplacian(cv2.cvtColor(image[140:260, 280:400], cv2.COLOR_RGB2GRAY), cv2.CV_64F).var() for image in (before, after)]
    assert sharpness[1] > 1.5 * sharpness[0] and np.array_equal(before[:, :200], after[:, :200])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{album}", "-o", "{album}"], "would be overwritten by its own result"),
        (["{album}/nothing.jpg"], "No file or folder at"),
        (["{album}", "-o", "{album}/one.jpg"], "is a file, expected a folder"),
        (["{album}", "--method", "gfpgam_1_4"], "Did you mean 'gfpgan_1_4'"),
        (["{album}", "--method", "ground_truth"], "is a control of the tables"),
        (["{album}", "--method", "vqfr"], "is an external program"),
        (["{album}", "--method", "clrface", "--set", "step=4"], "Did you mean 'steps'"),
        (["{album}", "--set", "steps"], "expected a parameter and its value, e.g. steps=4"),
        (["{album}", "--weights", "/nowhere/at/all"], "Found no folder"),
        (["{album}", "{album}/one.jpg"], "Two photographs would be written as"),
    ],
)  # fmt: skip
def test_wrong_words_stop_before_any_work(album: Path, run: Run, words: list[str], said: str, tmp_path: Path) -> None:
    before = sorted(path.name for path in album.iterdir())
    given = [word.format(album=album) for word in words]
    code, heard = run(*given, *([] if "-o" in words else ["-o", tmp_path / "out"]))
    assert code == 2 and said in heard and "Traceback" not in heard
    assert sorted(path.name for path in album.iterdir()) == before and not (tmp_path / "out").exists()


def test_two_folders_with_one_name_each_are_refused(album: Path, tmp_path: Path) -> None:
    shutil.copytree(album, tmp_path / "other")
    with pytest.raises(UserError, match="Two photographs would be written"):
        photographs([album, tmp_path / "other"], tmp_path / "out")


def test_the_function_does_as_the_command(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    image = scene((260, 120, 60))
    done = restore(image, "wiener", device="cpu")
    assert done.shape == image.shape and done.dtype == np.uint8
    lq = torch.rand(2, 3, 64, 64)
    assert load_method("unet", device="cpu").restore(lq, [0, 1]).shape == lq.shape
