"""EfficientNet-Lite0's features of images, cached between jobs.

Where all features are cached, neither the network nor torch is loaded.
"""

from pathlib import Path

from clrface.intact import source_file
from clrface.metrics.networks.memory import Features, remembered

NETWORK = "clrface.metrics.networks.effnet"
WEIGHTS = "effnet/efficientnet-lite0-57934424.pth"


def features(sources: Path, cache: Path | None = None) -> Features:
    """Load the network's features from `sources`; they are kept in the folder `cache`, if given."""
    weights = source_file(sources, WEIGHTS)

    def load() -> Features:
        from clrface.metrics.networks.effnet import EffnetLite0

        return EffnetLite0(weights).features

    return remembered(load, cache, NETWORK, weights)
