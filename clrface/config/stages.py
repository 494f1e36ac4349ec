"""The training's stages: a network each, with its size and its losses.

A network's key that is left out has the default of its class in clrface/models.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from clrface.config.parts import Channels, Count, Folder, NotNegative, Part, Positive, PositiveShare, Share, Weight


class Nothing(Part):
    """No keys: {}."""


class Stage(Part):
    """The settings of every stage."""

    steps: NotNegative
    """Optimiser steps; 0, for an autoencoder that starts from a folder, leaves it as it is."""
    batch: Count
    """Images a step."""
    learning_rate: Positive
    """AdamW's, after the warm-up."""
    ema_decay: Share = 0.999
    """Decay of the averaged weights."""
    warmup: NotNegative = 100
    """Steps over which the learning rate rises."""
    checkpoint_every: Count = 250
    """Steps between checkpoints."""
    sample_every: Count = 1000
    """Steps between sample sheets."""
    log_every: Count = 10
    """Steps between lines of the log."""
    grey_probability: Share = 0.5
    """The probability that a training face is made grey. The embedded test faces are grey, the
    training faces are not.
    """
    gradient_checkpointing: bool = False
    """Gradient checkpointing: compute inner layers again in the backward pass; less memory, about a
    third more time.
    """


class UNetSize(Part):
    """The size of a diffusion network."""

    channels: Channels | None = None
    layers: Count | None = None
    """Residual blocks a level."""
    attention_levels: NotNegative | None = None
    """Lowest levels that have attention."""
    norm_groups: Count | None = None
    """Groups of the normalisation."""
    head_dim: Count | None = None
    """Channels of an attention head."""


class AutoencoderSize(Part):
    """The autoencoder's size."""

    channels: Channels | None = None
    layers: Count | None = None
    """Residual blocks a level."""
    patch: Count | None = None
    """Pixels a side that the stem folds into channels."""
    latent_channels: Count | None = None
    """Channels of the latent."""
    codes: Count | None = None
    """Size of the codebook."""
    code_channels: NotNegative | None = None
    """Channels of one code: a wider latent takes several codes. 0: all of them."""
    mid_attention: bool | None = None
    """Attention between the latent's positions, as in latent diffusion's autoencoders."""
    luminance: bool | None = None
    """Trained on grey faces alone: restores luminance, keeps chroma."""
    norm_groups: Count | None = None
    """Groups of the normalisation."""


class Perceptual(Part):
    """A perceptual loss."""

    perceptual: Weight
    """Weight of the perceptual loss."""
    perceptual_share: Share
    """Share of the batch that it uses."""


class Identity(Perceptual):
    """A perceptual loss and an identity loss."""

    identity: Weight
    """Weight of the identity loss."""
    identity_share: Share
    """Share of the batch that it uses."""


class AutoencoderOptions(Perceptual):
    """The autoencoder's losses and start."""

    adversarial: Weight
    """Weight of the adversarial loss."""
    adversarial_from: Share
    """Share of the steps after which it is applied."""
    quantise_from: Share
    """Share of the steps after which latents are quantised."""
    revive_every: Count
    """Steps between revivals of unused codes."""
    start_from: Folder | None = None
    """A folder of weights, e.g. from `clrface import-vq`: its codebook is kept."""
    trunk_from: Folder | None = None
    """A folder of weights of other latents: the fitting tensors of its encoder and decoder are the
    start.
    """


class AutoencoderStage(Stage):
    """The VQ autoencoder."""

    network: AutoencoderSize
    options: AutoencoderOptions


class DecoderOptions(Identity):
    """The decoder's losses."""

    adversarial: Weight
    """Weight of the adversarial loss."""
    adversarial_from: Share
    """Share of the steps after which it is applied."""


class DecoderStage(Stage):
    """The autoencoder's decoder, trained further with an identity loss."""

    network: Nothing
    options: DecoderOptions


