"""Where the learned mask lets guidance act: heat maps over faces, and its mean in the parts of a
face.

The parts come from dlib's 68 landmarks on the ground truth: eyes with brows, nose and mouth, each a
convex hull; the rest of the face; and the background, hair included. The landmarks end at the
brows. So the face is the hull of all landmarks and of a forehead as high as the distance from the
brows to the nose's base (the rule of facial thirds).
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib import pyplot as plt
from torch.nn import functional
from tqdm import tqdm

from clrface.files import write_text
from clrface.metrics.networks import dlib_landmarks
from clrface.report.figure import ACCENT, save
from clrface.report.samples import spread
from clrface.restoration.estimate import estimate
from clrface.restoration.pipeline import CLRFace
from clrface.study.sweep import Faces

HULLS = {
    "eyes": ([*range(17, 22), *range(36, 42)], [*range(22, 27), *range(42, 48)]),
    "nose": ([*range(27, 36)],),
    "mouth": ([*range(48, 68)],),
}
BROWS = slice(17, 27)
PARTS = (*HULLS, "rest of face", "background")
SHOWN = 6


def write_mask_maps(faces: Faces, weights: Path, sources: Path, device: str, table: Path, figure: Path) -> None:
    """Write `table` (csv: image_id, share = the mask's mean over latents, then its mean in each
    part, all in (0, 1), nan for a part without pixels) and `figure` (PNG, PDF beside it).

    Args:
        weights: CLR-Face's folder, and `sources` that of the fetched sources.

    Raises: UserError for weights or a landmark model that are missing or damaged.
    """
    pipeline = CLRFace.from_pretrained(weights).to(device)
    predictor = dlib_landmarks.load(sources)
    maps, rows = [], []
    for place, image_id in enumerate(tqdm(faces.ids, desc="mask", unit="image")):
        mask, heat = mask_of(pipeline, faces.degraded[place], device)
        regions = parts_of(dlib_landmarks.landmarks(predictor, faces.truth[place][None])[0], heat.shape)
        means = {name: float(heat[inside].mean()) if inside.any() else float("nan") for name, inside in regions.items()}
        rows.append({"image_id": image_id, "share": float(mask.mean())} | means)
        maps.append(heat)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _draw(faces, maps, rows, figure)
    write_text(table, text.getvalue())


@torch.no_grad()
def mask_of(pipeline: CLRFace, degraded: np.ndarray, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mask of one degraded face, (3, H, W) float32 in [0, 1]: on its latents, (h, w),
    and enlarged to its pixels, (H, W); both in (0, 1).
    """
    known = estimate(pipeline.autoencoder, pipeline.irn, torch.from_numpy(degraded)[None].to(device))
    mask = pipeline.latent_mask(known, "learned")
    heat = functional.interpolate(mask, degraded.shape[-2:], mode="bilinear")
    return mask[0, 0].cpu().numpy(), heat[0, 0].cpu().numpy()


def parts_of(landmarks: np.ndarray, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return boolean maps (H, W), one a part of PARTS, that don't overlap and cover the image.

    Args:
        landmarks: dlib's, (68, 2) as (x, y), in units of the image's sides.
        shape: (H, W).
    """
    points = np.rint(landmarks * (shape[1], shape[0])).astype(np.int32)
    taken = np.zeros(shape, bool)
    parts = {}
    for name, hulls in HULLS.items():
        inside = np.any([_hull(points[list(hull)], shape) for hull in hulls], axis=0) & ~taken
        parts[name], taken = inside, taken | inside
    third = points[31:36, 1].mean() - points[BROWS, 1].mean()
    forehead = np.rint(points[BROWS] - (0, third)).astype(np.int32)
    face = _hull(np.concatenate([points, forehead]), shape)
    parts["rest of face"], parts["background"] = face & ~taken, ~face & ~taken
    return parts


def _hull(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(canvas, cv2.convexHull(points), 1)
    return canvas.astype(bool)


def _draw(faces: Faces, maps: Sequence[np.ndarray], rows: Sequence[dict[str, Any]], figure: Path) -> None:
    chosen = [list(faces.ids).index(image_id) for image_id in spread(faces.ids, SHOWN)]
    top = max(float(heat.max()) for heat in maps)
    fig, axes = plt.subplots(3, len(chosen) + 1, figsize=(2 * len(chosen) + 4.2, 6.2), width_ratios=[1] * len(chosen) + [2.2])
    for column, place in enumerate(chosen):
        truth = faces.truth[place].transpose(1, 2, 0)
        for axis, image in zip(axes[:, column], (faces.degraded[place].transpose(1, 2, 0), None, truth), strict=True):
            axis.axis("off")
            axis.imshow(truth.mean(2) if image is None else image, cmap="gray", vmin=0, vmax=1, interpolation="none")
        heat = axes[1, column].imshow(maps[place], cmap="inferno", vmin=0, vmax=top, alpha=0.6, interpolation="none")
    for axis, label in zip(axes[:, 0], ("input", "mask over truth", "ground truth"), strict=True):
        axis.set_title(label, fontsize=10, loc="left")
    for axis in axes[:, -1]:
        axis.axis("off")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.94, bottom=0.02, wspace=0.06, hspace=0.16)
    scale = fig.colorbar(heat, ax=axes[:, -1], fraction=0.06, location="left").ax
    scale.yaxis.tick_right()
    scale.set_title("m", fontsize=9)
    chart = fig.add_axes((0.87, 0.2, 0.12, 0.6))
    means = [np.nanmean([row[name] for row in rows]) for name in ("share", *PARTS)]
    chart.barh(["whole image", *PARTS], means, color=["#888888"] + [ACCENT] * len(PARTS))
    chart.set_xlim(0, 1)
    chart.invert_yaxis()
    chart.set_title(f"mean of m, {len(rows)} faces", fontsize=9)
    chart.tick_params(labelsize=8)
    save(fig, figure)
    plt.close(fig)
