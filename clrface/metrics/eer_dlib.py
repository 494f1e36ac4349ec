"""Equal error rate: where as many strangers pass as acquaintances are turned away, by dlib's embeddings."""

from clrface.metrics.networks import dlib_recogniser
from clrface.metrics.recognition import EqualErrorRate

CARD = {
    "id": "eer_dlib",
    "label": "EER",
    "direction": "lower",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "ISO/IEC 19795-1 (true and false accept rates), with dlib's embeddings",
    "sources": ("dlib",),
    "against": "gallery",
    "cached": True,
    "template": "utkface",
}


class Metric(EqualErrorRate):
    """In percent, lower is better."""

    embedder = staticmethod(dlib_recogniser.embedder)
