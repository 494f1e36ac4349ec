"""Extraction from archives that mean harm, are damaged, or are just fine."""

import io
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from clrface.fetch.archives import BadArchive, Limits, Taken, extract
from clrface.files import sha256_file
from clrface.images import read_rgb
from clrface.seeds import generator

TAR_MODES: dict[str, Literal["w:", "w:gz", "w:xz", "w:bz2"]] = {".tar": "w:", ".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}
PLENTY = Limits(files=100, total_bytes=1 << 20)
CONTENT = generator(0, "test", "archive").bytes(5000)
OUTSIDE_NAMES = ["../x.bin", "/x.bin", "a/../../x.bin", "..\\x.bin", "C:\\x.bin", "C:x.bin", "\\\\host\\share\\x.bin"]


def everything(name: str) -> str:
    return name


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, TAR_MODES[path.suffix]) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def make(path: Path, members: dict[str, bytes]) -> Path:
    return (zip_of if path.suffix in (".zip", ".whl") else tar_of)(path, members)


def all_files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "out"


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.xz", "a.tar.bz2"])
def test_content_that_its_checksum_contradicts_is_refused(name: str, folder: Path, tmp_path: Path) -> None:
    """gzip's checksum follows all data: a reader that stops at the tar's last member never reads it."""
    path = make(tmp_path / name, {"x.bin": CONTENT})
    content = bytearray(path.read_bytes())
    content[-8 if name.endswith("gz") else -20] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadArchive, match="damaged"):
        extract(path, name, folder, everything, PLENTY)


ALL_FORMATS = pytest.mark.parametrize("name", ["a.zip", "a.whl", "a.tar", "a.tar.gz", "a.tgz", "a.tar.xz", "a.tar.bz2"])


@ALL_FORMATS
def test_takes_wanted_members_only_and_says_what_they_are(tmp_path: Path, folder: Path, name: str) -> None:
    path = make(tmp_path / name, {"top/a/1.bin": CONTENT, "top/2.bin": b"two", "other/3.txt": b"three"})
    taken = extract(path, name, folder, lambda member: member.removeprefix("top/") if member.startswith("top/") else None, PLENTY)
    assert all_files(folder) == {"a/1.bin", "2.bin"}
    assert (folder / "a/1.bin").read_bytes() == CONTENT
    assert taken == {"a/1.bin": Taken(sha256_file(folder / "a/1.bin"), 5000), "2.bin": Taken(sha256_file(folder / "2.bin"), 3)}


@pytest.mark.parametrize("made", ["a.zip", "a.tar"])
@pytest.mark.parametrize("outside", OUTSIDE_NAMES)
def test_a_name_outside_the_folder_refuses_the_archive(tmp_path: Path, folder: Path, made: str, outside: str) -> None:
    path = make(tmp_path / made, {outside: CONTENT, "fine.bin": CONTENT})
    before = all_files(tmp_path)
    with pytest.raises(BadArchive, match="outside its own folder"):
        extract(path, made, folder, lambda name: name if name == "fine.bin" else None, PLENTY)
    assert all_files(tmp_path) == before


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.FIFOTYPE, "device"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
    ],
)
def test_a_wanted_tar_member_must_be_a_plain_file(tmp_path: Path, folder: Path, form: bytes, said: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("x.bin")
        info.type, info.linkname = form, str(secret)
        archive.addfile(info)
    with pytest.raises(BadArchive, match=f"'x.bin' as a {said}"):
        extract(path, path.name, folder, everything, PLENTY)
    assert not folder.exists()
    assert extract(path, path.name, folder, lambda name: None, PLENTY) == {}


@pytest.mark.parametrize(("form", "said"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "device"), (stat.S_IFCHR, "device")])
def test_a_wanted_zip_member_must_be_a_plain_file(tmp_path: Path, folder: Path, form: int, said: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x.bin")
        info.external_attr = (form | 0o644) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadArchive, match=f"'x.bin' as a {said}"):
        extract(path, path.name, folder, everything, PLENTY)
    assert not folder.exists()


