"""Non-local means, by scikit-image, with the noise measured in each image. Not trained.

Buades et al., CVPR 2005.
"""

import numpy as np
from skimage.restoration import denoise_nl_means, estimate_sigma

from clrface.restoration.classical import ClassicalRestorer

CARD = {
    "name": "nlm",
    "label": "Non-local means",
    "stochastic": False,
    "paper": "Buades et al., CVPR 2005",
    "licence": "Apache-2.0",
    "params": {"strength": 4.0, "patch_px": 5, "distance_px": 6},
}
LEAST_NOISE = 1 / 255
"""Below this nothing would be filtered: an image of 8-bit values has no less."""


class Restorer(ClassicalRestorer):
    """Average pixels whose surroundings look alike.

    Args:
        strength: the cut-off distance h, in standard deviations of the measured noise.
        patch_px: the side of the surroundings that are compared, in pixels.
        distance_px: how far away similar pixels are searched, in pixels.
    """

    def __init__(self, strength: float, patch_px: int, distance_px: int):
        self.strength, self.patch_px, self.distance_px = strength, patch_px, distance_px

    def filter(self, image: np.ndarray) -> np.ndarray:
        noise = max(float(np.mean(estimate_sigma(image, channel_axis=-1))), LEAST_NOISE)
        return denoise_nl_means(
            image,
            h=self.strength * noise,
            sigma=noise,
            patch_size=self.patch_px,
            patch_distance=self.distance_px,
            fast_mode=True,
            channel_axis=-1,
        )
