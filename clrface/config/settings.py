"""The settings of a run, declared once: types, ranges, defaults, descriptions.

`clrface.config.json_schema` makes two files from them: the JSON Schema, which editors read and
configs are checked against, and the table in docs/reference/configuration.md.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from clrface.config.datasets import FolderDataset, ManifestDataset, SetDataset
from clrface.config.parts import (
    UNIQUE,
    Clrface,
    Count,
    Degradation,
    Folder,
    Manifest,
    Name,
    NotNegative,
    Part,
    Positive,
    PositiveShare,
    Protocol,
    Seeds,
    Variant,
)
from clrface.config.stages import (
    AutoencoderStage,
    CodesStage,
    DecoderStage,
    IdentityStage,
    MaskStage,
    PixelDiffusionStage,
    PriorStage,
    RefinerStage,
    RestorationStage,
)
from clrface.config.tables import Cost, Finished, MaskMaps, OwnProtocol, Sweep, Table


class Drawing(Part):
    """Faces of no real person, drawn by MobileStyleGAN (clrface generate), added to the training
    faces.
    """

    count: Count
    """The number of faces."""
    seed: NotNegative
    """Seed of the draws; the shipped test faces have seed 1."""
    truncation: PositiveShare
    """1: as varied as FFHQ; towards 0: more alike."""
    size: Annotated[int, Field(ge=32, le=512)]
    """Pixels a side, before aligning."""


class Stages(Part):
    """One stage for each network, with its steps, its network's size and its losses."""

    autoencoder: AutoencoderStage
    decoder: DecoderStage
    irn: RestorationStage
    identity: IdentityStage
    prior: PriorStage
    refiner: RefinerStage
    mask: MaskStage
    unet: RestorationStage
    unet_perceptual: RestorationStage
    unet_gan: RestorationStage
    codebook_vq: AutoencoderStage
    codebook: CodesStage
    pixel_diffusion: PixelDiffusionStage
    autoencoder_f4_short: AutoencoderStage
    prior_f4_short: PriorStage
    autoencoder_f8_short: AutoencoderStage
    prior_f8_short: PriorStage
    autoencoder_f16_short: AutoencoderStage
    prior_f16_short: PriorStage
    autoencoder_codes256_short: AutoencoderStage
    prior_codes256_short: PriorStage


class Training(Part):
    """What the networks are trained on."""

    dataset: Manifest
    generated: Drawing | None = None
    degradation: Degradation
    seed: NotNegative
    """Every draw of the training derives from it."""
    workers: NotNegative
    """Processes that load and degrade images; 0 uses the training process."""
    precision: Literal["fp32", "bf16"]
    """fp32, or mixed precision with bf16."""
    processes: Count
    """Processes that train together, one a GPU; they share a stage's batch."""
    compile: bool
    """Run the networks through torch.compile: minutes at the start, faster steps on a GPU."""
    stages: Stages


class Config(Part):
    """The config of a run."""

    preset: Name
    """The name of a complete config. A file that sets it, or extends one that does, is used alone;
    any other overrides config/embedded.yaml.
    """
    extends: str | list[str] | None = None
    """Files that this one overrides, by their paths from its folder."""
    resolution: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]
    """Pixels a side: aligned faces, degradations, networks, metrics."""
    template: Literal["utkface", "ffhq"]
    """The places of eyes and mouth in faces that are aligned here. The embedded preset's training
    faces use utkface, the field's sets ffhq.
    """
    protocol: Protocol
    protocols: dict[Name, OwnProtocol] = Field(default_factory=dict)
    """Protocols of your own; an entry replaces the one of its name in
    clrface/catalogue/protocols.yaml.
    """
    base_seed: NotNegative
    """Degradations, bootstrap and every other draw derive from it."""
    seeds: Seeds
    """The seeds of a stochastic method: one restoration each."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """Where networks run; auto takes a GPU if there is one."""
    batch: Count
    """Images restored at once; changes speed, never the result."""
    chunk: Count
    """Images in one job: the most that is repeated after a stop."""
    weights: Annotated[str, Field(json_schema_extra={"format": "weights"})]
    """The weights of the methods that are trained here: those in models/ (shipped), those of
    `snakemake train` (fit), a folder, or a Hugging Face id.
    """
    bootstrap: Count
    """Resamples for the 95 % intervals."""
    mirrors: Annotated[list[Folder], UNIQUE]
    """Folders that are searched for an archive, by checksum, before the network."""
    timeout_s: Positive | None = None
    """Seconds to wait for a silent or very slow server while fetching; default: 60."""
    datasets: Annotated[dict[Name, FolderDataset | ManifestDataset | SetDataset], Field(min_length=1)]
    """The test sets: by name, those with a manifest and the sets of aligned faces of
    clrface/catalogue/sources.yaml; your own by folder. null removes one.
    """
    tables: Annotated[dict[Name, Table], Field(min_length=1)]
    """The tables: their test sets, degradations and rows. null removes one."""
    methods: Annotated[dict[Name, Finished | dict[str, Any]], Field(min_length=1)]
    """One row each: a method's name with parameters that differ from its defaults, or your own name
    with a folder of finished images.
    """
    variants: dict[Name, Variant]
    """More rows: a name of your own, and under it one method with the parameters that differ."""
    clrface: Clrface
    sweeps: dict[Name, Sweep]
    """CLR-Face over grids of settings: results/<name>.csv and results/figures/<name>.png."""
    cost: Cost
    """The cost of the rows: results/table6.csv."""
    mask_maps: MaskMaps
    """The faces whose masks results/mask.csv and results/figures/mask.png show."""
    training: Training
