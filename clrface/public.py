"""The functions that `import clrface` offers. Each imports what it needs when it is called."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clrface import paths
from clrface.catalogue import PROTOCOLS

if TYPE_CHECKING:
    import numpy as np

    from clrface.api import ImageMetric, Restorer, SetMetric
    from clrface.tables.evaluate import Evaluation

PROTOCOL = "distortion"
"""The default protocol of `evaluate`: PSNR and SSIM, which need no download."""


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
        pred: the restored images. Images of all folders are paired by file name without its suffix.
        gt: the ground truth. Without it, metrics that need it have no value.
        lq: the degraded inputs, for metrics that compare with them.
        clean: clean faces of other people, for distances to them.
        protocol: one of `list_protocols()`.
        metrics: some of the protocol's metrics; default: all.
        resamples: the number of bootstrap resamples for the 95 % intervals.
        batch: images measured at once; it doesn't change a value.
        sources: the folder of fetched sources; default: the project's, or the user's cache.
        cache: a folder that keeps networks' features for other metrics and runs.
        protocols: the file of protocols.

    Returns: a line for each metric, with its value, interval and failures. A metric without a value
    has a note that says why.

    Raises: UserError for an unknown protocol or metric, a folder that is missing or empty, and
    images without a partner or of another size.

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


def load_method(name: str, *, weights: str = "shipped", device: str = "auto", **params: Any) -> "Restorer":
    """Load a method, and fetch its missing sources.

    Args:
        name: one of `list_methods()`.
        weights: of a method that is trained here: `shipped`, `fit`, a folder, or a Hugging Face id.
        device: `auto`, `cpu`, `cuda` or `mps`.
        params: the method's parameters, as its card names them.

    Returns: an object with `restore(lq, seeds)`. It takes aligned faces, (B, 3, H, W) float32 RGB
    in [0, 1], with one seed an image. It returns restored faces of the same shape and range.

    Raises: UserError for an unknown name or parameter, and for sources or weights that are not
    available.

    >>> load_method("clrface", steps=4).restore(faces, seeds=[0])  # doctest: +SKIP
    """
    from clrface.ready import ready

    return ready(name, params, weights, device).method


def restore(
    image: "np.ndarray",
    method: str = "clrface",
    *,
    seed: int = 0,
    force: bool = False,
    weights: str = "shipped",
    device: str = "auto",
    **params: Any,
) -> "np.ndarray":
    """Restore the faces of a photograph, and fetch the face detector and the method's sources if they
    are missing.

    Args:
        image: (H, W, 3) uint8 or uint16 RGB, upright.
        force: restore faces that have more detail than the method's size holds, too. They are kept
            otherwise, as are faces below 16 pixels.
        method, weights, device, params: see `load_method`.
        seed: of a method that draws noise.

    Returns: the photograph, of the same shape and type. A photograph without a face is returned
    unchanged.

    Raises: UserError, as `load_method`, and for an image of another shape or type.
    """
    from clrface.images import check_rgb
    from clrface.photo.detect import SOURCE, FaceDetector
    from clrface.photo.files import Photo
    from clrface.photo.restorer import Frame, PhotoRestorer
    from clrface.ready import fetched, ready

    check_rgb(image, ("uint8", "uint16"))
    made = ready(method, params, weights, device)
    restorer = PhotoRestorer(made.method, Frame(made.size, made.template), FaceDetector(fetched([SOURCE])), seed, force=force)
    return restorer.restore(Photo(image), "").photo.pixels


def degrade(image: "np.ndarray", degradation: str, *, seed: int = 0) -> "np.ndarray":
    """Degrade an aligned face.

    Args:
        image: (S, S, 3) uint8 RGB.
        degradation: one of `clrface list degradations`.
        seed: determines the blur, scale, noise and JPEG quality that are drawn.

    Returns: (S, S, 3) uint8, the same for the same arguments.

    Raises: UserError for an image of another shape or type, an unknown degradation, and one of
    finished images.
    """
    from clrface.catalogue import DEGRADATIONS
    from clrface.degradation.chunk import degrade_image
    from clrface.degradation.draw import get_degradation, load_degradations
    from clrface.images import check_rgb
    from clrface.seeds import generator

    check_rgb(image)
    chosen = get_degradation(load_degradations(DEGRADATIONS), degradation)
    return degrade_image(image, chosen, generator(seed, "degrade", "", chosen.name, ""))[0]


def sample_faces(count: int = 8, size: int = 128) -> "list[np.ndarray]":
    """Load generated faces from the package, for trials. They show no real person.

    Args:
        count: the number of faces, at most 160.
        size: pixels a side; they are reduced from 128.

    Returns: (size, size, 3) uint8 RGB each, aligned by the template `utkface`.

    Raises: UserError for a count or size out of range.
    """
    import cv2

    from clrface.catalogue import GENERATED
    from clrface.errors import UserError
    from clrface.images import read_rgb

    files = sorted(GENERATED.glob("*.png"))
    if not (0 < count <= len(files) and 0 < size <= 128):
        raise UserError(f"Found count={count} and size={size}, expected 1 to {len(files)} faces of at most 128 pixels.")
    faces = [read_rgb(path) for path in files[:count]]
    return [cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA) for face in faces]


def create_metric(name: str) -> "ImageMetric | SetMetric":
    """Make a metric, and fetch its missing sources.

    Args:
        name: one of `list_metrics()`, but none of recognition (`rank1_*`, `accuracy_*`, `tar_*`,
            `eer_*`): those compare with a gallery, in the workflow.

    Returns: an object with `update(pred, ref)`, both (B, 3, H, W) float32 RGB in [0, 1], and
    `result()`. `ref` is what the card's `against` names: the ground truth, or the degraded input. A
    distance to clean faces takes them first, by `update_clean(faces)`.

    Raises: UserError for an unknown id, a metric of recognition, and sources that are not available.
    """
    from clrface.errors import UserError
    from clrface.metrics.registry import load_metric, metric_card
    from clrface.ready import fetched

    card = metric_card(name)
    if card.against == "gallery":
        raise UserError(f"'{name}' compares with a gallery of people. The workflow measures it: see table4 in docs/explanation/results.md.")
    return load_metric(name, fetched(card.assets))


def list_methods() -> list[str]:
    """Return the names of all methods, sorted: this project's, plug-ins, external programs.

    Raises: UserError for a plug-in whose card is missing or wrong.
    """
    from clrface.registry import method_cards

    return list(method_cards())


def list_metrics() -> list[str]:
    """Return the ids of all metrics, sorted.

    Raises: UserError for a plug-in whose cards are wrong.
    """
    from clrface.metrics.registry import metric_cards

    return list(metric_cards())


def list_protocols() -> list[str]:
    """Return the names of all protocols."""
    import yaml

    return list(yaml.safe_load(PROTOCOLS.read_text(encoding="utf-8")))
