"""Apply drawn degradations: y = up( JPEG_q( down( x * k_sigma ) + n ) ), after BasicSR's FFHQ
degradation dataset.

OpenCV does the arithmetic (filter2D with its mirrored border, INTER_LINEAR, imencode), as in the
field's code. Pillow does the antialiased bicubic scaling of the super-resolution degradations.
"""

import json

import cv2
import numpy as np
from PIL import Image

from clrface.degradation.draw import Draws
from clrface.images import to_levels

UNIT = np.arange(256, dtype=np.float32) / 255.0
"""Bytes in [0, 1]."""

cv2.setNumThreads(1)  # one image is too small to share, and the result must not depend on the number of cores


def apply(rgb: np.ndarray, draws: Draws) -> np.ndarray:
    """Degrade one image.

    Args:
        rgb: (S, S, 3) uint8 RGB, square.
        draws: from `degradations.draw` with this image's size.

    Returns: (S, S, 3) uint8 RGB, the same for the same arguments.
    """
    if not draws.kernel:
        if draws.side_px:
            return bicubic(rgb, draws.side_px)
        return grey(rgb) if draws.grey else rgb
    image = _degraded(rgb, draws)
    if draws.outside:
        inside, image = image, _degraded(rgb, Draws(**json.loads(draws.outside)))
        square = np.s_[draws.patch_top_px : draws.patch_top_px + draws.patch_px, draws.patch_left_px : draws.patch_left_px + draws.patch_px]
        image[square] = inside[square]
    shift = np.array([draws.shift_r_255, draws.shift_g_255, draws.shift_b_255], dtype=np.float32) / 255.0
    if shift.any():
        image += shift
    if draws.grey or draws.jitter_order:  # what works on [0, 1]; the last line clips by itself
        image = np.clip(image, 0, 1)
    if draws.grey:
        image = grey(image)
    if draws.jitter_order:
        image = jitter(image, draws)
    return to_levels(image.reshape(len(image), -1)).reshape(image.shape)


def _degraded(rgb: np.ndarray, draws: Draws) -> np.ndarray:
    """Apply blur, haze, down-scaling, noise, JPEG and up-scaling: (S, S, 3) uint8 to float32 in [0,
    1].
    """
    size = rgb.shape[0]
    image = cv2.LUT(np.ascontiguousarray(rgb), UNIT)
    image = cv2.filter2D(image, -1, gaussian_kernel(draws.kernel_px, draws.sigma_x_px, draws.sigma_y_px, draws.angle_rad))
    if draws.haze < 1:
        image = image * np.float32(draws.haze) + np.float32(1 - draws.haze)
    image = cv2.resize(image, (draws.side_px, draws.side_px), interpolation=cv2.INTER_LINEAR)
    image = add_noise(image, draws)
    image = jpeg(image, draws.jpeg_quality)
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)


def gaussian_kernel(length_px: int, sigma_x_px: float, sigma_y_px: float, angle_rad: float) -> np.ndarray:
    """Return a (length, length) float64 Gaussian with sum 1, its axes turned by `angle_rad`."""
    half = length_px // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    across = np.cos(angle_rad) * x + np.sin(angle_rad) * y
    along = -np.sin(angle_rad) * x + np.cos(angle_rad) * y
    kernel = np.exp(-0.5 * ((across / sigma_x_px) ** 2 + (along / sigma_y_px) ** 2))
    return kernel / kernel.sum()


def add_noise(image: np.ndarray, draws: Draws) -> np.ndarray:
    """Add Gaussian noise from the image's own seed to (H, W, 3) float32 in [0, 1], and clip; one field
    for all channels when `noise_shared`.
    """
    channels = 1 if draws.noise_shared else 3
    noise = np.random.default_rng(draws.noise_seed).standard_normal((*image.shape[:2], channels), dtype=np.float32)
    return np.clip(image + noise * (draws.noise_std_255 / 255.0), 0, 1)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Encode and decode (H, W, 3) float32 RGB in [0, 1] as JPEG of a whole quality in [0, 100]."""
    bgr = np.rint(image[..., ::-1] * 255.0).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded just now
    return decoded[..., ::-1].astype(np.float32) / 255.0


def bicubic(rgb: np.ndarray, side_px: int) -> np.ndarray:
    """Resize (S, S, 3) uint8, antialiased bicubic, to `side_px` pixels a side and back."""
    size = rgb.shape[0]
    small = Image.fromarray(rgb).resize((side_px, side_px), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))


def grey(rgb: np.ndarray) -> np.ndarray:
    """Return the luminance (ITU-R BT.601) of (H, W, 3) uint8, or float32 in [0, 1], RGB, in all three
    channels.
    """
    return cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def is_grey(rgb: np.ndarray) -> bool:
    """Return whether the three channels of (H, W, 3) are equal everywhere."""
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def jitter(image: np.ndarray, draws: Draws) -> np.ndarray:
    """Change brightness, contrast, saturation and hue in the drawn order, as GFPGAN's degradation
    does.

    The arithmetic is torchvision's, on floats.

    Args:
        image: (H, W, 3) float32 RGB in [0, 1].

    Returns: (H, W, 3) float32, not rounded.
    """
    from clrface.torchvision_import import prepare  # here: most degradations need no torch

    prepare()
    import torch
    from torchvision.transforms import functional

    steps = {
        "b": (functional.adjust_brightness, draws.brightness),
        "c": (functional.adjust_contrast, draws.contrast),
        "s": (functional.adjust_saturation, draws.saturation),
        "h": (functional.adjust_hue, draws.hue),
    }
    turned = torch.from_numpy(np.ascontiguousarray(np.moveaxis(image, -1, 0)))
    for step in draws.jitter_order:
        adjust, strength = steps[step]
        turned = adjust(turned, strength)
    return np.moveaxis(turned.numpy(), 0, -1)
