"""Checksums that nobody published: the first is trusted, said, recorded, and asked for ever after. And sets of faces named once fetched."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from clrface.align.chunk import resize_chunk
from clrface.degradation.chunk import degrade_chunk
from clrface.degradation.draw import Degradation, draw
from clrface.errors import UserError
from clrface.fetch import Source, fetch, is_fetched, load_sources
from clrface.fetch.mirror import pack
from clrface.fingerprint import ROOT
from clrface.images import read_rgb
from clrface.manifest import of_fetched_set, read_manifest, write_manifest
from clrface.seeds import generator
from tests.shelf import ALL, ARCHIVE, AT_ONCE, MEMBERS, Place, Shelf, at, sum_of, tarred, zipped


def trusted(url: str, **changes: Any) -> dict[str, Any]:
    return {**at(url), "sha256": "on_first_use", "bytes": None, **changes}


def lock(place: Place) -> dict[str, Any]:
    return json.loads((place.base / "sources.lock.json").read_text())


def test_the_first_is_trusted_said_and_recorded(place: Place, shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    sources = place.sources(trusted(f"{shelf.url}/toy.zip"))
    place.fetch(sources)
    said = capsys.readouterr().err
    assert "toy: TRUSTED ON FIRST USE" in said and f"received {len(ARCHIVE):,} bytes, sha256 {sum_of(ARCHIVE)}" in said
    entry = lock(place)["toy"]
    assert entry["files"] == 3 and len(entry["content"]) == 64
    assert entry["archives"] == {"toy.zip": {"sha256": sum_of(ARCHIVE), "bytes": len(ARCHIVE), "from": f"url {shelf.url}/toy.zip"}}
    place.fetch(sources)
    assert "TRUSTED" not in capsys.readouterr().err and len(shelf.asked) == 1


def test_another_archive_is_refused_ever_after(place: Place, shelf: Shelf) -> None:
    sources = place.sources(trusted(f"{shelf.url}/toy.zip"))
    place.fetch(sources)
    for folder in ("raw", "downloads"):
        (place.base / folder).rename(place.base / f"old {folder}")
    other = zipped({**MEMBERS, "top/a.bin": b"another"})
    shelf.files["/toy.zip"] = other
    with pytest.raises(UserError) as caught:
        place.fetch(sources)
    text = str(caught.value)
    assert f"found {len(other):,} bytes with sha256 {sum_of(other)}" in text or "sent more than" in text
    assert f"toy.zip with {len(ARCHIVE):,} bytes with sha256 {sum_of(ARCHIVE)} (as first received)" in text
    assert lock(place)["toy"]["archives"]["toy.zip"]["sha256"] == sum_of(ARCHIVE)
    shelf.files["/toy.zip"] = ARCHIVE
    place.fetch(sources)
    assert place.files() == ALL


def test_another_pack_of_the_same_files_will_do_and_of_others_not(place: Place, shelf: Shelf) -> None:
    place.fetch(place.sources(trusted(f"{shelf.url}/toy.zip")))
    shelf.files["/toy.tar.gz"] = tarred({f"elsewhere/{name}": content for name, content in ALL.items()})
    packed = trusted(f"{shelf.url}/toy.tar.gz", file="toy.tar.gz", strip="elsewhere/")
    place.fetch(place.sources(packed))
    assert set(lock(place)["toy"]["archives"]) == {"toy.zip", "toy.tar.gz"}
    shelf.files["/new.tar.gz"] = tarred({f"elsewhere/{name}": content + b"!" for name, content in ALL.items()})
    with pytest.raises(UserError, match="holds other files than source 'toy' gave at first"):
        place.fetch(place.sources({**packed, "url": f"{shelf.url}/new.tar.gz", "file": "new.tar.gz"}))
    assert set(lock(place)["toy"]["archives"]) == {"toy.zip", "toy.tar.gz"}


def test_the_published_size_is_asserted_on_first_use(place: Place, shelf: Shelf) -> None:
    with pytest.raises(UserError, match=rf"found {len(ARCHIVE):,} bytes .* but expected {len(ARCHIVE) + 1:,} bytes"):
        place.fetch(place.sources(trusted(f"{shelf.url}/toy.zip", bytes=len(ARCHIVE) + 1)))
    assert not (place.base / "sources.lock.json").exists()


def test_a_lock_from_elsewhere_makes_what_is_here_stale(place: Place, shelf: Shelf) -> None:
    """A colleague's lock, pulled from git, names other files than were fetched here."""
    sources = place.sources(trusted(f"{shelf.url}/toy.zip"))
    place.fetch(sources)
    path = place.base / "sources.lock.json"
    theirs = lock(place)
    theirs["toy"] |= {"content": "0" * 64, "archives": {"toy.zip": {"sha256": "0" * 64, "bytes": 5, "from": "url elsewhere"}}}
    path.write_text(json.dumps(theirs))
    assert not is_fetched(sources["toy"], place.raw)
    with pytest.raises(UserError, match=f"expected sha256 {'0' * 64}|more than the expected 5 bytes"):
        place.fetch(sources)
    path.unlink()
    assert not is_fetched(sources["toy"], place.raw), "nothing is trusted without a record"
    place.fetch(sources)
    assert lock(place)["toy"]["archives"]["toy.zip"]["sha256"] == sum_of(ARCHIVE)
    path.write_text("{")
    with pytest.raises(UserError, match="as JSON"):
        place.fetch(sources)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"files": None}, "or `sha256: on_first_use` and the number of `files`"), ({"faces": "test", "files": None}, "files")],
)
def test_what_is_trusted_must_be_counted(place: Place, change: dict[str, Any], said: str) -> None:
    place.sources(trusted("http://localhost/toy.zip"))
    text = place.config.read_text().replace("  files: 3\n", "  faces: test\n" if "faces" in change else "")
    place.config.write_text(text)
    with pytest.raises(UserError, match=said):
        load_sources(place.config)