def test_a_file_is_not_written_through_an_archived_link(tmp_path: Path, folder: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, str(victim)
        archive.addfile(link)
        info = tarfile.TarInfo("a/x.bin")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    extract(path, path.name, folder, lambda name: name if name == "a/x.bin" else None, PLENTY)
    assert all_files(victim) == set()
    assert (folder / "a/x.bin").read_bytes() == b"abc"


@pytest.mark.parametrize("made", ["a.zip", "a.tar.gz"])
def test_no_more_files_than_allowed(tmp_path: Path, folder: Path, made: str) -> None:
    path = make(tmp_path / made, {f"{number}.bin": b"x" for number in range(11)})
    with pytest.raises(BadArchive, match="more than the allowed 10 files"):
        extract(path, made, folder, everything, Limits(files=10, total_bytes=1000))
    assert len(extract(path, made, tmp_path / "again", everything, Limits(files=11, total_bytes=1000))) == 11


@pytest.mark.parametrize("made", ["a.zip", "a.tar.gz"])
def test_a_bomb_is_stopped_by_the_bytes_that_come_out(tmp_path: Path, folder: Path, made: str) -> None:
    path = make(tmp_path / made, {"bomb.bin": bytes(20 << 20)})
    assert path.stat().st_size < 100_000
    with pytest.raises(BadArchive, match="more than the allowed 1,048,576 bytes"):
        extract(path, made, folder, everything, PLENTY)
    assert sum((folder / name).stat().st_size for name in all_files(folder)) <= PLENTY.total_bytes


def test_the_bytes_of_all_members_count_together(tmp_path: Path, folder: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.bin": CONTENT, "2.bin": CONTENT})
    with pytest.raises(BadArchive, match="more than the allowed 9,999 bytes"):
        extract(path, path.name, folder, everything, Limits(files=10, total_bytes=9999))
    assert len(extract(path, path.name, tmp_path / "again", everything, Limits(files=10, total_bytes=10_000))) == 2


def test_a_lying_size_yields_no_more_than_it_says(tmp_path: Path, folder: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"x.bin": bytes(1 << 20)})
    honest = struct.pack("<L", 1 << 20)
    raw = path.read_bytes()
    assert raw.count(honest) == 2
    path.write_bytes(raw.replace(honest, struct.pack("<L", 100)))
    with pytest.raises(BadArchive, match="damaged"):
        extract(path, path.name, folder, everything, PLENTY)
    assert sum((folder / name).stat().st_size for name in all_files(folder)) <= 100


@ALL_FORMATS
def test_an_archive_cut_short_is_refused(tmp_path: Path, folder: Path, name: str) -> None:
    path = make(tmp_path / name, {"1.bin": CONTENT, "2.bin": CONTENT})
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(BadArchive, match="damaged"):
        extract(path, name, folder, everything, PLENTY)


@pytest.mark.parametrize("made", ["a.zip", "a.tar", "a.tar.bz2"])
def test_what_is_no_archive_is_refused(tmp_path: Path, folder: Path, made: str) -> None:
    (tmp_path / made).write_bytes(CONTENT)
    with pytest.raises(BadArchive, match="damaged"):
        extract(tmp_path / made, made, folder, everything, PLENTY)


@pytest.mark.parametrize("at", [100, 4000])
def test_a_changed_byte_in_a_zip_is_noticed(tmp_path: Path, folder: Path, at: int) -> None:
    path = zip_of(tmp_path / "a.zip", {"x.bin": CONTENT})
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(BadArchive, match="damaged"):
        extract(path, path.name, folder, everything, PLENTY)


def test_an_encrypted_zip_is_refused(tmp_path: Path, folder: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"x.bin": CONTENT})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(BadArchive, match="encrypted"):
        extract(path, path.name, folder, everything, PLENTY)


@pytest.mark.parametrize("second", ["x.bin", "x.bin/y.bin"])
def test_a_name_that_comes_twice_is_refused(tmp_path: Path, folder: Path, second: str) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("x.bin", second):
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(BadArchive, match="twice"):
        extract(path, path.name, folder, everything, PLENTY)


def test_a_single_file_is_its_own_member(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "blob").write_bytes(CONTENT)
    taken = extract(tmp_path / "blob", "weights.pth", folder, everything, PLENTY)
    assert list(taken) == ["weights.pth"]
    assert (folder / "weights.pth").read_bytes() == CONTENT


def test_a_folder_gives_its_files(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "mine" / "a").mkdir(parents=True)
    (tmp_path / "mine" / "a" / "1.bin").write_bytes(CONTENT)
    assert list(extract(tmp_path / "mine", "", folder, everything, PLENTY)) == ["a/1.bin"]
    assert (folder / "a/1.bin").read_bytes() == CONTENT


def test_a_stack_of_images_gives_each_of_them(tmp_path: Path, folder: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    np.save(tmp_path / "bytes.npy", stack)
    np.save(tmp_path / "shares.npy", stack / 255)
    taken = extract(tmp_path / "bytes.npy", "bytes.npy", folder, lambda name: name if name > "0000.pgm" else None, PLENTY)
    assert sorted(taken) == ["0001.pgm", "0002.pgm"]
    assert np.array_equal(read_rgb(folder / "0002.pgm")[..., 0], stack[2])
    again = extract(tmp_path / "shares.npy", "shares.npy", tmp_path / "again", lambda name: name, PLENTY)
    assert again["0002.pgm"] == taken["0002.pgm"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (np.zeros((2, 3), np.uint8), r"holds uint8 of shape \(2, 3\); expected grey images"),
        (np.full((1, 2, 3), 2.0), "holds float64 of shape"),
        (np.array([{}], dtype=object), "is no array of numbers"),
    ],
)
def test_another_array_is_refused(tmp_path: Path, folder: Path, content: np.ndarray, said: str) -> None:
    np.save(tmp_path / "stack.npy", content, allow_pickle=True)
    with pytest.raises(BadArchive, match=said):
        extract(tmp_path / "stack.npy", "stack.npy", folder, lambda name: name, PLENTY)
