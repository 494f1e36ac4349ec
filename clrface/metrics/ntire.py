"""No-reference image quality by the networks of the NTIRE challenges on face restoration."""

from pathlib import Path
from types import ModuleType

import numpy as np

from clrface.metrics.collect import ImageScores

SHARED = {
    "direction": "higher",
    "unit": "",
    "level": "image",
    "needs_reference": False,
    "decimals": 4,
    "class_name": "Quality",
    "network": "pyiqa_networks",
    "on_device": True,
}
CARDS = (
    {
        "id": "clipiqa",
        "label": "CLIP-IQA",
        "definition": 'Probability of "good" against "bad" over five pairs of prompts, by CLIP with ResNet-50.',
        "citation": "Wang et al., Exploring CLIP for Assessing the Look and Feel of Images, AAAI 2023; pyiqa 0.1.16, clipiqa",
        "assets": ("clip_rn50",),
        "params": {"name": "clipiqa"},
        "lowest": 0,
        "highest": 1,
    },
    {
        "id": "maniqa",
        "label": "MANIQA",
        "definition": "MANIQA trained on KonIQ-10k, mean of 20 crops.",
        "citation": "Yang et al., MANIQA, CVPR Workshops 2022, trained on KonIQ-10k; pyiqa 0.1.16, maniqa",
        "assets": ("maniqa_koniq",),
        "params": {"name": "maniqa"},
        "lowest": 0,
    },
    {
        "id": "musiq",
        "label": "MUSIQ",
        "decimals": 2,
        "definition": "MUSIQ trained on KonIQ-10k, 0 to 100.",
        "citation": "Ke et al., MUSIQ: Multi-scale Image Quality Transformer, ICCV 2021, trained on KonIQ-10k; pyiqa 0.1.16, musiq",
        "assets": ("musiq_koniq",),
        "params": {"name": "musiq"},
    },
    {
        "id": "qalign",
        "label": "Q-Align",
        "definition": "Q-Align's quality score, 1 to 5, by a multimodal language model of 16 GB.",
        "citation": "Wu et al., Q-Align, ICML 2024; pyiqa 0.1.16, qalign",
        "params": {"name": "qalign"},
        "lowest": 1,
        "highest": 5,
    },
)


class Quality(ImageScores):
    """Score one image at a time, so that the result doesn't depend on the batch.

    Args:
        network: clrface.metrics.networks.pyiqa_networks.
        name: one of its functions.
    """

    needs_reference = False

    def __init__(self, sources: Path, network: ModuleType, name: str):
        super().__init__()
        self._score = getattr(network, name)(sources)

    def measure(self, pred: np.ndarray, ref: np.ndarray) -> list[float]:
        """Return the score of each image (B, 3, H, W); `ref` is ignored."""
        return [self._score(image) for image in pred]
