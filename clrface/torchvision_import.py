"""Make `import torchvision` work with a CPU-only torch.

The package index's torchvision is built against a CUDA torch. With a CPU build its compiled
operators don't load, and its import stops at two of them that it registers without asking.
Declaring their schemas is enough: nobody here calls them. diffusers and timm import torchvision, so
this is imported before them.
"""

import torch

_SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_library = torch.library.Library("torchvision", "FRAGMENT")  # held: its end would take the schemas away


def prepare() -> None:
    """Declare the operators that are missing, once; does nothing where torchvision's own are there.

    Call it before the first import of torchvision, diffusers or timm.
    """
    if torch.version.cuda is not None:
        return
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            _library.define(name + schema)
