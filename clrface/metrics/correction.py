"""VQFR's correction of mean and deviation, which PSNR and SSIM are measured after in its script."""

import numpy as np


def corrected(pred: np.ndarray, ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two (H, W, 3) uint8 images to float64 in units of 8 bits, the first with each channel's mean and deviation set to the second's.

    The mean is set, then the deviation, which moves the mean again; so VQFR does both twice, and the second turn puts the mean right.
    In single precision as there, neither clipped nor rounded. NaN for a channel of one value, which has no deviation to set.
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
