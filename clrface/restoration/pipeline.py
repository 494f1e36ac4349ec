"""The whole of CLR-Face: autoencoder, IRN with identity head, prior, mask and guidance.

Suin and Chellappa, arXiv 2402.06106. Notation: y is the degraded face; x_I = IRN(y), z_I = E(x_I),
z_y = E(y). The sampler starts at alpha z_I + sigma eps and refines given z_y and z_I. It is guided,
through the mask, towards the identity that the IRN recovered; x = G(z_0).
docs/explanation/method.md maps each part to the paper.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import torch
from diffusers import ModelMixin, UNet2DModel

from clrface.errors import UserError, unknown_name
from clrface.models.autoencoder import Autoencoder
from clrface.models.identity import IdentityHead
from clrface.models.loading import load_network, move, save_network
from clrface.models.mask import LatentMask
from clrface.models.recogniser import SFace
from clrface.models.unet import RestorationUNet
from clrface.noise import normal
from clrface.restoration.estimate import Decode, Estimate, decoding, estimate
from clrface.restoration.guidance import RecognitionFreeGuide, RecognitionGuide
from clrface.restoration.sampler import Guide, Sampler, SamplerSpec, Step
from clrface.stages import SHORT

OWN = "f4"
"""CLR-Face's own latents; those of an ablation are clrface.stages.SHORT."""
REFINER = "refiner"
# A batch's size changes the kernels' rounding (1e-6), and guidance amplifies it (13/255 seen). So the networks always see this many.
GROUP = 4


@dataclass(frozen=True)
class Settings(SamplerSpec):
    """The choices that an ablation changes: the config's `clrface:` block.

    docs/explanation/method.md explains each in the paper's terms.
    """

    guidance: Literal["none", "recognition", "recognition_free"] = "recognition"
    """What changes the estimate at each guided step; see clrface.restoration.guidance."""
    guidance_scale: float = 1.0
    """lambda, at least 0; see clrface.restoration.guidance."""
    target: Literal["head", "irn"] = "head"
    """The identity that guidance seeks: predicted by the IRN's head, or recognised in the IRN's
    image.
    """
    mask: Literal["learned", "ones", "random"] = "learned"
    """`ones` guides everywhere. `random` permutes the learned mask's values in each image, which
    keeps their mean.
    """
    residual: float = 0.7
    """The share, in [0, 1], of what the autoencoder loses of the IRN's output that is added back;
    see `decoding`.
    """
    latents: Literal["f4", "f4_short", "f8_short", "f16_short", "codes256_short"] = "f4"
    """CLR-Face's own latents, or those of an ablation (clrface.stages.SHORT), which have no mask.
    """


@dataclass(frozen=True)
class Moment:
    """One evaluation of the prior's network while GROUP faces are restored, for an observer.

    A smaller group is filled up with its last face.
    """

    known: Estimate
    guide: Guide | None
    """None with guidance `none`."""
    step: Step
    to_image: Callable[[torch.Tensor], torch.Tensor]
    """Map latents (GROUP, C, h, w) to finished images (GROUP, 3, H, W) in [0, 1]: the algorithm's
    last line.
    """


Observer = Callable[[Moment], None]
"""Called at every evaluation of the prior's network, group after group."""


