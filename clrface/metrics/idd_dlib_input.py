"""Identity distance from the input: how far a restoration has moved from whom the degraded face shows, by dlib's embeddings."""

from clrface.metrics import idd_dlib

CARD = {
    "id": "idd_dlib_input",
    "label": "IDD to input",
    "direction": "lower",
    "unit": "",
    "level": "image",
    "needs_reference": True,
    "decimals": 4,
    "source": "as idd_dlib, against the degraded input: no measure of quality, since whoever changes nothing scores 0",
    "sources": ("dlib",),
    "diagnostic": True,
    "against": "input",
    "cached": True,
    "template": "utkface",
}


class Metric(idd_dlib.Metric):
    """0 for a method that returns its input, so it ranks nobody; dlib takes two photographs under 0.6 for one person."""
