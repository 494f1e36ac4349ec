"""What a page's reader has already: photographs, folders of faces, a checkpoint. Each is made under the name that pages give it."""

from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from clrface.catalogue import GENERATED
from clrface.images import read_rgb, write_png
from tests.photographs import exif, face, scene
from tests.unit.test_latent_diffusion import official_checkpoint

PRELUDE = """
import numpy as np
import torch
from pathlib import Path
from clrface.images import read_rgb
photograph, face = read_rgb("photo.jpg"), read_rgb("truth/g000010.png")
seeds, lq = [0, 1], torch.from_numpy(np.stack([face[::3, ::3]] * 2)).permute(0, 3, 1, 2) / 255
"""
"""What Python on pages takes for given."""
PHOTOGRAPHS = ("one", "two")
FACES = sorted(GENERATED.glob("g00001?.png"))[:3]


def photograph(path: Path) -> None:
    """A face of 60 pixels on a wall, as a camera writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene((80, 60, 60), size=(200, 240))).save(path, quality=90, exif=exif())


def photographs(folder: Path) -> None:
    for name in PHOTOGRAPHS:
        photograph(folder / f"{name}.jpg")


def face_images() -> dict[str, np.ndarray]:
    """Aligned faces, 192x192: NIQE needs two blocks of 96 pixels."""
    return {path.name: cv2.resize(read_rgb(path), (192, 192), interpolation=cv2.INTER_CUBIC) for path in FACES}


def faces(folder: Path) -> None:
    for name, image in face_images().items():
        write_png(folder / name, image)


def restored(folder: Path, blur: float = 1.5) -> None:
    """The same faces, blurred."""
    for name, image in face_images().items():
        write_png(folder / name, cv2.GaussianBlur(image, (0, 0), blur))


def finished(folder: Path) -> None:
    """Results for each block of the pages' configs: a degraded image of ORL, with a median taken."""
    degraded = sorted((folder.parents[2] / "data/degraded/orl/blind").glob("*/*.png"))
    sets = {"orl": [path.name for path in degraded], "my_faces": [f"{name}.png" for name in PHOTOGRAPHS]}
    for dataset, names in sets.items():
        for degradation in ("blind", "severe", "x8"):
            for name, path in zip(names, degraded, strict=False):
                write_png(folder / dataset / degradation / name, cv2.medianBlur(read_rgb(path), 3))


def chips(folder: Path) -> None:
    """UTKFace's chips are aligned, 200x200."""
    folder.mkdir()
    for number in range(2):
        chip = Image.fromarray(face(number)).resize((200, 200), Image.Resampling.LANCZOS)
        chip.save(folder / f"2{number}_0_0_20170101.jpg.chip.jpg", quality=95)


def checkpoint(path: Path) -> None:
    """A VQ autoencoder of the official layout, narrow, with random weights."""
    torch.save({"state_dict": official_checkpoint()}, path)


INPUTS = {
    "photo.jpg": photograph,
    "album": photographs,
    "path/to/photographs": photographs,
    "path/to/faces": photographs,
    "path/to/images": finished,
    "faces": faces,
    "truth": faces,
    "out": restored,
    "input": restored,
    "restored": lambda folder: restored(folder, 1),
    "other": lambda folder: restored(folder, 3),
    "chips": chips,
    "celeba256_vq_f4_dim3_face.pth": checkpoint,
    "mine.yaml": lambda path: path.write_text("clrface: {steps: 4}\n"),
}
"""By name, what makes it; a page that prints a file of that name writes its own."""
