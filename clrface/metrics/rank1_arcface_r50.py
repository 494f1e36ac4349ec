"""Identification: whose clean photograph is nearest, by insightface's embeddings."""

from clrface.metrics.networks import arcface_r50
from clrface.metrics.recognition import RankOne

CARD = {
    "id": "rank1_arcface_r50",
    "label": "Rank-1",
    "direction": "higher",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Phillips et al., The FERET evaluation methodology, PAMI 2000; insightface's w600k_r50",
    "sources": ("buffalo_l",),
    "against": "gallery",
    "cached": True,
    "template": "ffhq",
}


class Metric(RankOne):
    """In percent, higher is better."""

    embedder = staticmethod(arcface_r50.embedder)
