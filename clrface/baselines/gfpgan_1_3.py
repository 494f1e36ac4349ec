"""GFPGAN v1.3 with its authors' weights, at 512x512 (Wang et al., CVPR 2021)."""

from clrface.restore.gfpgan import GfpganRestorer

CARD = {
    "name": "gfpgan_1_3",
    "label": "GFPGAN v1.3",
    "stochastic": True,
    "paper": "Wang et al., CVPR 2021",
    "licence": "Apache-2.0",
    "params": {"half": False},
    "sources": ("gfpgan_1_3",),
    "resolution": 512,
}


class Restorer(GfpganRestorer):
    """See clrface.restore.gfpgan."""

    file = "gfpgan_1_3/GFPGANv1.3.pth"