# Sets of faces


def face(name: str, side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.fromarray(generator(0, "test", "set", name).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def make_set(place: Place, shelf: Shelf, name: str, faces: dict[str, bytes], use: str = "test") -> None:
    """Fetch a set of faces by that name, packed as the field's archives are: in a folder, with a Mac's junk beside."""
    shelf.files[f"/{name}.zip"] = zipped(
        {f"{name}/cropped/{file}": content for file, content in faces.items()} | {f"__MACOSX/{name}/._0.png": b"junk"}
    )
    archive = trusted(f"{shelf.url}/{name}.zip", file=f"{name}.zip", strip="**/")
    place.sources(archive, members=["[!.]*.png"], files=len(faces), faces=use)
    place.config.write_text(place.config.read_text().replace("toy:", f"{name}:"))
    fetch(name, load_sources(place.config), place.raw, place.downloads, (), AT_ONCE)


def test_a_fetched_set_gets_a_manifest(place: Place, shelf: Shelf) -> None:
    names = ["2.png", "10.png", "1.png"]
    make_set(place, shelf, "faces", {name: face(name) for name in names})
    entries = read_manifest(place.raw / "faces" / "manifest.csv")
    assert [(entry.image_id, entry.file, entry.split) for entry in entries] == [
        ("1", "1.png", "test"),
        ("2", "2.png", "test"),
        ("10", "10.png", "test"),
    ]
    assert [entry.sha256 for entry in entries] == [sum_of(face(f"{entry.image_id}.png")) for entry in entries]


def test_a_training_set_is_split_by_content(place: Place, shelf: Shelf) -> None:
    make_set(place, shelf, "many", {f"{number}.png": face(str(number), 2) for number in range(200)}, "training")
    splits = [entry.split for entry in read_manifest(place.raw / "many" / "manifest.csv")]
    assert set(splits) == {"train", "val"} and splits.count("val") < 20


@pytest.mark.parametrize("layout", ["CelebChild-Test/Child/{}", "Child/{}", "CelebChild-Test/{}"])
def test_celebchild_is_its_children_whatever_the_archives_layout(place: Place, shelf: Shelf, layout: str) -> None:
    """Its archive may hold as many adults in a folder beside; its count tells the two layouts apart."""
    names = ["1.png", "2.png", "3.png"]
    adults = {layout.replace("Child/", "Adult/").format(name): face(f"adult {name}") for name in names if layout.count("Child/")}
    shelf.files["/celeb.zip"] = zipped({layout.format(name): face(name) for name in names} | adults)
    known = load_sources(ROOT / "clrface/catalogue/sources.yaml")["celebchild_test"]
    strips = list(dict.fromkeys(archive.strip for archive in known.archives))
    same = {**at(f"{shelf.url}/celeb.zip"), "file": "celeb.zip", "sha256": sum_of(shelf.files["/celeb.zip"]), "bytes": None}
    place.fetch(place.sources(*({**same, "strip": strip} for strip in strips), members=list(known.members), files=3, faces="test"))
    assert {path.name: path.read_bytes() for path in place.toy.glob("*.png")} == {name: face(name) for name in names}
    assert len(shelf.asked) == 1


def test_two_images_of_one_name_are_refused(place: Place, shelf: Shelf) -> None:
    shelf.files["/twice.zip"] = zipped({"a/1.png": face("1"), "b/1.png": face("2")})
    with pytest.raises(UserError, match=r"holds 'b/1\.png' twice"):
        place.fetch(place.sources(trusted(f"{shelf.url}/twice.zip", strip="**/"), members=["*.png"], files=2))


# Photographs that a list names

LISTED = "1\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo_Ek\t1\n"


def listed_sources(place: Place, shelf: Shelf, photographs: list[str]) -> dict[str, Source]:
    """A set of photographs, by people's folders, and the list of pairs that says which of them are taken."""
    shelf.files["/lfw.tgz"] = tarred({f"lfw/{name}": face(name) for name in photographs})
    shelf.files["/pairs.txt"] = LISTED.encode()
    notes = {"licence": "none", "citation": "none"}
    entries = {
        "faces": {
            "archives": [{**at(f"{shelf.url}/lfw.tgz"), "file": "lfw.tgz", "sha256": sum_of(shelf.files["/lfw.tgz"]), "strip": "lfw/"}],
            "members": ["*/*.jpg"],
            "files": 3,
            "faces": "test",
            "aligned": False,
            "listed": "pairs",
            **notes,
        },
        "pairs": {
            "archives": [{**at(f"{shelf.url}/pairs.txt"), "file": "pairs.txt", "sha256": sum_of(LISTED.encode())}],
            "members": ["pairs.txt"],
            **notes,
        },
    }
    place.config.write_text(yaml.safe_dump(entries))
    return load_sources(place.config)


def test_only_listed_photographs_are_taken_and_folders_name_the_people(place: Place, shelf: Shelf) -> None:
    photographs = [f"{person}/{person}_{number:04d}.jpg" for person in ("Ann_Lee", "Bo_Ek", "Cy_Io") for number in (1, 2, 3)]
    fetch("faces", listed_sources(place, shelf, photographs), place.raw, place.downloads, (), AT_ONCE)
    entries = read_manifest(place.raw / "faces" / "manifest.csv")
    assert [(entry.image_id, entry.identity) for entry in entries] == [
        ("Ann_Lee_0001", "Ann_Lee"),
        ("Ann_Lee_0002", "Ann_Lee"),
        ("Bo_Ek_0001", "Bo_Ek"),
    ]
    assert (place.raw / "pairs" / "pairs.txt").is_file(), "the list was fetched first"
    assert sorted(path.name for path in (place.raw / "faces").glob("*/*")) == [f"{entry.image_id}.jpg" for entry in entries]


def test_another_list_has_the_photographs_taken_again(place: Place, shelf: Shelf) -> None:
    photographs = [f"{person}/{person}_{number:04d}.jpg" for person in ("Ann_Lee", "Bo_Ek", "Cy_Io") for number in (1, 2, 3)]
    before = listed_sources(place, shelf, photographs)
    fetch("faces", before, place.raw, place.downloads, (), AT_ONCE)
    other = LISTED.replace("Bo_Ek", "Cy_Io")
    shelf.files["/pairs.txt"] = other.encode()
    place.config.write_text(place.config.read_text().replace(sum_of(LISTED.encode()), sum_of(other.encode())))
    after = load_sources(place.config)
    assert is_fetched(before["faces"], place.raw) and not is_fetched(after["faces"], place.raw)
    fetch("faces", after, place.raw, place.downloads, (), AT_ONCE)
    assert (place.raw / "faces/Cy_Io/Cy_Io_0001.jpg").is_file() and not (place.raw / "faces/Bo_Ek").exists()


def test_a_manifest_in_git_may_have_a_list_beside_it(place: Place, shelf: Shelf) -> None:
    photographs = ["Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg", "Bo_Ek/Bo_Ek_0001.jpg"]
    listed_sources(place, shelf, [*photographs, "Cy_Io/Cy_Io_0001.jpg"])
    entries = yaml.safe_load(place.config.read_text())
    for key in ("files", "faces", "aligned"):
        del entries["faces"][key]
    entries["faces"]["manifest"] = "faces.csv"
    place.config.write_text(yaml.safe_dump(entries))
    write_manifest(place.base / "faces.csv", of_fetched_set({name: sum_of(face(name)) for name in photographs}))
    fetch("faces", load_sources(place.config), place.raw, place.downloads, (), AT_ONCE)
    assert sorted(path.relative_to(place.raw / "faces").as_posix() for path in (place.raw / "faces").glob("*/*")) == photographs
    assert (place.raw / "pairs" / "pairs.txt").is_file(), "the list was fetched too"


def test_a_mirror_has_the_list_too(place: Place, shelf: Shelf) -> None:
    photographs = ["Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg", "Bo_Ek/Bo_Ek_0001.jpg"]
    pack(["faces"], listed_sources(place, shelf, photographs), place.base / "mirror", place.raw, place.downloads, (), AT_ONCE)
    assert sorted(path.name for path in (place.base / "mirror").iterdir()) == ["lfw.tgz", "mirror.json", "pairs.txt"]


def test_a_list_must_be_one_of_pairs(place: Place, shelf: Shelf) -> None:
    listed_sources(place, shelf, ["Ann_Lee/Ann_Lee_0001.jpg"])
    place.config.write_text(place.config.read_text().replace("listed: pairs", "listed: faces"))
    with pytest.raises(UserError, match=r"source 'faces' is listed by 'faces', whose members are not pairs\.txt alone"):
        load_sources(place.config)


def test_a_listed_photograph_that_is_missing_is_told(place: Place, shelf: Shelf) -> None:
    sources = listed_sources(place, shelf, ["Ann_Lee/Ann_Lee_0001.jpg", "Bo_Ek/Bo_Ek_0001.jpg"])
    with pytest.raises(UserError, match=r"isn't what the entry of source 'faces' says: found 2 files, but expected 3"):
        fetch("faces", sources, place.raw, place.downloads, (), AT_ONCE)
    assert not (place.raw / "faces").exists()


def test_a_list_that_is_no_source_is_told(place: Place, shelf: Shelf) -> None:
    listed_sources(place, shelf, ["Ann_Lee/Ann_Lee_0001.jpg"])
    place.config.write_text(place.config.read_text().replace("listed: pairs", "listed: pair"))
    with pytest.raises(UserError, match=r"faces\.listed, 'pair'\. Did you mean 'pairs'\?"):
        load_sources(place.config)


# Given low-quality images

GIVEN = Degradation("lq", "given", source="low", dataset="high")


def aligned(place: Place, size: int = 8) -> Path:
    chunk = place.base / "aligned"
    resize_chunk(read_manifest(place.raw / "high" / "manifest.csv"), place.raw / "high", chunk, size)
    return chunk


def test_given_images_are_taken_by_name(place: Place, shelf: Shelf) -> None:
    make_set(place, shelf, "high", {f"{number}.png": face(f"h{number}") for number in (1, 2)})
    make_set(place, shelf, "low", {f"{number}.png": face(f"l{number}", 8 if number == 1 else 4) for number in (2, 1)})
    degrade_chunk(["1", "2"], aligned(place), place.base / "out", GIVEN, "high", 0, place.raw)
    assert np.array_equal(read_rgb(place.base / "out" / "1.png"), read_rgb(place.raw / "low" / "1.png"))
    assert read_rgb(place.base / "out" / "2.png").shape == (8, 8, 3), "brought to the truth's size"
    rows = (place.base / "out" / "draws.csv").read_text().splitlines()
    side = rows[0].split(",").index("side_px")
    assert [row.split(",")[side] for row in rows[1:]] == ["8", "4"], "and its own side is told"


@pytest.mark.parametrize(
    ("names", "said"), [(["1", "3"], r"missing \(1\): 2; not expected \(1\): 3"), (["1", "2", "3"], r"not expected \(1\): 3")]
)
def test_given_images_of_other_names_are_refused(place: Place, shelf: Shelf, names: list[str], said: str) -> None:
    make_set(place, shelf, "high", {f"{number}.png": face(f"h{number}") for number in (1, 2)})
    make_set(place, shelf, "low", {f"{name}.png": face(f"l{name}") for name in names})
    with pytest.raises(UserError, match=said):
        degrade_chunk(["1", "2"], aligned(place), place.base / "out", GIVEN, "high", 0, place.raw)


def test_a_given_image_that_was_altered_is_refused(place: Place, shelf: Shelf) -> None:
    make_set(place, shelf, "high", {"1.png": face("h1")})
    make_set(place, shelf, "low", {"1.png": face("l1")})
    (place.raw / "low" / "1.png").write_bytes(face("another"))
    with pytest.raises(UserError, match="is altered"):
        degrade_chunk(["1"], aligned(place), place.base / "out", GIVEN, "high", 0, place.raw)


def test_given_images_train_nothing() -> None:
    with pytest.raises(UserError, match="has finished images of 'high'"):
        draw(GIVEN, 64, False, generator(0, "test"))


def test_a_folder_of_ones_own_is_recorded_by_its_files(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """FFHQ, for a user who has it: an archive in a mirror, or a folder."""
    (place.base / "mine" / "part").mkdir(parents=True)
    for number in range(3):
        (place.base / "mine" / "part" / f"{number}.png").write_bytes(face(str(number)))
    mine = {"kind": "folder", "path": "mine", "file": None, "sha256": None, "bytes": None, "strip": "**/"}
    archives = {"kind": "mirror", "sha256": "on_first_use", "bytes": None, "strip": "**/"}, mine
    place.fetch(place.sources(*archives, members=["*.png"], files=3, faces="training"))
    assert "TRUSTED ON FIRST USE" in capsys.readouterr().err
    assert lock(place)["toy"]["archives"] == {} and lock(place)["toy"]["files"] == 3
    (place.base / "mine" / "part" / "2.png").write_bytes(face("another"))
    (place.toy / "SOURCE.json").unlink()
    with pytest.raises(UserError, match="holds other files than source 'toy' gave at first"):
        place.fetch(place.sources(*archives, members=["*.png"], files=3, faces="training"))
