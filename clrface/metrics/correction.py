"""VQFR's correction of mean and standard deviation, applied before PSNR and SSIM."""

import numpy as np


def corrected(pred: np.ndarray, ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Set the mean and standard deviation of each channel of `pred` to those of `ref`.

    The mean is set first, then the deviation, which moves the mean again. VQFR therefore does both
    twice. As there, the arithmetic is in single precision, without clipping or rounding.

    Args:
        pred, ref: (H, W, 3) uint8.

    Returns: both images, float64 in units of 8 bits. A channel of one value has no deviation to
    set, and becomes NaN.
    """
    image, truth = (one.astype(np.float32) / np.float32(255) for one in (pred, ref))
    for channel in range(3):
        plane, wanted = image[..., channel], truth[..., channel]
        for _ in range(2):
            plane = plane - plane.mean() + wanted.mean()
            with np.errstate(divide="ignore", invalid="ignore"):
                plane = plane / plane.std() * wanted.std()
        image[..., channel] = plane
    return (image * 255).astype(np.float64), (truth * 255).astype(np.float64)
