"""Identification: whose clean photograph is nearest, by dlib's embeddings."""

from clrface.metrics.networks import dlib_recogniser
from clrface.metrics.recognition import RankOne

CARD = {
    "id": "rank1_dlib",
    "label": "Rank-1",
    "direction": "higher",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Phillips et al., The FERET evaluation methodology, PAMI 2000; dlib's embeddings",
    "sources": ("dlib",),
    "against": "gallery",
    "cached": True,
    "template": "utkface",
}


class Metric(RankOne):
    """In percent, higher is better."""

    embedder = staticmethod(dlib_recogniser.embedder)
