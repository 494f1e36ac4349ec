"""The named degradations of clrface/catalogue/degradations.yaml, and one image's draws from them.

Drawing and applying are separate. The draws of an image are a flat record, written beside it. They
and the image determine its low-quality version, byte for byte.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clrface.errors import UserError, unknown_name
from clrface.strict_yaml import read_yaml

Range = tuple[float, float]


@dataclass(frozen=True)
class Degradation:
    """One degradation; clrface/catalogue/degradations.yaml explains the kinds. Ranges are drawn
    uniformly.

    Whole numbers of `by_side` include both ends. `classical`, as in the field's code, never draws
    the upper end of JPEG's quality.
    """

    name: str
    kind: Literal["classical", "grid", "by_side", "bicubic", "grey", "as_is", "given"]
    reference_size: int = 512
    kernel_px: tuple[int, ...] = ()
    sigma_px: tuple[float, ...] = (0.0, 0.0)
    downscale: tuple[float, ...] = (1.0, 1.0)
    side_px: tuple[int, int] = (0, 0)
    sigma_factor: Range = (0.0, 0.0)
    noise_std_255: tuple[float, ...] = (0.0, 0.0)
    jpeg_quality: tuple[int, ...] = (100, 100)
    angle_turns: tuple[float, ...] = ()
    """`grid`: the kernel's angles, in whole turns."""
    factor: int = 1
    haze_probability: float = 0.0
    haze: Range = (1.0, 1.0)
    """The share of the blurred image that haze leaves; the rest becomes white."""
    uneven_probability: float = 0.0
    """The probability that a square of a quarter to half of the side has draws of its own."""
    colour_shift_probability: float = 0.0
    colour_shift_255: float = 0.0
    colour_jitter_probability: float = 0.0
    grey_probability: float = 0.0
    grey_truth: bool = False
    """Make the ground truth grey with its input. For training only: a test set's truth is never
    changed.
    """
    source: str = ""
    """`given`: the entry of clrface/catalogue/sources.yaml with the finished low-quality images."""
    dataset: str = ""
    """`given`: the test set that these are the low-quality versions of."""


@dataclass(frozen=True)
class Draws:
    """What was drawn for one image.

    Lengths in pixels of the image, angles in radians, noise on the 0-255 scale.
    """

    degradation: str
    kernel: Literal["iso", "aniso", ""] = ""
    kernel_px: int = 0
    sigma_x_px: float = 0.0
    sigma_y_px: float = 0.0
    angle_rad: float = 0.0
    haze: float = 1.0
    side_px: int = 0
    noise_std_255: float = 0.0
    noise_seed: int = 0
    noise_shared: bool = False
    jpeg_quality: int = 0
    shift_r_255: float = 0.0
    shift_g_255: float = 0.0
    shift_b_255: float = 0.0
    grey: bool = False
    jitter_order: str = ""
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    patch_px: int = 0
    """The side of the square that these draws apply to; 0 for the whole image."""
    patch_left_px: int = 0
    patch_top_px: int = 0
    outside: str = ""
    """The draws around the square, as JSON."""


def load_degradations(path: Path) -> dict[str, Degradation]:
    """Load all degradations of a file. Raises: UserError naming a wrong degradation and key."""
    return {name: _degradation(name, entry) for name, entry in read_yaml(path).items()}


def get_degradation(degradations: dict[str, Degradation], name: str) -> Degradation:
    """Return the degradation of a name. Raises: UserError with the nearest name."""
    if name not in degradations:
        raise unknown_name("degradation", name, degradations)
    return degradations[name]


def _degradation(name: str, entry: dict[str, Any]) -> Degradation:
    allowed = {field.name for field in fields(Degradation)} - {"name"}
    for key in entry:
        if key not in allowed:
            raise unknown_name(f"key in degradation '{name}'", key, allowed)
    kinds = ("classical", "grid", "by_side", "bicubic", "grey", "as_is", "given")
    if entry.get("kind") not in kinds:
        raise UserError(f"Degradation '{name}': found kind '{entry.get('kind')}', expected one of {', '.join(kinds)}.")
    if entry["kind"] == "given" and not (entry.get("source") and entry.get("dataset")):
        raise UserError(f"Degradation '{name}' is given: say by which `source` (an entry of sources.yaml), and for which `dataset`.")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Degradation(name=name, **values)


