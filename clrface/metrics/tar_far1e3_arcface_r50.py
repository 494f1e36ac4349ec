"""True accepts where at most one stranger in a thousand passes, by insightface's embeddings."""

from clrface.metrics.networks import arcface_r50
from clrface.metrics.recognition import TrueAccepts

CARD = {
    "id": "tar_far1e3_arcface_r50",
    "label": "TAR at 1e-3",
    "direction": "higher",
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


class Metric(TrueAccepts):
    """In percent, higher is better."""

    embedder = staticmethod(arcface_r50.embedder)
    far = 1e-3
