"""Accuracy of verification at a threshold chosen on other people, by dlib's embeddings."""

from clrface.metrics.networks import dlib_recogniser
from clrface.metrics.recognition import Accuracy

CARD = {
    "id": "accuracy_dlib",
    "label": "Accuracy",
    "direction": "higher",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "Huang et al., Labeled Faces in the Wild, 2007: cross-validated accuracy, here balanced; dlib's embeddings",
    "sources": ("dlib",),
    "against": "gallery",
    "cached": True,
    "template": "utkface",
}


class Metric(Accuracy):
    """In percent, higher is better."""

    embedder = staticmethod(dlib_recogniser.embedder)
