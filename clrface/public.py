"""The functions that `import clrface` offers. What they need is imported when they are called."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clrface import paths
from clrface.catalogue import PROTOCOLS

if TYPE_CHECKING:
    from clrface.tables.evaluate import Evaluation

PROTOCOL = "distortion"
"""What `evaluate` measures by when nothing is said: PSNR and SSIM, for which nothing is fetched."""


def evaluate(
    pred: Path | str,
    gt: Path | str | None = None,
    *,
    lq: Path | str | None = None,
    clean: Path | str | None = None,
    protocol: str = PROTOCOL,
    metrics: Sequence[str] | None = None,
    resamples: int = 1000,
    batch: int = 16,
    sources: Path | str | None = None,
    cache: Path | str | None = None,
    protocols: Path | str = PROTOCOLS,
) -> "Evaluation":
    """Measure a folder of images by a protocol.

    Args:
        pred: the restored images, paired with the other folders' by file name, less its suffix.
        gt: the ground truth; metrics that need it have no value without.
        lq: the degraded inputs, for metrics that compare with them.
        clean: clean faces of other people, for distances to them.
        protocol: `list_protocols()` names them.
        metrics: some of the protocol's; all when left out.
        resamples: of the bootstrap that gives the 95 % intervals.
        batch: images measured at once; it doesn't change a value.
        sources: the folder of fetched sources; the project's, or the user's cache, when left out.
        cache: a folder that keeps networks' features for other metrics and runs.
        protocols: the file of protocols.

    Returns: a line for each metric, with its value, interval and failures, or a note that says why it has none.

    Raises: UserError for an unknown protocol or metric, a folder that is missing or empty, images without a partner or of another size.

    >>> evaluate("out", "truth").values["psnr"]  # doctest: +SKIP
    26.76
    """
    from clrface.metrics.protocols import load_protocol
    from clrface.tables.evaluate import Folders
    from clrface.tables.evaluate import evaluate as measure

    chosen = load_protocol(Path(protocols), protocol)
    folders = Folders(Path(pred), *(None if folder is None else Path(folder) for folder in (gt, lq, clean)))
    raw = paths.raw() if sources is None else Path(sources)
    kept = None if cache is None else Path(cache)
    return measure(chosen, chosen.pick(None if metrics is None else list(metrics)), folders, raw, resamples, batch=batch, cache=kept)


def list_methods() -> list[str]:
    """The names of all methods: this project's, plug-ins, external programs."""
    from clrface.registry import method_cards

    return list(method_cards())


def list_metrics() -> list[str]:
    """The ids of all metrics."""
    from clrface.metrics.registry import metric_cards

    return list(metric_cards())


def list_protocols() -> list[str]:
    """The names of all protocols."""
    import yaml

    return list(yaml.safe_load(PROTOCOLS.read_text(encoding="utf-8")))
