"""True accepts where at most one stranger in a thousand passes, by dlib's embeddings."""

from clrface.metrics.networks import dlib_recogniser
from clrface.metrics.recognition import TrueAccepts

CARD = {
    "id": "tar_far1e3_dlib",
    "label": "TAR at 1e-3",
    "direction": "higher",
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


class Metric(TrueAccepts):
    """In percent, higher is better."""

    embedder = staticmethod(dlib_recogniser.embedder)
    far = 1e-3
