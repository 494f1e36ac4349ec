"""Equal error rate: where as many strangers pass as acquaintances are turned away, by insightface's embeddings."""

from clrface.metrics.networks import arcface_r50
from clrface.metrics.recognition import EqualErrorRate

CARD = {
    "id": "eer_arcface_r50",
    "label": "EER",
    "direction": "lower",
    "unit": "%",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "ISO/IEC 19795-1 (true and false accept rates), with insightface's w600k_r50",
    "sources": ("buffalo_l",),
    "against": "gallery",
    "cached": True,
    "template": "ffhq",
}


class Metric(EqualErrorRate):
    """In percent, lower is better."""

    embedder = staticmethod(arcface_r50.embedder)
