"""GFPGAN's three released versions with their authors' weights, at 512x512.

Wang et al., CVPR 2021.
"""

from clrface.restoration.gfpgan import GfpganRestorer

SHARED = {
    "stochastic": True,
    "paper": "Wang et al., CVPR 2021",
    "licence": "Apache-2.0",
    "params": {"half": False},
    "resolution": 512,
}
CARDS = (
    {"name": "gfpgan_1_2", "label": "GFPGAN v1.2", "class_name": "Version12", "assets": ("gfpgan_1_2",)},
    {"name": "gfpgan_1_3", "label": "GFPGAN v1.3", "class_name": "Version13", "assets": ("gfpgan_1_3",)},
    {"name": "gfpgan_1_4", "label": "GFPGAN v1.4", "class_name": "Version14", "assets": ("gfpgan_1_4",)},
)


class Version12(GfpganRestorer):
    """GFPGAN v1.2."""

    file = "gfpgan_1_2/GFPGANv1.2.pth"


class Version13(GfpganRestorer):
    """GFPGAN v1.3."""

    file = "gfpgan_1_3/GFPGANv1.3.pth"


class Version14(GfpganRestorer):
    """GFPGAN v1.4."""

    file = "gfpgan_1_4/GFPGANv1.4.pth"
