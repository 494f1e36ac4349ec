"""Distances of the restored set from another set, in a network's feature space.

Frechet (FD, FID) and kernel (KD, KID) distance.
"""

from pathlib import Path
from types import ModuleType

from clrface.intact import source_file
from clrface.metrics.distances import frechet_distance, kernel_distance, unpaired_frechet_distance, unpaired_kernel_distance
from clrface.metrics.replicates import frechet_replicates, kernel_replicates, unpaired_frechet_replicates, unpaired_kernel_replicates
from clrface.metrics.sets import Distance, PairedSets, ToStatistics, UnpairedSets, read_statistics

SHARED = {
    "direction": "lower",
    "level": "set",
    "decimals": 2,
    "cached": True,
}
CARDS = (
    {
        "id": "fd_effnet",
        "label": "FD",
        "unit": "",
        "needs_reference": True,
        "definition": (
            "Frechet distance to the ground-truth images of the same set, in EfficientNet-Lite0's 1280 pooled "
            "ImageNet features; images resized to 224 px (bicubic) and scaled to [-1, 1]. Biased upwards for "
            "small sets."
        ),
        "citation": "Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, with EfficientNet-Lite0 for Inception",
        "assets": ("effnet",),
        "class_name": "FrechetDistance",
        "network": "effnet_features",
        "perfect": 0,
        "lowest": 0,
    },
    {
        "id": "fd_effnet_clean",
        "label": "FD to clean",
        "unit": "",
        "needs_reference": False,
        "definition": (
            "Frechet distance to the clean faces of a reference set of other people, in fd_effnet's features. "
            "Biased upwards for small sets."
        ),
        "citation": "Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, with EfficientNet-Lite0 for Inception",
        "assets": ("effnet",),
        "against": "clean",
        "class_name": "FrechetDistanceToClean",
        "network": "effnet_features",
        "lowest": 0,
    },
    {
        "id": "kd_effnet",
        "label": "KD",
        "unit": "x 1000",
        "needs_reference": True,
        "definition": (
            "1000 x squared maximum mean discrepancy (MMD) to the ground-truth images of the same set, in "
            "fd_effnet's features, kernel (x.y / 1280 + 1)^3, unbiased for paired sets, whole set at once."
        ),
        "citation": (
            "Binkowski et al., Demystifying MMD GANs, ICLR 2018, with EfficientNet-Lite0 for Inception; paired estimator of Gretton 2012"
        ),
        "assets": ("effnet",),
        "class_name": "KernelDistance",
        "network": "effnet_features",
        "perfect": 0,
    },
    {
        "id": "kd_effnet_clean",
        "label": "KD to clean",
        "unit": "x 1000",
        "needs_reference": False,
        "definition": (
            "1000 x squared MMD to the clean faces of a reference set of other people, in fd_effnet's features, "
            "kernel (x.y / 1280 + 1)^3, unbiased for independent sets."
        ),
        "citation": "Binkowski et al., Demystifying MMD GANs, ICLR 2018, with EfficientNet-Lite0; unpaired estimator of Gretton 2012",
        "assets": ("effnet",),
        "against": "clean",
        "class_name": "KernelDistanceToClean",
        "network": "effnet_features",
    },
    {
        "id": "fid_gt",
        "label": "FID (GT)",
        "unit": "",
        "needs_reference": True,
        "definition": "Frechet distance to the ground-truth images of the same set, in pytorch-fid's Inception features (2048-d).",
        "citation": "Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017; DifFace's reference",
        "assets": ("inception",),
        "class_name": "FrechetDistance",
        "network": "inception",
        "on_device": True,
        "perfect": 0,
        "lowest": 0,
    },
    {
        "id": "fid_clean_gt",
        "label": "FID (clean, GT)",
        "unit": "",
        "needs_reference": True,
        "definition": (
            "Frechet distance to the ground-truth images of the same set, in pytorch-fid's Inception features after clean-fid's resize."
        ),
        "citation": "Parmar et al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, CVPR 2022; pyiqa's fid of two folders",
        "assets": ("inception",),
        "class_name": "FrechetDistance",
        "network": "inception_clean",
        "on_device": True,
        "perfect": 0,
        "lowest": 0,
    },
    {
        "id": "fid_ffhq512",
        "label": "FID (FFHQ)",
        "unit": "",
        "needs_reference": False,
        "definition": (
            "Frechet distance to FFHQ-512's statistics of 50,000 images, whatever the test set, in pytorch-fid's "
            "Inception features (2048-d, bilinear to 299 px without anti-aliasing, [-1, 1]). All restored images count; "
            "VQFR's script takes the first 3,000 unless told otherwise."
        ),
        "citation": "github.com/TencentARC/VQFR, calculate_fid_folder.py: pytorch-fid's Inception, statistics inception_FFHQ_512.pth",
        "assets": ("inception", "ffhq512_statistics"),
        "class_name": "FrechetDistanceToStatistics",
        "params": {"statistics": "ffhq512_statistics/inception_FFHQ_512.pth"},
        "network": "inception",
        "on_device": True,
        "lowest": 0,
    },
    {
        "id": "kid_gt",
        "label": "KID (GT)",
        "unit": "x 1000",
        "needs_reference": True,
        "definition": (
            "1000 x squared MMD to the ground-truth images of the same set, in pytorch-fid's Inception features, "
            "kernel (x.y / 2048 + 1)^3, unbiased for paired sets, whole set at once."
        ),
        "citation": (
            "Binkowski et al., Demystifying MMD GANs, ICLR 2018: pytorch-fid's Inception; whole set, paired estimator of Gretton 2012"
        ),
        "assets": ("inception",),
        "class_name": "KernelDistance",
        "network": "inception",
        "on_device": True,
        "perfect": 0,
    },
)