class RestorationSize(UNetSize):
    """The size of a one-step U-Net."""

    patch: Count | None = None
    """Pixels a side that the stem folds into channels."""
    colours_grey: bool | None = None
    """Trained to colour grey photographs (a degradation such as colourise), which otherwise stay
    grey.
    """


def _with_share(loss: str) -> JsonDict:
    """A loss with a weight needs its share of the batch."""
    share = f"{loss}_share"
    return {
        "if": {"required": [loss]},
        "then": {"required": [share], "properties": {share: {"type": "number", "minimum": 0, "maximum": 1}}},
    }


class RestorationOptions(Part):
    """A one-step U-Net's losses and start."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_with_share("perceptual"), _with_share("identity")]})
    start_from: Literal["unet", "unet_perceptual", "unet_gan"] | Annotated[Folder, Field(pattern="/")] | None = None
    """The stage whose weights it starts from, or a folder of weights."""
    adversarial: Weight | None = None
    """Weight of the adversarial loss; 0 leaves it out."""
    perceptual: Weight | None = None
    """Weight of the perceptual loss; none when left out."""
    perceptual_share: Share | None = None
    """Share of the batch that it uses."""
    identity: Weight | None = None
    """Weight of the identity loss; none when left out."""
    identity_share: Share | None = None
    """Share of the batch that it uses."""


class RestorationStage(Stage):
    """A one-step U-Net: the baseline, or the IRN."""

    network: RestorationSize
    options: RestorationOptions


class IdentityStage(Stage):
    """The IRN's identity head."""

    network: Nothing
    options: Nothing


class PriorOptions(Part):
    """How the prior's training pairs are drawn."""

    near_t0: PositiveShare
    """Each pair is used at a time of the whole schedule, and at one below this share of it, counted
    from its clean end.
    """
    cache_latents: bool | None = None
    """Encode the clean faces once, into results/train. The ground truth is then flipped, but its
    lighting never changed.
    """


class PriorStage(Stage):
    """The diffusion prior over latents."""

    network: UNetSize
    options: PriorOptions


class RefinerOptions(Identity):
    """The settings of the restorations that it is for, and its losses on the decoded image."""

    t0: PositiveShare
    """As in the restorations that the refiner is trained for."""
    steps: Count
    """As in the restorations that the refiner is trained for."""
    residual: Share
    """As in the restorations that the refiner is trained for."""
    adversarial: Weight
    """Weight of the adversarial loss."""


class RefinerStage(Stage):
    """The prior, trained further with losses on the decoded image."""

    network: Nothing
    options: RefinerOptions


class CodesSize(Part):
    """The transformer's size."""

    places: Count | None = None
    """Codes of a face: (resolution / f) squared."""
    width: Count | None = None
    """Channels of the transformer."""
    depth: Count | None = None
    """Layers of the transformer."""
    heads: Count | None = None
    """Attention heads; they divide the width."""


class CodesOptions(Part):
    """The losses of the prediction of codes."""

    code: Weight
    """Weight of the codes' cross-entropy."""
    feature: Weight
    """Weight of the features' squared distance to the codes."""


class CodesStage(Stage):
    """The transformer that predicts codes."""

    network: CodesSize
    options: CodesOptions


class PixelDiffusionStage(Stage):
    """Conditional diffusion over pixels."""

    network: UNetSize
    options: Nothing


class MaskSize(Part):
    """The mask network's size."""

    width: Count | None = None
    """Channels of the hidden layers."""
    initial: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The mask's value before training."""


class MaskOptions(Part):
    """The guidance that the mask is trained on, and its losses."""

    scale: Weight
    """Weight of the guidance's step that the mask is trained on."""
    t0: PositiveShare
    """Times are drawn below this share of the schedule."""
    residual: Share
    """As in a restoration, whose value may differ."""
    sparsity: Weight
    """Weight of the mask's mean."""
    perceptual: Weight
    """Weight of the perceptual loss."""


class MaskStage(Stage):
    """The latent mask of the guidance."""

    network: MaskSize
    options: MaskOptions
