"""Restore one photograph: find its faces, cut them out, restore them with any method, put them
back.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from clrface.align.geometry import fit_similarity, template
from clrface.api import OK, Restorer
from clrface.errors import UserError
from clrface.images import check_square
from clrface.photo.background import Enlarge, lanczos
from clrface.photo.detect import FindsFaces, FoundFace
from clrface.photo.files import Photo
from clrface.photo.paste import cut, face_px, paste
from clrface.seeds import derive_seed

BATCH = 4
"""Faces of a photograph that the method sees at once: CLR-Face works in groups of as many."""
LEAST_FACE_PX = 16
"""A face whose square is smaller isn't restored: too little is left of it."""
FINER = 1.25
"""A face counts as larger than the method's size from this factor on."""
LOSSLESS_DB = 36.0
"""The method's size holds all of a larger face if reducing it to that size, and enlarging it again,
stays above this PSNR.
"""
TOO_SMALL = "kept: too small"
TOO_FINE = "kept: finer than the method's size"


@dataclass(frozen=True)
class Frame:
    """How a method wants its faces: pixels a side, and the template that they are aligned by
    (clrface.align.templates).
    """

    size: int
    template: str


@dataclass(frozen=True)
class FaceReport:
    """One face of a photograph, whether it was restored or not."""

    box: tuple[float, float, float, float]
    """Left, top, width, height, in the photograph's pixels."""
    side_px: float
    """The side of its aligned square, in the photograph's pixels."""
    status: str
    """`ok`, or why the face was kept: TOO_SMALL, TOO_FINE."""


@dataclass(frozen=True)
class Restored:
    """A restored photograph, its faces from left to right, and for each restored face the square
    before and after.
    """

    photo: Photo
    faces: list[FaceReport]
    squares: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    """(S, S, 3) uint8 RGB each, of the method's size."""


@dataclass(frozen=True)
class PhotoRestorer:
    """A loaded method, and how photographs are given to it."""

    method: Restorer
    frame: Frame
    detector: FindsFaces
    seed: int = 0
    """The base seed of the noise of a method that draws some."""
    upscale: int = 1
    """The result's size, in times the photograph's own."""
    enlarge: Enlarge = lanczos
    """What enlarges the photograph around its faces."""
    force: bool = False
    """Restore faces that are finer than the method's size too."""
    least_px: float = LEAST_FACE_PX
    """The least side of a face's square, in the photograph's pixels, that is restored."""

    def restore(self, photo: Photo, name: str) -> Restored:
        """Restore every face of a photograph.

        With `upscale` 1 and `lanczos`, pixels outside of the restored faces stay as they are.

        Args:
            name: seeds the faces' noise, with each face's place from left to right.

        Raises: UserError for a method that returns another shape or values that are not finite.
        """
        found = self.detector.find(photo.eight_bits)
        matrices = [self._matrix(face) for face in found]
        status = [self._why_kept(photo.pixels, matrix) for matrix in matrices]
        todo = [place for place, reason in enumerate(status) if reason == OK]
        cuts = [cut(photo.pixels, matrices[place], self.frame.size) for place in todo]
        restored = self._restore(cuts, [derive_seed(self.seed, "photo", name, str(place)) for place in todo])
        canvas = self.enlarge(photo.pixels, self.upscale)
        for place, square in zip(todo, restored, strict=True):
            paste(canvas, square, _enlarged(matrices[place], self.upscale))
        faces = [
            FaceReport(face.box, face_px(matrix, self.frame.size), reason)
            for face, matrix, reason in zip(found, matrices, status, strict=True)
        ]
        return Restored(
            photo.with_pixels(canvas), faces, [(_bytes(before), _bytes(after)) for before, after in zip(cuts, restored, strict=True)]
        )

    def restore_aligned(self, photo: Photo, name: str) -> Restored:
        """Restore an image that is one aligned face, (S, S, 3), at any size; it is resized to the
        method's and back.

        Raises: UserError for one that isn't square, and as `restore`.
        """
        check_square(photo.pixels, name, "Leave out --aligned for photographs.")
        height, width = photo.pixels.shape[:2]
        before = _resized(photo.pixels.astype(np.float32) / np.iinfo(photo.pixels.dtype).max, self.frame.size)
        [after] = self._restore([before], [derive_seed(self.seed, "photo", name, "0")])
        most = np.iinfo(photo.pixels.dtype).max
        pixels = np.rint(np.clip(_resized(after, height * self.upscale), 0, 1) * most).astype(photo.pixels.dtype)
        face = FaceReport((0.0, 0.0, float(width), float(height)), float(height), OK)
        return Restored(photo.with_pixels(pixels), [face], [(_bytes(before), _bytes(after))])

    def _matrix(self, face: FoundFace) -> np.ndarray:
        return fit_similarity(face.points, template(self.frame.size, self.frame.template))

    def _why_kept(self, pixels: np.ndarray, matrix: np.ndarray) -> str:
        side = face_px(matrix, self.frame.size)
        if side < self.least_px:
            return TOO_SMALL
        return TOO_FINE if not self.force and _holds_more(pixels, matrix, self.frame.size) else OK

    def _restore(self, cuts: list[np.ndarray], seeds: list[int]) -> list[np.ndarray]:
        """(S, S, 3) float32 in [0, 1] each, restored a few at a time: a crowd needn't fit into
        memory.
        """
        results: list[np.ndarray] = []
        for start in range(0, len(cuts), BATCH):
            squares = np.clip(np.stack(cuts[start : start + BATCH]), 0, 1)
            lq = torch.from_numpy(np.ascontiguousarray(squares.transpose(0, 3, 1, 2)))
            hq = self.method.restore(lq, seeds[start : start + BATCH]).detach().cpu().float().numpy()
            if hq.shape != tuple(lq.shape) or not np.isfinite(hq).all():
                raise UserError(f"The method answered with {hq.shape} values, some perhaps not finite; expected {tuple(lq.shape)}, finite.")
            results += list(np.clip(hq, 0, 1).transpose(0, 2, 3, 1))
        return results


def _holds_more(pixels: np.ndarray, matrix: np.ndarray, size: int) -> bool:
    """Whether the face has detail that the method's size can't hold."""
    side = round(face_px(matrix, size))
    if side < FINER * size:
        return False
    factor = side / size
    finer = matrix * factor
    finer[:, 2] += (factor - 1) / 2
    own = cut(pixels, finer, side)
    again = _resized(_resized(own, size), side)
    error = float(np.mean((own - again) ** 2))
    return error > 10 ** (-LOSSLESS_DB / 10)


def _resized(square: np.ndarray, size: int) -> np.ndarray:
    shrinks = size < square.shape[0]
    return (
        square
        if size == square.shape[0]
        else cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    )


def _enlarged(matrix: np.ndarray, factor: int) -> np.ndarray:
    """The matrix from a photograph `factor` times as large."""
    larger = matrix.copy()
    larger[:, :2] /= factor
    larger[:, 2] += larger[:, :2] @ np.full(2, (1 - factor) / 2)
    return larger


def _bytes(square: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(square, 0, 1) * 255).astype(np.uint8)
