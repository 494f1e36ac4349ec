"""NTIRE's challenges on real-world face restoration: the protocol's metrics, and identity.

Inputs have no ground truth. Identity is compared with the input itself, at five points that the
challenge lists for each image.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from clrface.api import Score
from clrface.errors import UserError
from clrface.evaluation.measure import SET_ROW, Images, Sides, score
from clrface.images import image_suffixes, read_rgb
from clrface.manifest import match_ids
from clrface.metrics.networks.adaface import AdaFace
from clrface.metrics.registry import load_metric, metric_card
from clrface.names import checked_id, natural
from clrface.stats.bootstrap import Resampling

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
COLUMNS = ("filename", "dataset", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))
IDENTITY = "id_adaface"
"""The key of identity among the metrics' ids."""
MOST_IN_FID = 3000


class Listed(NamedTuple):
    """What the challenge's list says of an image: its set, and five points (5, 2) in pixels."""

    dataset: str
    points: np.ndarray


def read_points(path: Path) -> dict[str, Listed]:
    """Read the list of points (`test_face.csv`, `test_2026_face.csv`), by file name without suffix.

    Raises: UserError for a file that is missing or no such list, a name listed twice, and a point
    that is not a number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            rows = [] if lacking else list(reader)
    except FileNotFoundError:
        raise UserError(f"No list of points at {path}. Take face_alignment/test_face.csv of the challenge's repository.") from None
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UserError(f"Can't read {path} as a list of points ({error}). Take the challenge's own csv.") from error
    if lacking or not rows:
        found = f"lacks the columns {', '.join(lacking)}" if lacking else "lists no image"
        raise UserError(f"{path} {found}. Expected the challenge's list: {', '.join(COLUMNS)}.")
    listed: dict[str, Listed] = {}
    for number, row in enumerate(rows, start=2):
        image_id = checked_id(row["filename"] or "", f"{path}, line {number}")
        if image_id in listed:
            raise UserError(f"{path}, line {number}: '{image_id}' is listed twice. Remove one of the two lines.")
        listed[image_id] = Listed(row["dataset"] or "", _points(row, f"{path}, line {number}"))
    return listed


def images_under(folder: Path) -> dict[str, Path]:
    """Find all images in a folder and its sub-folders, by file stem.

    The challenge's sets may lie in one sub-folder each.

    Raises: UserError for a folder that is missing or has no image, and for two images of one stem.
    """
    if not folder.is_dir():
        raise UserError(f"No folder at {folder}. Give the folder of images, with or without a folder for each set.")
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: natural(str(path))):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix.lower() not in image_suffixes() or not path.is_file():
            continue
        image_id = checked_id(path.stem, str(folder))
        if image_id in files:
            raise UserError(f"Two images are named '{image_id}': {files[image_id]} and {path}. Rename or remove one of them.")
        files[image_id] = path
    if not files:
        raise UserError(f"Found 0 images under {folder}, but expected the challenge's, as PNG.")
    return files


def measured(
    metrics: Sequence[str],
    results: Path,
    inputs: Path,
    listed: Mapping[str, Listed],
    sources: Path,
    batch: int = 16,
    cache: Path | None = None,
) -> dict[str, dict[str, Score]]:
    """Measure each metric, and return its scores by image_id.

    A set metric has one score under `*`. Identity has the key `IDENTITY`. Everything is loaded
    before the first image is measured, so that a missing file or package stops the run at once.

    Raises: UserError for images that are missing or not listed, an image that can't be read, and
    missing weights and packages.
    """
    outputs, lq = images_under(results), images_under(inputs)
    match_ids(outputs, listed, str(results))
    match_ids(lq, listed, str(inputs))
    loaded = {name: load_metric(name, sources, cache) for name in metrics}
    network = AdaFace(sources)
    scores: dict[str, dict[str, Score]] = {}
    for name, metric in loaded.items():
        card, ids = metric_card(name), sorted(outputs)
        if card.level == "set":
            ids = ids[:MOST_IN_FID]
        taken = Sides(Images({image_id: outputs[image_id] for image_id in ids}, {}))
        scores[name], _ = score(card, taken, ids, metric, Resampling(0, "ntire", 0), batch)
    ids = tqdm(sorted(outputs), desc=IDENTITY, unit="image", leave=False)
    scores[IDENTITY] = {image_id: identity(network, lq[image_id], outputs[image_id], listed[image_id].points) for image_id in ids}
    return scores


def identity(network: AdaFace, lq: Path, output: Path, points: np.ndarray) -> Score:
    """Return the cosine of the embeddings of input and output, both cut at the same points.

    Images of different sizes have no value.

    Args:
        points: (5, 2) pixels (x, y), as the challenge's list has them.
    """
    before, after = read_rgb(lq), read_rgb(output)
    if before.shape != after.shape:
        (h, w, _), (wanted_h, wanted_w, _) = after.shape, before.shape
        return Score(math.nan, f"wrong shape: found {w}x{h} pixels, the input has {wanted_w}x{wanted_h}")
    return Score(float(network.embed(before, points) @ network.embed(after, points)))


def of_set(scores: Mapping[str, Score]) -> float:
    """Return a set metric's value; NaN where it has none, or where an image failed."""
    return scores[SET_ROW].value if len(scores) == 1 else math.nan


def _points(row: Mapping[str, str], where: str) -> np.ndarray:
    try:
        points = np.array([[float(row[f"{point}_{axis}"]) for axis in "xy"] for point in POINTS])
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: found a point that is no number ({error}). Take the challenge's own csv.") from error
    if not np.isfinite(points).all() or len(np.unique(points, axis=0)) < len(POINTS):
        raise UserError(f"{where}: found points {points.tolist()}, but expected five different ones, in pixels.")
    return points
