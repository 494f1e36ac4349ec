"""Templates of aligned faces: where their landmarks lie in the square."""

import numpy as np

UTKFACE = np.array([(0.305, 0.30), (0.695, 0.30), (0.50, 0.715)])
"""This project's template: left eye, right eye (as seen in the image) and mouth centre, (3, 2), in
shares of the side. The median UTKFace chip, made symmetric.
"""
FFHQ_PX = 512
FFHQ_POINTS = np.array(
    [[192.98138, 239.94708], [318.90277, 240.1936], [256.63416, 314.01935], [201.26117, 371.41043], [313.08905, 371.15118]]
)
"""Where faces aligned as FFHQ's, as the field's sets are, have the eyes, the nose and the corners
of the mouth, in pixels at 512x512, the first pixel's middle at 0: the template of facexlib, GFPGAN
and CodeFormer.
"""
FFHQ = (np.vstack([FFHQ_POINTS[:2], FFHQ_POINTS[3:].mean(0)]) + 0.5) / FFHQ_PX
"""The same three points as UTKFACE's, in shares of the side."""
TEMPLATES = {"utkface": UTKFACE, "ffhq": FFHQ}
"""By the name that `template` has in the config."""
