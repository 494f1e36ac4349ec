"""Equal error rate: where as many strangers pass as acquaintances are turned away, by dlib's embeddings."""

from clrface.metrics.recognition import Curve, Verification, equal_error_rate

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
}


class Metric(Verification):
    """In percent; 50 is guessing."""

    def read(self, curve: Curve) -> float:
        """FAR = FRR."""
        return equal_error_rate(curve)
