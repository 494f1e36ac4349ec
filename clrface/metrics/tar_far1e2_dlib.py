"""True accepts where at most one stranger in a hundred passes, by dlib's embeddings."""

from clrface.metrics.recognition import Curve, Verification, tar_at

CARD = {
    "id": "tar_far1e2_dlib",
    "label": "TAR at 1e-2",
    "direction": "higher",
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
    """In percent. A hundredth of the impostor pairs must be several pairs: docs/protocols.md says how many there are."""

    def read(self, curve: Curve) -> float:
        """TAR at FAR 0.01."""
        return tar_at(curve, 0.01)
