"""The package insightface (2.1) with its pack buffalo_l: detector, alignment, recogniser w600k_r50.

`arcface_r50` cuts one fixed chip instead. Here a face may not be found, and the detector may hide
geometric errors.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clrface.errors import UserError
from clrface.intact import source_file
from clrface.metrics.networks.arcface_r50 import WEIGHTS

DETECTOR = "buffalo_l_detector/det_10g.onnx"
DETECTION_PX = (640, 640)
"""The detector's input size, as in insightface's examples. An image's longer side is fitted into
it.
"""
THRESHOLD = 0.5
"""The detector's lowest score, insightface's default."""
INSTALL = "pip install 'clrface-bench[insightface]' && pip install --no-deps 'insightface>=2.1,<3'"
"""In two steps: its requirements bring an opencv-python that overwrites the headless one's files.
"""

Embed = Callable[[np.ndarray], np.ndarray | None]
"""Map (H, W, 3) uint8 RGB to a unit vector (512,); None where no face is found."""


def embedder(sources: Path) -> Embed:
    """Load the embedding of an image's face: the largest and most central one, as insightface
    weighs them.

    Raises: UserError for missing weights, weights that insightface can't use, and without the
    package.
    """
    detector, recogniser = (source_file(sources, name) for name in (DETECTOR, WEIGHTS))
    try:
        from insightface.app.common import Face  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise UserError(f"ids_insightface needs the package '{error.name}', which isn't installed: {INSTALL}") from error
    find, recognise = _model(detector, "detection"), _model(recogniser, "recognition")
    find.prepare(ctx_id=-1, input_size=DETECTION_PX, det_thresh=THRESHOLD)

    def embed(image: np.ndarray) -> np.ndarray | None:
        bgr = np.ascontiguousarray(image[..., ::-1])
        boxes, points = find.detect(bgr, max_num=1)
        if not len(boxes):
            return None
        vector = recognise.get(bgr, Face(bbox=boxes[0, :4], kps=points[0], det_score=boxes[0, 4]))
        return vector / np.linalg.norm(vector)

    return embed


def _model(path: Path, task: str) -> Any:
    """Load insightface's own object for a file, on the CPU, with torch's number of threads."""
    import onnxruntime  # pyright: ignore[reportMissingImports]
    import torch
    from insightface.model_zoo import get_model  # pyright: ignore[reportMissingImports]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        model = get_model(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's reader may raise anything on damaged bytes
        raise UserError(f"insightface can't read {path} ({error}). Delete {path.parent} and fetch it again.") from error
    if getattr(model, "taskname", "") != task:
        raise UserError(f"{path} isn't a network of {task} to insightface. Delete {path.parent} and fetch it again.")
    return model
