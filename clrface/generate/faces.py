"""Draw a set of faces into a folder: one PNG a face, then a manifest.

A run that is stopped goes on with the same command.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from clrface.errors import UserError, reading
from clrface.files import sha256_file, write_text
from clrface.generate.generator import SIDE_PX, FaceGenerator
from clrface.images import write_png
from clrface.manifest import FETCHED, Entry, split_of, write_manifest
from clrface.seeds import generator

RECORD = "generated.json"


@dataclass(frozen=True)
class Drawing:
    """What a set of faces is drawn with.

    Raises: UserError for a count below 1, and a size out of range.
    """

    count: int
    seed: int = 0
    truncation: float = 0.8
    """In (0, 1]. 1: as varied as the training set; towards 0 more alike and more regular."""
    size: int = SIDE_PX
    """Pixels a side, 32 to 512."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(f"Found a count of {self.count} faces, expected at least 1.")
        if not 32 <= self.size <= SIDE_PX:
            raise UserError(f"Found a size of {self.size} pixels, expected 32 to {SIDE_PX}.")

    def ids(self) -> list[str]:
        """Return the faces' ids: g000000, g000001, ..."""
        return [f"g{place:06d}" for place in range(self.count)]


def generate_faces(drawing: Drawing, networks: Path, out: Path) -> None:
    """Write `<image_id>.png` for each face into `out`, and manifest.csv last.

    A face depends on the seed and its own id alone: a larger count adds faces and changes none.
    Splits: about 3 % of the ids are val, the others train.

    Args:
        networks: the folder of the source `mobilestylegan`.

    Raises: UserError when `out` holds faces of another seed, truncation or size, or other files;
    and as `FaceGenerator`.
    """
    out = Path(out)
    _claim(drawing, out)
    missing = [image_id for image_id in drawing.ids() if not (out / f"{image_id}.png").is_file()]
    if missing:
        network = FaceGenerator(networks, drawing.truncation)
        done = drawing.count - len(missing)
        for image_id in tqdm(missing, desc="generate", unit="face", initial=done, total=drawing.count, mininterval=1):
            write_png(out / f"{image_id}.png", network.face(generator(drawing.seed, "generate", image_id), drawing.size))
    write_manifest(out / FETCHED, [_entry(image_id, out) for image_id in drawing.ids()])


def _claim(drawing: Drawing, out: Path) -> None:
    """Note in the folder what its faces are drawn with, or check that it is the same."""
    told = {key: value for key, value in asdict(drawing).items() if key != "count"}
    record = out / RECORD
    if record.is_file():
        with reading(f"{record}, the record of its folder's faces", "Give another folder, or remove that one."):
            found = json.loads(record.read_text(encoding="utf-8"))
        if found != told:
            raise UserError(f"{out} holds faces drawn with {found}, but asked for are {told}. Give another folder, or remove that one.")
        return
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty and holds no {RECORD}. Give another folder: this one's files are not generated faces.")
    write_text(record, json.dumps(told, indent=2) + "\n")


def _entry(image_id: str, out: Path) -> Entry:
    name = hashlib.sha256(image_id.encode()).hexdigest()  # by name, not by content: another machine rounds otherwise
    return Entry(image_id, f"{image_id}.png", "", split_of(name), sha256_file(out / f"{image_id}.png"))
