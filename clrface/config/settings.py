"""The settings of a run, declared once: types, ranges, defaults, descriptions.

`clrface.config.json_schema` makes the JSON Schema from them that editors read and configs are checked against, and the table in
docs/reference/configuration.md.
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
    """Faces of nobody, drawn by MobileStyleGAN (clrface generate), that are trained on beside the dataset's."""

    count: Count
    """How many."""
    seed: NotNegative
    """The shipped test faces are of seed 1."""
    truncation: PositiveShare
    """1: as varied as FFHQ; towards 0: more alike."""
    size: Annotated[int, Field(ge=32, le=512)]
    """Pixels a side, before aligning."""


class Stages(Part):
    """A stage a network, with its steps, its network's size and its losses."""

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
    """Processes that load and degrade images; 0 is the training process itself."""
    precision: Literal["fp32", "bf16"]
    """fp32, or mixed with bf16."""
    processes: Count
    """Processes that train together, one a GPU; they share out a stage's batch."""
    compile: bool
    """Run the networks through torch.compile: minutes at the start, faster steps on a GPU."""
    stages: Stages


class Config(Part):
    """The config of a run."""

    preset: Name
    """The name of a whole config. A file that sets it, or extends one that does, stands alone; any other is laid over
    config/embedded.yaml."""
    extends: str | list[str] | None = None
    """Files that this one is laid over, by their paths from its folder."""
    resolution: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]
    """Pixels a side: aligned faces, degradations, networks, metrics."""
    template: Literal["utkface", "ffhq"]
    """Where eyes and mouth are brought to in faces that are aligned here: the embedded preset's training faces have them as utkface,
    the field's sets as ffhq."""
    protocol: Protocol
    protocols: dict[Name, OwnProtocol] = Field(default_factory=dict)
    """Protocols of your own, laid over clrface/catalogue/protocols.yaml entry by entry."""
    base_seed: NotNegative
    """Degradations, bootstrap and every other draw derive from it."""
    seeds: Seeds
    """Restorations a stochastic method is run with."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """Where networks run; auto takes a GPU where there is one."""
    batch: Count
    """Images restored at once; changes speed, never the result."""
    chunk: Count
    """Images a job: what is redone at most after a stop."""
    weights: Annotated[str, Field(json_schema_extra={"format": "weights"})]
    """The weights of the methods that are trained here: those in models/ (shipped), those of `snakemake train` (fit), a folder, or a
    Hugging Face id."""
    bootstrap: Count
    """Resamples behind the 95 % intervals."""
    mirrors: Annotated[list[Folder], UNIQUE]
    """Folders looked into for an archive, by checksum, before the network."""
    timeout_s: Positive | None = None
    """Seconds that a silent or very slow server is waited for while fetching; 60 when left out."""
    datasets: Annotated[dict[Name, FolderDataset | ManifestDataset | SetDataset], Field(min_length=1)]
    """The test sets: those with a manifest, and the sets of aligned faces of clrface/catalogue/sources.yaml, by name; your own by
    folder. null takes one out."""
    tables: Annotated[dict[Name, Table], Field(min_length=1)]
    """The tables: which test sets, degraded by which degradations, restored by which rows; null takes one out."""
    methods: Annotated[dict[Name, Finished | dict[str, Any]], Field(min_length=1)]
    """One row each: a method's name with parameters that differ from its defaults, or your own name with a folder of finished images."""
    variants: dict[Name, Variant]
    """More rows: a name of your own, and under it one method with the parameters that differ."""
    clrface: Clrface
    sweeps: dict[Name, Sweep]
    """CLR-Face over grids of settings: results/<name>.csv and results/figures/<name>.png."""
    cost: Cost
    """What the rows cost: results/table6.csv."""
    mask_maps: MaskMaps
    """Whose masks results/mask.csv and results/figures/mask.png show."""
    training: Training