class CLRFace:
    """The five networks, and restoration with them.

    Args:
        mask: None for an ablation's latents.
        latents: those of the autoencoder and the prior: `f4`, or an ablation's
            (clrface.stages.SHORT).

    Raises: ValueError for own latents without a mask, or an ablation's with one.

    >>> pipeline = CLRFace.from_pretrained(Path("models/clrface"))  # doctest: +SKIP
    >>> pipeline.restore(faces, [0], Settings(guidance="none"))  # doctest: +SKIP
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        irn: RestorationUNet,
        identity: IdentityHead,
        prior: UNet2DModel,
        mask: LatentMask | None,
        latents: str = OWN,
    ):
        if (mask is None) == (latents == OWN):
            raise ValueError(f"Found {'no' if mask is None else 'a'} mask for the latents {latents}: {OWN} need one, others have none.")
        self.autoencoder, self.irn, self.identity, self.prior, self.mask = autoencoder, irn, identity, prior, mask
        self.latents = latents

    @classmethod
    def from_pretrained(cls, folder: Path, latents: str = OWN) -> Self:
        """Read the five networks from the sub-folders decoder, irn, identity, refiner and mask.

        `decoder` is the autoencoder after that stage. `refiner` is the prior after that stage;
        weights without it have `prior` alone.

        Args:
            latents: `f4`, or those of an ablation (clrface.stages.SHORT), whose autoencoder and
                prior come from autoencoder_<latents> and prior_<latents>, without a mask.

        Raises: UserError for unknown latents, a missing folder, and weights that are damaged or
        don't fit their config.
        """
        folder = Path(folder)
        autoencoder, prior = _latent_folders(folder, latents)
        there = [name for name in (OWN, *SHORT) if _latent_folders(folder, name)[0].is_dir()]
        if there and latents not in there:
            raise UserError(
                f"{folder} holds the latents {', '.join(there)}, not {latents}. Ask for `latents: {there[0]}`, or give another folder."
            )
        return cls(
            load_network(Autoencoder, autoencoder),
            load_network(RestorationUNet, folder / "irn"),
            load_network(IdentityHead, folder / "identity"),
            load_network(UNet2DModel, folder / REFINER if latents == OWN and (folder / REFINER).is_dir() else prior),
            load_network(LatentMask, folder / "mask") if latents == OWN else None,
            latents,
        )

    def save_pretrained(self, folder: Path) -> None:
        """Write the networks in half precision, as safetensors, to the sub-folders from which
        `from_pretrained(folder, pipeline.latents)` reads them: decoder, irn, identity, prior and
        mask, or those of an ablation's latents. Networks that lie there are replaced; all latents in
        one folder share irn and identity.

        Raises: UserError for a folder with a `refiner`, which would be read in the place of the
        prior.
        """
        folder = Path(folder)
        if self.latents == OWN and (folder / REFINER).is_dir():
            raise UserError(
                f"{folder / REFINER} would be read in the place of the prior that is to be saved beside it. "
                "Save to another folder, or remove that one first."
            )
        for name, network in self._networks().items():
            save_network(network, folder / name)

    def to(self, device: str | torch.device) -> Self:
        """Move all networks to `device`; return the pipeline itself."""
        for network in self._networks().values():
            move(network, device)
        return self

    def _networks(self) -> dict[str, ModelMixin]:
        """Return the networks by their folders' names."""
        autoencoder, prior = (place.name for place in _latent_folders(Path(), self.latents))
        named: dict[str, ModelMixin] = {autoencoder: self.autoencoder, "irn": self.irn, "identity": self.identity, prior: self.prior}
        return named | ({"mask": self.mask} if self.mask else {})

    def make_recogniser(self, sources: Path) -> SFace:
        """Make the recogniser, for faces aligned as in the identity head's training.

        Args:
            sources: the folder of fetched sources.

        Raises: UserError for a recogniser that is missing or damaged.
        """
        return SFace(sources, self.identity.config["template"])

    @property
    def size_multiple(self) -> int:
        """Return what an image's sides must be multiples of: the compression times the prior's
        halvings.
        """
        return self.autoencoder.compression * 2 ** (len(self.prior.config["block_out_channels"]) - 1)

    @torch.no_grad()
    def restore(
        self,
        y: torch.Tensor,
        seeds: list[int],
        settings: Settings,
        recogniser: SFace | None = None,
        target: torch.Tensor | None = None,
        observe: Observer | None = None,
    ) -> torch.Tensor:
        """Restore faces.

        Args:
            y: (B, 3, H, W) float32 RGB in [0, 1]; H and W multiples of `size_multiple`.
            seeds: one an image; the same seed gives the same result in any batch.
            recogniser: by `make_recogniser`, on the pipeline's device; needed for `guidance:
                recognition`.
            target: faces of y's shape and range whose identity replaces the one that the IRN
                recovers: the ground truth, for an upper bound.
            observe: see `Observer`; changes nothing.

        Returns: (B, 3, H, W) float32 RGB in [0, 1].

        Raises: UserError for other sides, an unknown solver, more steps than the schedule has, and
        a learned or random mask where the latents have none; ValueError for `guidance: recognition`
        without a recogniser.
        """
        if y.shape[-1] % self.size_multiple or y.shape[-2] % self.size_multiple:
            raise UserError(
                f"CLR-Face takes sides that are multiples of {self.size_multiple}, found {tuple(y.shape[-2:])}. "
                "Set `resolution` accordingly."
            )
        restored = []
        for start in range(0, len(y), GROUP):
            group = slice(start, start + GROUP)
            count = len(y[group])
            of_group = None if target is None else _filled(target[group])
            filled_seeds = seeds[group] + seeds[group][-1:] * (GROUP - count)
            restored.append(self._restore_group(_filled(y[group]), filled_seeds, settings, recogniser, of_group, observe)[:count])
        return torch.cat(restored)

    def _restore_group(
        self,
        y: torch.Tensor,
        seeds: list[int],
        settings: Settings,
        recogniser: SFace | None,
        target: torch.Tensor | None,
        observe: Observer | None,
    ) -> torch.Tensor:
        """Run `restore` for GROUP images."""
        known = estimate(self.autoencoder, self.irn, y)
        eps = normal(seeds, tuple(known.z_y.shape[1:]), "restore").to(y.device)
        decode = decoding(self.autoencoder, known, settings.residual)
        guide = self._guide(decode, known, settings, seeds, recogniser, target)

        def to_image(z: torch.Tensor) -> torch.Tensor:
            return self.irn.tinted(decode(z) + known.chroma, y).clamp(0, 1)

        show = None if observe is None else lambda step: observe(Moment(known, guide, step, to_image))
        return to_image(Sampler(self.prior, settings).run(eps, known, guide, show))

    def latent_mask(self, known: Estimate, kind: str, seeds: Sequence[int] = ()) -> torch.Tensor:
        """Return how much guidance may change each latent position, (B, 1, h, w) in (0, 1].

        Args:
            kind: `learned`, `ones` or `random`; see `Settings.mask`.
            seeds: one an image, for a random mask.

        Raises: UserError where these latents have no mask, for any kind but `ones`.
        """
        if kind == "ones":
            return torch.ones_like(known.z_y[:, :1])
        if self.mask is None:
            raise UserError(f"These latents have no learned mask, found mask: {kind}. Give the variant `mask: ones` or `guidance: none`.")
        mask = self.mask(known.z_y, known.z_irn)
        if kind == "learned":
            return mask
        order = normal(list(seeds), (mask[0].numel(),), "random mask").argsort(1).to(mask.device)
        return mask.flatten(1).gather(1, order).view_as(mask)

    def _guide(
        self,
        decode: Decode,
        known: Estimate,
        settings: Settings,
        seeds: list[int],
        recogniser: SFace | None,
        faces: torch.Tensor | None,
    ) -> Guide | None:
        if settings.guidance == "none":
            return None
        mask = self.latent_mask(known, settings.mask, seeds)
        if settings.guidance == "recognition_free":
            return RecognitionFreeGuide(known.z_irn, mask, settings.guidance_scale)
        if recogniser is None:
            raise ValueError("Guidance by recognition needs the recogniser.")
        target = self._target(known, settings, recogniser) if faces is None else recogniser(self.autoencoder.seen(faces))
        return RecognitionGuide(decode, recogniser, target, mask, settings.guidance_scale)

    def _target(self, known: Estimate, settings: Settings, recogniser: SFace) -> torch.Tensor:
        """Return the identity that the IRN recovers, (B, 128)."""
        return self.identity(recogniser, known.x_irn, known.y) if settings.target == "head" else recogniser(known.x_irn)


def _latent_folders(folder: Path, latents: str) -> tuple[Path, Path]:
    """Return the folders of the autoencoder and of the prior.

    Raises: UserError for unknown latents.
    """
    if latents not in (OWN, *SHORT):
        raise unknown_name("latents", latents, (OWN, *SHORT))
    if latents == OWN:
        return folder / "decoder", folder / "prior"
    return folder / f"autoencoder_{latents}", folder / f"prior_{latents}"


def _filled(images: torch.Tensor) -> torch.Tensor:
    """Fill up to GROUP images with the last one.

    The memory layout is always the same. With channels last, as in images read from files,
    convolutions would round differently.
    """
    return torch.cat([images, images[-1:].expand(GROUP - len(images), -1, -1, -1)]).contiguous()
