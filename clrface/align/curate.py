"""Curate the training faces: which of UTKFace's files are kept, and why others are dropped.

Run once; its manifest is in git.

    python -m clrface.align.curate data/raw/utkface data/raw/dlib \\
        clrface/catalogue/manifests/utkface.csv
"""

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from clrface.align.chunk import NO_FACE
from clrface.align.geometry import align, template
from clrface.align.landmarks import FaceFinder
from clrface.api import OK
from clrface.errors import UserError
from clrface.files import sha256_file
from clrface.images import read_rgb
from clrface.manifest import Entry, split_of, write_manifest
from clrface.names import natural

SUFFIX = "jpg.chip.jpg"
"""Of every chip; one name lacks the dot before it."""

WORKING_SIZE = 64
"""Side of the aligned square in which sharpness is judged, since training sees only that detail."""

MIN_SHARPNESS = 0.20
"""Just below the least sharp aligned face of ORL (0.22), so that no target is softer than the faces
to be restored.
"""

MAX_OFFSET = 0.10
"""In shares of the side. The chips come aligned: an eye or mouth further from the template is a
wrong crop or a wrong detection.
"""

COPY, FAR, BLURRED = "copy of another file", "landmarks far from the template", "blurred"


def curate_utkface(raw_folder: Path, dlib_folder: Path, manifest: Path) -> Counter[str]:
    """Write the manifest of the files worth training on; return the numbers kept (`train`, `val`)
    and dropped, by reason.

    `raw_folder` holds all chips of the archive, flat (fetching takes only those that the manifest
    names). Of byte-identical files the first by name is kept.

    Raises: UserError for a folder without chips, a file that is no whole image, and a landmark
    model that is missing.
    """
    files = sorted(Path(raw_folder).glob(f"*{SUFFIX}"), key=lambda file: natural(file.name))
    if not files:
        raise UserError(f"Found 0 files *{SUFFIX} in {raw_folder}. Unpack all of the archive's chips there.")
    finder, seen, entries, counts = FaceFinder(dlib_folder), set(), [], Counter()
    for file in tqdm(files, desc="curate", unit="image", mininterval=1):
        sha256 = sha256_file(file)
        verdict = COPY if sha256 in seen else judge(read_rgb(file), finder)
        seen.add(sha256)
        if verdict == OK:
            verdict = split_of(sha256)
            entries.append(Entry(file.name.removesuffix(SUFFIX).rstrip("."), file.name, "", verdict, sha256))
        counts[verdict] += 1
    write_manifest(manifest, entries)
    return counts


def judge(rgb: np.ndarray, finder: FaceFinder) -> str:
    """Return `ok`, or why this chip, (H, W, 3) uint8, is not worth training on."""
    face = finder.find(rgb)
    if face is None:
        return NO_FACE
    if np.abs(face.landmarks - template(rgb.shape[1])).max() > MAX_OFFSET * rgb.shape[1]:
        return FAR
    return OK if sharpness(align(rgb, face.landmarks, WORKING_SIZE)) >= MIN_SHARPNESS else BLURRED


def sharpness(rgb: np.ndarray) -> float:
    """Return the variance of the Laplacian at full size over that at half size, without the border,
    of (H, W, 3) uint8 RGB, H and W at least 10; 0 for an image of one colour.

    Higher is sharper. The variance alone mistakes a smooth cheek for blur and a dark fringe for
    detail. Natural images look alike at every scale (Field 1987). So this ratio depends little on
    the content, and falls when the finest scale is empty.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64)
    half = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    fine, coarse = (cv2.Laplacian(view, cv2.CV_64F)[edge:-edge, edge:-edge].var() for view, edge in ((grey, 4), (half, 2)))
    return float(fine / coarse) if coarse > 0 else 0.0


def main() -> None:
    """Run the command at the top of this file; print the counts."""
    parser = argparse.ArgumentParser(description=curate_utkface.__doc__)
    for name in ("raw_folder", "dlib_folder", "manifest"):
        parser.add_argument(name, type=Path)
    for name, count in curate_utkface(**vars(parser.parse_args())).most_common():
        print(f"{count:6d}  {name}")


if __name__ == "__main__":
    main()
