"""Manifests: what is read is what was written, and each way to get one wrong has its own message."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from clrface.align.curate import split_of
from clrface.errors import UserError
from clrface.images import write_png
from clrface.manifest import Entry, chunks, from_folder, match_ids, read_manifest, select, write_manifest

MANIFESTS = Path(__file__).parents[2] / "clrface/catalogue/manifests"
SHA = "0" * 64


def people(n_people: int, n_images: int) -> list[Entry]:
    """A small manifest in text order: s1_10 before s1_2."""
    ids = sorted(f"s{person}_{image}" for person in range(1, n_people + 1) for image in range(1, n_images + 1))
    return [Entry(image_id, f"{image_id}.pgm", image_id.split("_")[0], "test", SHA) for image_id in ids]


def image_file(path: Path, level: int) -> Path:
    write_png(path, np.full((4, 4, 3), level, np.uint8))
    return path


def test_orl_is_400_images_of_40_people() -> None:
    entries = read_manifest(MANIFESTS / "orl.csv")
    assert len(entries) == len({entry.sha256 for entry in entries}) == 400
    assert set(Counter(entry.identity for entry in entries).values()) == {10}
    assert {entry.split for entry in entries} == {"test"}
    assert [entry.image_id for entry in select(entries, identities=40, images_per_identity=3)][:4] == ["s1_1", "s1_2", "s1_3", "s2_1"]


def test_utkface_has_each_content_once_and_in_the_split_of_its_hash() -> None:
    entries = read_manifest(MANIFESTS / "utkface.csv")
    assert Counter(entry.split for entry in entries) == {"train": 17381, "val": 558}
    assert len({entry.sha256 for entry in entries}) == len(entries)
    assert all(entry.split == split_of(entry.sha256) for entry in entries)


def test_round_trip(tmp_path: Path) -> None:
    entries = people(2, 3)
    write_manifest(tmp_path / "m.csv", entries)
    assert read_manifest(tmp_path / "m.csv") == entries


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("image_id,file\n", "starts with 'image_id,file'"),
        (f"image_id,file,identity,split,sha256\na,a.png,,test,{SHA}\na,b.png,,test,{SHA}\n", "two rows with the image_id 'a'"),
        (f"image_id,file,identity,split,sha256\na,a.png,,trian,{SHA}\n", "line 2: found split 'trian'"),
        ("image_id,file,identity,split,sha256\na,a.png,,test,12\n", "found sha256 '12'"),
        (f"image_id,file,identity,split,sha256\na,../a.png,,test,{SHA}\n", "inside the dataset's folder"),
        (f"image_id,file,identity,split,sha256\na,/a.png,,test,{SHA}\n", "inside the dataset's folder"),
        (f"image_id,file,identity,split,sha256\n../a,a.png,,test,{SHA}\n", "plain file name"),
        ("image_id,file,identity,split,sha256\na,a.png\n", "found 2 fields"),
    ],
)
def test_a_broken_manifest_is_explained(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_manifest(tmp_path / "m.csv")


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No manifest at .*none\.csv"):
        read_manifest(tmp_path / "none.csv")


def test_select_takes_the_first_in_natural_order() -> None:
    chosen = select(people(11, 10), identities=2, images_per_identity=3)
    assert [entry.image_id for entry in chosen] == ["s1_1", "s1_2", "s1_3", "s2_1", "s2_2", "s2_3"]
    assert len(select(people(11, 10))) == 110
    assert select(people(2, 2), split="train") == []


def test_a_gallery_takes_the_last() -> None:
    chosen = select(people(11, 10), identities=2, images_per_identity=3, last=True)
    assert [entry.image_id for entry in chosen] == ["s1_8", "s1_9", "s1_10", "s2_8", "s2_9", "s2_10"]


def test_lfw25_is_a_hundred_images_of_nobody_known() -> None:
    entries = read_manifest(MANIFESTS / "lfw25.csv")
    assert len(entries) == len({entry.sha256 for entry in entries}) == 100
    assert {(entry.identity, entry.split) for entry in entries} == {("", "test")}


def test_select_counts() -> None:
    with pytest.raises(UserError, match="Found 2 identities, but `identities` asks for 3"):
        select(people(2, 2), identities=3)
    with pytest.raises(UserError, match="Found 2 images of identity 's1', but `images_per_identity` asks for 3"):
        select(people(2, 2), images_per_identity=3)
    with pytest.raises(UserError, match="Found 4 images, but `images` asks for 5"):
        select(people(2, 2), images=5)


def test_images_are_taken_evenly_over_the_set() -> None:
    chosen = select(people(4, 5), images=4)
    assert [entry.image_id for entry in chosen] == ["s1_1", "s2_1", "s3_1", "s4_1"]
    first, second = (select(read_manifest(MANIFESTS / "utkface.csv"), split="val", images=120, offset=offset) for offset in (0, 2))
    assert len({entry.image_id for entry in first + second}) == 240 and {entry.split for entry in first} == {"val"}
    with pytest.raises(UserError, match="Found an `offset` of 5, but 4 of 20 images lie 5 apart"):
        select(people(4, 5), images=4, offset=5)


def test_chunks_keep_order_and_lose_nothing() -> None:
    assert chunks(list("abcdefg"), 3) == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert chunks([], 3) == []
    with pytest.raises(UserError, match="chunk size of 0"):
        chunks(["a"], 0)


def test_match_ids_names_missing_and_extra() -> None:
    match_ids(["b", "a"], ["a", "b"], "restored/")
    with pytest.raises(UserError, match=r"Found 2 images in restored/.*missing \(1\): b; not expected \(1\): c"):
        match_ids(["a", "c"], ["a", "b"], "restored/")
    with pytest.raises(UserError, match=r"missing \(12\): .* and 2 more"):
        match_ids([], [str(i) for i in range(12)], "restored/")


def test_from_folder_takes_every_image(tmp_path: Path) -> None:
    for name in ("p10.png", "p2.png"):
        image_file(tmp_path / name, 10)
    (tmp_path / "notes.txt").write_text("not an image")
    entries = from_folder(tmp_path)
    assert [(entry.image_id, entry.file, entry.identity, entry.split) for entry in entries] == [
        ("p2", "p2.png", "", "test"),
        ("p10", "p10.png", "", "test"),
    ]


def test_from_folder_refuses_what_is_ambiguous_or_empty(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No folder at"):
        from_folder(tmp_path / "none")
    with pytest.raises(UserError, match="Found 0 images"):
        from_folder(tmp_path)
    image_file(tmp_path / "a.png", 10)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(UserError, match="two images named 'a'"):
        from_folder(tmp_path)


def test_reading_a_manifest_imports_nothing_heavy() -> None:
    code = "import clrface.manifest, sys; print(*{'torch', 'dlib', 'cv2', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