class FrechetDistance(PairedSets):
    """Frechet distance from the ground truth; 0 for equal sets.

    It is biased upward for few images, by about the same for every method on one set.

    Args:
        network: a module of clrface.metrics.networks with `features`, as for all classes here. The
            scale depends on it.
    """

    def __init__(self, sources: Path, network: ModuleType, cache: Path | None = None):
        super().__init__(network.features(sources, cache), Distance(frechet_distance, frechet_replicates))


class KernelDistance(PairedSets):
    """Kernel distance from the ground truth, times 1000; 0 for equal sets. Unbiased, so it may fall
    below 0.

    It takes whole sets, paired. torch-fidelity draws random subsets, unpaired.
    """

    def __init__(self, sources: Path, network: ModuleType, cache: Path | None = None):
        super().__init__(network.features(sources, cache), Distance(kernel_distance, kernel_replicates, scale=1000))


class FrechetDistanceToClean(UnpairedSets):
    """Frechet distance from clean faces of another set. Biased upward for few images.

    It also measures how the two sets differ in people and cameras: compare rows, not with 0.
    """

    def __init__(self, sources: Path, network: ModuleType, cache: Path | None = None):
        super().__init__(network.features(sources, cache), Distance(unpaired_frechet_distance, unpaired_frechet_replicates))


class KernelDistanceToClean(UnpairedSets):
    """Kernel distance from clean faces of another set, times 1000. Unbiased.

    It also measures how the two sets differ in people and cameras: compare rows, not with 0.
    """

    def __init__(self, sources: Path, network: ModuleType, cache: Path | None = None):
        super().__init__(network.features(sources, cache), Distance(unpaired_kernel_distance, unpaired_kernel_replicates, scale=1000))


class FrechetDistanceToStatistics(ToStatistics):
    """Frechet distance from the mean and covariance of a large set. Biased upward for few images.

    It is never 0, not even for the ground truth.

    Args:
        statistics: the file, in BasicSR's layout, under the folder of fetched sources.
    """

    def __init__(self, sources: Path, network: ModuleType, statistics: str, cache: Path | None = None):
        stored = read_statistics(source_file(sources, statistics), network.FEATURES)
        super().__init__(network.features(sources, cache), stored)
