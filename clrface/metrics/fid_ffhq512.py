"""Frechet inception distance of the restored set from FFHQ at 512x512, whatever the test set is."""

from pathlib import Path

from clrface.metrics.networks import inception
from clrface.metrics.sets import ToStatistics, read_statistics
from clrface.metrics.source import source_file

CARD = {
    "id": "fid_ffhq512",
    "label": "FID (FFHQ)",
    "direction": "lower",
    "unit": "",
    "level": "set",
    "needs_reference": False,
    "decimals": 2,
    "source": "github.com/TencentARC/VQFR, calculate_fid_folder.py: pytorch-fid's Inception, statistics inception_FFHQ_512.pth",
    "sources": (
        "inception",
        "ffhq512_statistics",
    ),
    "cached": True,
}


class Metric(ToStatistics):
    """Of n images against the mean and covariance of FFHQ's. Biased upward for few images; never 0, not for the truth either."""

    def __init__(self, sources: Path, cache: Path | None = None):
        statistics = read_statistics(source_file(sources, "ffhq512_statistics/inception_FFHQ_512.pth"), inception.FEATURES)
        super().__init__(inception.features(sources, cache), statistics)
