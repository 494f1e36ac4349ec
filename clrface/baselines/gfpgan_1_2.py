"""GFPGAN v1.2 with its authors' weights, at 512x512 (Wang et al., CVPR 2021)."""

from clrface.restore.gfpgan import GfpganRestorer

CARD = {
    "name": "gfpgan_1_2",
    "label": "GFPGAN v1.2",
    "stochastic": True,
    "paper": "Wang et al., CVPR 2021",
    "licence": "Apache-2.0",
    "params": {"half": False},
    "sources": ("gfpgan_1_2",),
    "resolution": 512,
}


class Restorer(GfpganRestorer):
    """See clrface.restore.gfpgan."""

    file = "gfpgan_1_2/GFPGANv1.2.pth"
