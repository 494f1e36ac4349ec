"""CLR-Face, whole: autoencoder, IRN, prior, mask and guidance put together (Suin and Chellappa, arXiv 2402.06106).

y the degraded face; x_I = IRN(y), z_I = E(x_I), z_y = E(y); the sampler starts at alpha z_I + sigma eps, refines given z_y,
guided towards the identity of x_I through the mask; x = G(z_0). docs/method.md maps each part to the paper.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import torch
from diffusers import UNet2DModel

from clrface.errors import UserError
from clrface.models.autoencoder import Autoencoder, luminance
from clrface.models.loading import load_network, move, save_network
from clrface.models.mask import LatentMask
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet
from clrface.noise import normal
from clrface.restore.guidance import RecognitionFreeGuide, RecognitionGuide
from clrface.restore.sampler import Guide, Sampler, SamplerSpec

SIZE_MULTIPLE = 16  # compression 4, then two halvings in the prior
# A batch's size changes the kernels' rounding (1e-6), and guidance amplifies it (13/255 seen). So the networks always see this many.
GROUP = 4


@dataclass(frozen=True)
class Settings(SamplerSpec):
    """The choices that an ablation turns; the config's `clrface:` block. docs/method.md says what each is in the paper."""

    guidance: Literal["none", "recognition", "recognition_free"] = "recognition"
    guidance_scale: float = 0.5
    mask: Literal["learned", "ones"] = "learned"


class CLRFace:
    """The four networks, and how they restore."""

    def __init__(self, autoencoder: Autoencoder, irn: RestorationUNet, prior: UNet2DModel, mask: LatentMask):
        self.autoencoder, self.irn, self.prior, self.mask = autoencoder, irn, prior, mask

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read the four networks from the sub-folders autoencoder, irn, prior and mask.

        Raises: UserError for a missing folder, or weights that don't fit their config.
        """
        folder = Path(folder)
        return cls(
            load_network(Autoencoder, folder / "autoencoder"),
            load_network(RestorationUNet, folder / "irn"),
            load_network(UNet2DModel, folder / "prior"),
            load_network(LatentMask, folder / "mask"),
        )

    def save_pretrained(self, folder: Path) -> None:
        """Write the four networks in half precision, as safetensors."""
        for name in ("autoencoder", "irn", "prior", "mask"):
            save_network(getattr(self, name), Path(folder) / name)

    def to(self, device: str | torch.device) -> Self:
        """Move all networks."""
        for network in (self.autoencoder, self.irn, self.prior, self.mask):
            move(network, device)
        return self

    @torch.no_grad()
    def restore(self, y: torch.Tensor, seeds: list[int], settings: Settings, recogniser: SFace | None = None) -> torch.Tensor:
        """Restore faces.

        Args:
            y: (B, 3, H, W) float32 RGB in [0, 1]; H and W multiples of 16.
            seeds: one an image; the same seed gives the same result in any batch.
            recogniser: needed for `guidance: recognition`.

        Returns: (B, 3, H, W) float32 in [0, 1].
        """
        if y.shape[-1] % SIZE_MULTIPLE or y.shape[-2] % SIZE_MULTIPLE:
            raise UserError(
                f"CLR-Face takes sides that are multiples of {SIZE_MULTIPLE}, found {tuple(y.shape[-2:])}. Set `resolution` accordingly."
            )
        groups = [slice(start, start + GROUP) for start in range(0, len(y), GROUP)]
        return torch.cat([self._restore_group(y[group], seeds[group], settings, recogniser) for group in groups])

    def _restore_group(self, y: torch.Tensor, seeds: list[int], settings: Settings, recogniser: SFace | None) -> torch.Tensor:
        """`restore` for at most GROUP images: they are filled up to GROUP, and the filling is dropped again."""
        count = len(y)
        y = torch.cat([y, y[-1:].expand(GROUP - count, -1, -1, -1)])
        seeds = seeds + seeds[-1:] * (GROUP - count)
        colour = y
        if self.autoencoder.config["luminance"]:
            y = luminance(y)
        z_y = self.autoencoder.encode(y)
        x_irn = self.irn(y).clamp(0, 1)
        if self.autoencoder.config["luminance"]:
            x_irn = luminance(x_irn)
        z_irn = self.autoencoder.encode(x_irn)
        eps = normal(seeds, tuple(z_y.shape[1:]), "restore").to(y.device)
        guide = self._guide(x_irn, z_y, z_irn, settings, recogniser)
        z_0 = Sampler(self.prior, settings).run(eps, z_y, z_irn, guide)
        # The chroma of a colour picture, where luminance alone is restored; zero where `colour` and `y` are the same.
        return (self.autoencoder.decode(z_0) + colour - y).clamp(0, 1)[:count]

    def latent_mask(self, z_y: torch.Tensor, z_irn: torch.Tensor, kind: str) -> torch.Tensor:
        """(B, 1, h, w) in (0, 1]: what guidance may change."""
        return self.mask(z_y, z_irn) if kind == "learned" else torch.ones_like(z_y[:, :1])

    def _guide(
        self, x_irn: torch.Tensor, z_y: torch.Tensor, z_irn: torch.Tensor, settings: Settings, recogniser: SFace | None
    ) -> Guide | None:
        if settings.guidance == "none":
            return None
        mask = self.latent_mask(z_y, z_irn, settings.mask)
        if settings.guidance == "recognition_free":
            return RecognitionFreeGuide(z_irn, mask, settings.guidance_scale)
        if recogniser is None:
            raise ValueError("Guidance by recognition needs the recogniser.")
        return RecognitionGuide(self.autoencoder, recogniser, x_irn, mask, settings.guidance_scale)
