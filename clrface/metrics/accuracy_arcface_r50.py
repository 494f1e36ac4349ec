"""Accuracy of verification at a threshold chosen on other people, by insightface's embeddings."""

from clrface.metrics.networks import arcface_r50
from clrface.metrics.recognition import Accuracy

CARD = {
    "id": "accuracy_arcface_r50",
    "label": "Accuracy",
    "direction": "higher",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Huang et al., Labeled Faces in the Wild, 2007: cross-validated accuracy, here balanced; insightface's w600k_r50",
    "sources": ("buffalo_l",),
    "against": "gallery",
    "cached": True,
    "template": "ffhq",
}


class Metric(Accuracy):
    """In percent, higher is better."""

    embedder = staticmethod(arcface_r50.embedder)