def draw(degradation: Degradation, size: int, is_grey: bool, rng: np.random.Generator) -> Draws:
    """Draw one image's degradation.

    Args:
        size: the image's side in pixels.
        is_grey: whether its three channels are equal; only `by_side` degradations use it.
        rng: the image's own generator (`clrface.seeds`).

    Raises: UserError for a degradation of finished images, which draws nothing.
    """
    if degradation.kind == "given":
        raise UserError(
            f"Degradation '{degradation.name}' has finished images of '{degradation.dataset}', and degrades no others. Choose another one."
        )
    if degradation.kind == "by_side":
        return _draw_by_side(degradation, size, is_grey, rng)
    if degradation.kind == "classical":
        return _draw_classical(degradation, size, rng)
    if degradation.kind == "grid":
        return _draw_grid(degradation, size, rng)
    if degradation.kind == "bicubic":
        return Draws(degradation.name, side_px=max(1, size // degradation.factor))
    return Draws(degradation.name, grey=degradation.kind == "grey")


def _draw_by_side(degradation: Degradation, size: int, is_grey: bool, rng: np.random.Generator) -> Draws:
    side = int(rng.integers(degradation.side_px[0], degradation.side_px[1], endpoint=True))
    unit = 0.35 * size / side
    kernel, sigma_x, sigma_y, angle = _draw_kernel((degradation.sigma_factor[0] * unit, degradation.sigma_factor[1] * unit), rng)
    return Draws(
        degradation.name,
        kernel=kernel,
        kernel_px=2 * int(np.ceil(3 * max(sigma_x, sigma_y))) + 1,
        sigma_x_px=sigma_x,
        sigma_y_px=sigma_y,
        angle_rad=angle,
        side_px=side,
        noise_std_255=_within(degradation.noise_std_255, rng),
        noise_seed=int(rng.integers(2**31)),
        noise_shared=is_grey,
        jpeg_quality=int(rng.integers(degradation.jpeg_quality[0], degradation.jpeg_quality[1], endpoint=True)),
    )


def _draw_classical(degradation: Degradation, size: int, rng: np.random.Generator) -> Draws:
    scale = size / degradation.reference_size
    kernel, sigma_x, sigma_y, angle = _draw_kernel((degradation.sigma_px[0] * scale, degradation.sigma_px[1] * scale), rng)
    # The down-scale shrinks with the image, so that as many pixels are left of a face; never more than the field's own 1/0.8.
    downscale = max(_within(degradation.downscale, rng) * scale, min(1.0, degradation.downscale[0]))
    shift = rng.uniform(-degradation.colour_shift_255, degradation.colour_shift_255, 3) * (
        rng.random() < degradation.colour_shift_probability
    )
    jitter = _draw_jitter(rng) if rng.random() < degradation.colour_jitter_probability else {}
    more: dict[str, Any] = {}
    if degradation.haze_probability and rng.random() < degradation.haze_probability:
        more["haze"] = _within(degradation.haze, rng)
    if degradation.uneven_probability and rng.random() < degradation.uneven_probability:
        more |= _draw_patch(degradation, size, rng)
    return Draws(
        degradation.name,
        kernel=kernel,
        kernel_px=_odd(int(rng.choice(degradation.kernel_px)) * scale),
        sigma_x_px=sigma_x,
        sigma_y_px=sigma_y,
        angle_rad=angle,
        side_px=max(1, int(size // downscale)),
        noise_std_255=_within(degradation.noise_std_255, rng),
        noise_seed=int(rng.integers(2**31)),
        jpeg_quality=int(_within(degradation.jpeg_quality, rng)),  # as the field has it: the upper end is never drawn
        shift_r_255=float(shift[0]),
        shift_g_255=float(shift[1]),
        shift_b_255=float(shift[2]),
        grey=bool(rng.random() < degradation.grey_probability),
        **jitter,
        **more,
    )


def _draw_patch(degradation: Degradation, size: int, rng: np.random.Generator) -> dict[str, Any]:
    """Draw a square within the image, and the draws of its surroundings, without a change of
    colours of their own.
    """
    patch = int(rng.integers(size // 4, size // 2, endpoint=True))
    left, top = (int(place) for place in rng.integers(0, size - patch, 2, endpoint=True))
    plain = replace(degradation, uneven_probability=0.0, colour_shift_probability=0.0, colour_jitter_probability=0.0, grey_probability=0.0)
    outside = asdict(_draw_classical(plain, size, rng))
    return {"patch_px": patch, "patch_left_px": left, "patch_top_px": top, "outside": json.dumps(outside)}


def _draw_grid(degradation: Degradation, size: int, rng: np.random.Generator) -> Draws:
    """Draw one of the listed values of each, with equal chances; lengths scale with the image as in
    `classical`.
    """
    scale = size / degradation.reference_size
    sigma_x, sigma_y = (float(value) * scale for value in rng.choice(degradation.sigma_px, 2))
    return Draws(
        degradation.name,
        kernel="aniso",
        kernel_px=_odd(int(rng.choice(degradation.kernel_px)) * scale),
        sigma_x_px=sigma_x,
        sigma_y_px=sigma_y,
        angle_rad=2 * np.pi * float(rng.choice(degradation.angle_turns)),
        side_px=max(1, int(size // max(float(rng.choice(degradation.downscale)) * scale, 1.0))),
        noise_std_255=float(rng.choice(degradation.noise_std_255)),
        noise_seed=int(rng.integers(2**31)),
        jpeg_quality=int(rng.choice(degradation.jpeg_quality)),
    )


def _within(ends: tuple[float, ...], rng: np.random.Generator) -> float:
    """Draw uniformly from a range."""
    low, high = ends
    return float(rng.uniform(low, high))


def _draw_kernel(sigma: tuple[float, ...], rng: np.random.Generator) -> tuple[Literal["iso", "aniso"], float, float, float]:
    """Draw an isotropic or anisotropic kernel, half and half; sigma_x and sigma_y independent, any
    angle.
    """
    if rng.random() < 0.5:
        value = _within(sigma, rng)
        return "iso", value, value, 0.0
    return "aniso", _within(sigma, rng), _within(sigma, rng), float(rng.uniform(-np.pi, np.pi))


def _draw_jitter(rng: np.random.Generator) -> dict[str, Any]:
    """Draw from the ranges of BasicSR's GFPGAN training set: brightness, contrast 0.5-1.5,
    saturation 0-1.5, hue +-0.1 turns.
    """
    return {
        "jitter_order": "".join(rng.permutation(list("bcsh"))),
        "brightness": float(rng.uniform(0.5, 1.5)),
        "contrast": float(rng.uniform(0.5, 1.5)),
        "saturation": float(rng.uniform(0.0, 1.5)),
        "hue": float(rng.uniform(-0.1, 0.1)),
    }


def _odd(length_px: float) -> int:
    return max(3, 2 * round((length_px - 1) / 2) + 1)
